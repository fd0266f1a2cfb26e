"""Every object is asked for by a server-side dry run: what the API server would refuse, and what it warns of."""

from concurrent.futures import ThreadPoolExecutor

from .api import Refused

AT_ONCE = 4
FLUX = "flux-system"


def shown(value):
    metadata = value["metadata"]
    return f"{value['kind']} {metadata.get('namespace', '')}{'/' if 'namespace' in metadata else ''}{metadata['name']}"


class DryRun:
    def __init__(self, cluster, unknown):
        self.cluster, self.api, self.unknown = cluster, cluster.api, set(unknown)
        self.refused, self.warned, self.left_out = [], {}, {}

    def make_namespaces(self, folders):
        """For real: nothing may be asked about an object whose namespace is not there. Flux's own is Terraform's to make."""
        made = {FLUX}
        self.asked({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FLUX}}, "terraform/modules/flux", dry_run=False)
        for folder in folders:
            for value, file in folder.known:
                if value["kind"] == "Namespace" and value["metadata"]["name"] not in made:
                    made.add(value["metadata"]["name"])
                    self.asked(value, file, dry_run=False)
        return made

    def read(self, folder):
        """The folder's objects of kinds that the API server knows; the others are counted."""
        for document, (version, kind) in zip(list(folder.documents), map(kind_of, folder.documents)):
            if (version, kind) in self.unknown:
                folder.documents.remove(document)
                self.left_out[kind] = self.left_out.get(kind, 0) + 1
        folder.known = folder.objects(self.cluster.kubectl)

    def ask(self, folder):
        """How many of the folder's objects the API server takes, of how many."""
        before = len(self.refused)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda pair: self.asked(*pair, dry_run=True), folder.known))
        return len(folder.known) - (len(self.refused) - before), len(folder.known)

    def asked(self, value, file, dry_run):
        try:
            _, warnings = self.api.apply(value, dry_run)
        except Refused as refused:
            for field, message in refused.fields():
                self.refused.append(f"{file}: {shown(value)}: {field + ': ' if field else ''}{message}")
            return
        for warning in warnings:
            text = warning.partition('"')[2].rstrip('"')
            self.warned.setdefault(text, f"{file}: {shown(value)}")


def kind_of(document):
    version = kind = ""
    for line in document.split("\n"):
        if line.startswith("apiVersion: "):
            version = line[12:]
        elif line.startswith("kind: "):
            kind = line[6:]
    return version, kind
