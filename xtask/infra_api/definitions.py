"""Definitions of custom resources, so that the API server takes their objects.

Flux's and Elastic's are those that the controllers bring: files of their Go modules. The others are made again from the
schemas in `../shared/schemas/crds` and `xtask/src/infra/manifests/schemas`, which were made from definitions: they kept
types, patterns, defaults, CEL rules and keys of lists, and said of every object that it has no other fields.
"""

import glob
import json
import os
import re

from .modules import module
from harness.report import Failure, eventually

OWN = "xtask/src/infra/manifests/schemas"
SHARED = "schemas/crds"
# Of the kinds that are made from schemas, which do not say it.
CLUSTER_SCOPED = {"GatewayClass", "ClusterSecretStore", "NodePool", "EC2NodeClass"}
FLUX = ("github.com/fluxcd/source-controller", "github.com/fluxcd/kustomize-controller")
ELASTIC = "github.com/elastic/cloud-on-k8s/v3"
# Groups of the API server's own have no point in their name, or end like this.
BUILT_IN = ".k8s.io"
GATEWAY = "gateway.networking.k8s.io"


def elastic_version(root):
    """What the clusters' HelmRelease installs."""
    with open(os.path.join(root, "gitops/infrastructure/controllers/eck-operator.yaml")) as file:
        return "v" + re.search(r'version: "([^"]+)"', file.read())[1]


def is_custom(version):
    group = version.rpartition("/")[0]
    return "." in group and (group == GATEWAY or not group.endswith(BUILT_IN) or group.endswith(".k8s.elastic.co"))


def plural(kind):
    name = kind.lower()
    if name.endswith("y") and name[-2] not in "aeo":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "x")) else "s")


def structural(schema):
    """A schema as the API server wants it: what says `additionalProperties: false` is what it does anyway."""
    if isinstance(schema, list):
        return [structural(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            # One of them had a field `properties`, and took `additionalProperties: false` for another.
            made[key] = {name: structural(part) for name, part in value.items() if isinstance(part, dict)}
        elif key == "additionalProperties" and value is False:
            continue
        elif key in ("$schema", "title", "example"):
            continue
        elif key == "oneOf" and sorted(part.get("type", "") for part in value) == ["integer", "string"] and "type" not in schema:
            made["x-kubernetes-int-or-string"] = True
        elif key in ("default", "enum", "required", "x-kubernetes-validations"):
            made[key] = value
        else:
            made[key] = structural(value)
    return made


def definition(version, kind, schema):
    group, _, number = version.rpartition("/")
    schema = structural(schema)
    schema["properties"].setdefault("metadata", {"type": "object"})
    schema["properties"].setdefault("status", {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    metadata = {"name": f"{plural(kind)}.{group}"}
    if group.endswith(BUILT_IN):
        metadata["annotations"] = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata,
        "spec": {
            "group": group, "scope": "Cluster" if kind in CLUSTER_SCOPED else "Namespaced",
            "names": {"kind": kind, "plural": plural(kind), "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{
                "name": number, "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }


class Definitions:
    """What was applied, by origin, and the kinds that nothing defines here."""

    def __init__(self, root, cluster):
        self.root, self.cluster, self.api = root, cluster, cluster.api
        self.shared = os.path.join(os.path.dirname(root), "shared", SHARED)
        self.origins, self.unknown = {}, []

    def apply(self, kinds):
        """Defines all of `kinds`: pairs of an apiVersion and a kind."""
        for name in FLUX:
            folder, version = module(self.root, "flux", name)
            files = sorted(glob.glob(os.path.join(folder, "config/crd/bases/*.yaml")))
            self.bring(f"{name.rpartition('/')[2]} {version}", files)
        elastic = elastic_version(self.root)
        folder, version = module(self.root, "flux", ELASTIC, elastic)
        self.bring(f"ECK {version}", [os.path.join(folder, "config/crds/v1/all-crds.yaml")])
        served = self.served()
        for version, kind in sorted(kinds):
            if is_custom(version) and (version, kind) not in served:
                self.make(version, kind)
        eventually("definitions of custom resources", 60, self.established)

    def bring(self, origin, files):
        if not files:
            raise Failure(f"{origin} brings no definitions")
        # They are too large for the annotation that client-side apply keeps.
        said = self.cluster.kubectl("apply", "--server-side", "-o", "name", *[f"--filename={file}" for file in files])
        self.origins[origin] = len(said.split())

    def served(self):
        found = set()
        for crd in self.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]:
            spec = crd["spec"]
            found |= {(f"{spec['group']}/{v['name']}", spec["names"]["kind"]) for v in spec["versions"] if v["served"]}
        return found

    def make(self, version, kind):
        group, _, number = version.rpartition("/")
        name = f"{group}_{kind.lower()}_{number}.json"
        for origin, folder in (("schemas of this repository", os.path.join(self.root, OWN)), ("../shared/" + SHARED, self.shared)):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path) as file:
                    self.api.apply(definition(version, kind, json.load(file)))
                self.origins[origin] = self.origins.get(origin, 0) + 1
                return
        self.unknown.append((version, kind))

    def established(self):
        waiting = []
        for crd in self.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]:
            conditions = {c["type"]: c for c in (crd.get("status") or {}).get("conditions") or []}
            if conditions.get("NamesAccepted", {}).get("status") == "False" or conditions.get("NonStructuralSchema"):
                bad = conditions.get("NonStructuralSchema") or conditions["NamesAccepted"]
                raise Failure(f"{crd['metadata']['name']}: {bad['message'][:800]}")
            if conditions.get("Established", {}).get("status") != "True":
                waiting.append(crd["metadata"]["name"])
        return not waiting, waiting
