"""What Flux would apply: the folders of `gitops/` that each cluster's Kustomizations name, rendered by kustomize and with
their variables in place."""

import json
import os
import re
import shutil

from harness.processes import output, program

FACTS = "gitops/cluster-facts.example.yaml"
ORIGIN = "config.kubernetes.io/origin"
DISABLED = "kustomize.toolkit.fluxcd.io/substitute: disabled"


def copy(root, place):
    """`gitops/` as it stands in the working tree, new files included and ignored ones not."""
    listed = output([program("git"), "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "gitops"])
    for name in filter(None, listed.split("\0")):
        source, target = os.path.join(root, name), os.path.join(place, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)


def facts(root):
    """Of a file with one `name: value` a line, as its own comment says."""
    with open(os.path.join(root, FACTS)) as file:
        text = file.read().partition("\ndata:\n")[2]
    return dict(re.findall(r"(?m)^  ([a-z_]+): (.+)$", text))


def substitute(document, variables):
    """`${name}`, as kustomize-controller does it in each object; `$${name}` stays as `${name}`."""
    if variables is None or DISABLED in document:
        return document
    return re.sub(r"\$?\$\{(\w+)\}", lambda m: m[0][1:] if m[0].startswith("$$") else variables.get(m[1], ""), document)


def told_of_origins(folder):
    """kustomize is to say of which file an object is; a folder that is rendered as a base of another one says it already."""
    path = os.path.join(folder, "kustomization.yaml")
    with open(path) as file:
        before = file.read()
    if "originAnnotations" not in before:
        with open(path, "w") as file:
            file.write(before.rstrip("\n") + "\nbuildMetadata: [originAnnotations]\n")
    return path, before


class Folder:
    """One folder as one cluster gets it: a document an object."""

    def __init__(self, tree, path, variables):
        self.tree, self.path = tree, path
        text = tree.rendered(path)
        self.documents = [substitute(d, variables) for d in text.split("\n---\n") if d.strip()]

    def kinds(self):
        both = [re.search(r"(?m)^apiVersion: (\S+)$", d)[1] for d in self.documents]
        return set(zip(both, [re.search(r"(?m)^kind: (\S+)$", d)[1] for d in self.documents]))

    def objects(self, kubectl):
        """Pairs of an object and its file. A kubectl that knows the kinds reads YAML; a namespace must be written."""
        text = "\n---\n".join(self.documents)
        printed = kubectl("create", "--dry-run=client", "--validate=false", "--output=json", "--filename=-", input=text)
        decoder, at, found = json.JSONDecoder(), 0, []
        while at < len(printed):
            if printed[at].isspace():
                at += 1
                continue
            value, at = decoder.raw_decode(printed, at)
            for one in value["items"] if value["kind"] == "List" else [value]:
                found.append((one, self.file(one)))
        return found

    def file(self, value):
        annotations = value["metadata"].get("annotations") or {}
        said = annotations.pop(ORIGIN, "")
        if not annotations:
            value["metadata"].pop("annotations", None)
        name = re.search(r"(?m)^(?:path|configuredIn): (\S+)$", said)
        return os.path.normpath(os.path.join(self.path, name[1])) if name else self.path


class Tree:
    """A copy of `gitops/` that may be changed."""

    def __init__(self, root, place):
        self.place, self.done = place, {}
        copy(root, place)
        self.facts = facts(root)

    def at(self, *parts):
        return os.path.join(self.place, *parts)

    def rendered(self, path):
        if path not in self.done:
            file, before = told_of_origins(self.at(path))
            try:
                self.done[path] = output([program("kubectl"), "kustomize", self.at(path)])
            finally:
                with open(file, "w") as again:
                    again.write(before)
        return self.done[path]

    def cluster(self, name, later=None):
        """The folders of a cluster, its own first, with the one in it that comes later, and those that both name."""
        own = f"gitops/clusters/{name}"
        variables = dict(self.facts, environment=name)
        folders = [Folder(self, path, variables) for path in (own, later and f"{own}/{later}") if path]
        for document in [document for folder in folders for document in folder.documents]:
            path = re.search(r"(?m)^  path: \./(\S+)$", document)
            if not re.search(r"(?m)^kind: Kustomization$", document) or path[1] == own:
                continue
            set_here = re.search(r"(?m)^    substitute:\n((?:      .+\n)+)", document)
            variables = dict(self.facts) if "substituteFrom:" in document else {}
            variables.update(re.findall(r"(?m)^      (\w+): (.+)$", set_here[1]) if set_here else [])
            folders.append(Folder(self, path[1], variables if "postBuild:" in document else None))
        return folders

    def clusters(self):
        """Each cluster; and each with what comes to it later: a folder in its own that its Kustomization does not name yet."""
        found = {}
        for name in sorted(os.listdir(self.at("gitops/clusters"))):
            found[name] = self.cluster(name)
            own = self.at("gitops/clusters", name)
            with open(os.path.join(own, "kustomization.yaml")) as file:
                named = {line.strip() for line in file}
            for later in sorted(os.listdir(own)):
                if os.path.isdir(os.path.join(own, later)) and f"- {later}" not in named:
                    found[f"{name}/{later}"] = self.cluster(name, later)
        return found

    def variants(self):
        """Folders that stand in place of production's."""
        found = {}
        for name in sorted(os.listdir(self.at("gitops/variants"))):
            base = f"gitops/variants/{name}"
            parts = sorted(os.listdir(self.at(base)))
            variables = dict(self.facts, environment="production")
            found[f"variants/{name}"] = [Folder(self, f"{base}/{part}", variables) for part in parts]
        return found
