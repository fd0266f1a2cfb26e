"""Validates objects, a line of JSON each, against Kubernetes' schemas and those of custom resources.

Arguments: Kubernetes' version, folders of schemas named GROUP_KIND_VERSION.json. Answers a line each.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate

VERSION, FOLDERS = sys.argv[1], [pathlib.Path(folder) for folder in sys.argv[2:]]
VALIDATORS = {}


def custom(value):
    """The validator of a custom resource, if there is a schema of its kind."""
    group, _, version = value["apiVersion"].rpartition("/")
    name = f"{group}_{value['kind'].lower()}_{version}.json"
    if name not in VALIDATORS:
        files = [folder / name for folder in FOLDERS if (folder / name).is_file()]
        schema = json.loads(files[0].read_text()) if files else None
        VALIDATORS[name] = schema and jsonschema.Draft202012Validator(schema)
    return VALIDATORS[name]


def said(error):
    """Where and what, in one line."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return f"{path or '.'}: {error.message[:300]}"


def answer(value):
    validator = custom(value)
    if validator is not None:
        # apiVersion, kind and metadata are the API server's to check.
        errors = sorted(validator.iter_errors(value), key=lambda e: len(e.absolute_path), reverse=True)
        return (said(errors[0]), False) if errors else (None, False)
    try:
        kubernetes_validate.validate(value, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return None, True
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return said(error), False
    return None, False


for line in sys.stdin:
    entry = json.loads(line)
    wrong, unknown = answer(entry["value"])
    print(json.dumps({"number": entry["number"], "wrong": wrong, "unknown": unknown}))
