"""Flux in the cluster of staging: its controllers apply `gitops/` from a repository, and nothing else does."""

import json
import os
import time

from harness.processes import program
from harness.report import Failure, eventually

# What has a controller here: the others stay as they were declared, for ever.
JUDGED = ("apps/v1", "source.toolkit.fluxcd.io/v1", "batch/v1")
SUSPENDED = """\
- op: add
  path: /spec/suspend
  value: true
"""
FLUX = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"
SOURCE = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"
OWN = "gitops/clusters/staging"
VOLUMES = 24


def condition(value, kind="Ready"):
    found = [c for c in (value.get("status") or {}).get("conditions") or [] if c["type"] == kind]
    return found[0] if found else {"status": "Unknown", "message": "nothing is said yet", "reason": ""}


class Delivery:
    def __init__(self, cluster, processes, ports, repository):
        self.cluster, self.api, self.processes = cluster, cluster.api, processes
        self.ports, self.repository = ports, repository
        self.left_out = []

    def start(self, events_address):
        artifacts = f"127.0.0.1:{self.ports.free()}"
        environment = {"KUBECONFIG": self.cluster.kubeconfig(), "RUNTIME_NAMESPACE": "flux-system"}
        free = lambda: f"127.0.0.1:{self.ports.free()}"
        os.makedirs(self.cluster.at("artifacts"))
        common = [f"--events-addr={events_address}", "--watch-all-namespaces=true", "--log-encoding=json"]
        self.processes.start("source-controller", [
            program("source-controller"), *common, f"--metrics-addr={free()}", f"--health-addr={free()}",
            f"--storage-addr={artifacts}", f"--storage-adv-addr={artifacts}", f"--storage-path={self.cluster.at('artifacts')}",
        ], **environment)
        self.processes.start("kustomize-controller", [
            program("kustomize-controller"), *common, f"--metrics-addr={free()}", f"--health-addr={free()}",
        ], **environment)

    def leave_out(self, objects):
        """Says of staging's Kustomizations in the clone what cannot come true here: health of what nobody makes, and charts
        of repositories elsewhere. They are patches in the cluster's own folder, applied by Flux as everything else."""
        patches = []
        for value in objects:
            if value["kind"] != "Kustomization":
                continue
            name, spec = value["metadata"]["name"], value["spec"]
            checks = spec.get("healthChecks") or []
            kept = [check for check in checks if check["apiVersion"] in JUDGED]
            operations = []
            if kept != checks:
                operations.append({"op": "replace", "path": "/spec/healthChecks", "value": kept})
                gone = sorted({check["kind"] for check in checks} - {check["kind"] for check in kept})
                self.left_out.append(f"{name}: no health of {', '.join(gone)}: nothing here makes it")
            if "healthCheckExprs" in spec:
                operations.append({"op": "remove", "path": "/spec/healthCheckExprs"})
            if name in ("infrastructure-controllers", "observability"):
                suspend = [{"target": {"kind": "HelmRepository"}, "patch": SUSPENDED}]
                operations.append({"op": "add", "path": "/spec/patches", "value": suspend})
                self.left_out.append(f"{name}: HelmRepository suspended: charts are elsewhere, and no helm-controller is here")
            if operations:
                patches.append({"target": {"kind": "Kustomization", "name": name}, "patch": json.dumps(operations)})
        path = f"{OWN}/kustomization.yaml"
        # JSON is YAML.
        self.repository.write(path, self.repository.read(path) + f"patches: {json.dumps(patches)}\n")

    def bootstrap(self, objects, facts):
        """As `terraform/modules/flux/bootstrap.sh` does it: the facts, the token, and the cluster's own folder."""
        elsewhere, facts = facts["repository_url"], dict(facts, repository_url=self.repository.url)
        metadata = {"name": "cluster-facts", "namespace": "flux-system"}
        for value in (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": facts},
            self.repository.secret(),
        ):
            self.api.apply(value)
        for value in objects:
            if value["kind"] == "GitRepository" or value["metadata"]["name"] == "flux-system":
                self.api.apply(json.loads(json.dumps(value).replace(elsewhere, self.repository.url)))

    def make_volumes(self):
        """In place of the CSI driver's: whatever claims a volume of the class `data` gets one."""
        for number in range(VOLUMES):
            self.api.call("POST", "/api/v1/persistentvolumes", {
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"volume-{number}"},
                "spec": {
                    "capacity": {"storage": "500Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "data",
                    "hostPath": {"path": f"/volumes/{number}"}, "persistentVolumeReclaimPolicy": "Retain",
                },
            })

    def kustomizations(self):
        return {k["metadata"]["name"]: k for k in self.api.get(FLUX)["items"]}

    def reconcile(self):
        """Asks for the newest commit now, as the repository's webhook does; a minute later it would be asked for anyway."""
        change = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": str(time.time_ns())}}}
        self.api.merge(SOURCE, change)

    def suspend(self, name, who, is_suspended=True):
        change = {"spec": {"suspend": is_suspended}}
        self.api.merge(f"{FLUX}/{name}?fieldManager={who}", change)

    def all_ready(self, revision, names, seconds):
        """Seconds from now until each is ready at the revision."""
        begun, done = time.monotonic(), {}

        def ready():
            for name in ("source-controller", "kustomize-controller"):
                self.processes.still_runs(name)
            found, seen = self.kustomizations(), []
            for name in names:
                value = found.get(name, {"status": {}})
                ready, applied = condition(value), value["status"].get("lastAppliedRevision", "") if "status" in value else ""
                is_ready = ready["status"] == "True" and applied.endswith(revision)
                if is_ready and ready.get("observedGeneration") == value["metadata"].get("generation"):
                    done.setdefault(name, time.monotonic() - begun)
                elif name not in done:
                    seen.append(f"{name}: {ready['status']} {ready['reason']}: {ready['message'][:600]}")
            return len(done) == len(names), "\n".join(seen) or self.api.get(SOURCE).get("status")

        eventually("all Kustomizations ready", seconds, ready)
        return done

    def fails(self, name, words, seconds):
        """Seconds until the Kustomization is not ready, for a reason that has all words in it; and what it says."""
        begun = time.monotonic()

        def failed():
            ready = condition(self.kustomizations()[name])
            return ready["status"] == "False" and all(word in ready["message"] for word in words), ready["message"]

        said = eventually(f"{name} not ready because of {' '.join(words)}", seconds, failed)
        return time.monotonic() - begun, said

    def workloads(self, namespace):
        """Of each workload: what makes it another one, and how many pods it wants and has ready."""
        found = {}
        for kind in ("deployments", "statefulsets", "daemonsets"):
            for value in self.api.get(f"/apis/apps/v1/namespaces/{namespace}/{kind}")["items"]:
                status = value.get("status", {})
                wanted = value["spec"].get("replicas", status.get("desiredNumberScheduled", 0))
                ready = status.get("readyReplicas", status.get("numberReady", 0))
                metadata = value["metadata"]
                found[f"{kind}/{metadata['name']}"] = (metadata["uid"], metadata["generation"], wanted, ready)
        return found

    def fewest_replicas(self, namespace):
        """Of each workload that an autoscaler scales: it begins with one, and the autoscaler comes a moment later."""
        found = {}
        for value in self.api.get(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")["items"]:
            target = value["spec"]["scaleTargetRef"]
            found[f"{target['kind'].lower()}s/{target['name']}"] = value["spec"].get("minReplicas", 1)
        return found

    def all_pods_ready(self, namespaces, seconds):
        def ready():
            seen = []
            for namespace in namespaces:
                fewest = self.fewest_replicas(namespace)
                for name, (_, _, wanted, ready) in self.workloads(namespace).items():
                    wanted = max(wanted, fewest.get(name, 1))
                    if ready < wanted:
                        seen.append(f"{namespace} {name}: {ready} of {wanted} pods are ready")
            return not seen, "; ".join(seen)

        begun = time.monotonic()
        try:
            eventually("pods", seconds, ready)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.why_pods_wait(namespaces)}") from None
        return time.monotonic() - begun

    def why_pods_wait(self, namespaces):
        said = []
        for namespace in namespaces:
            for pod in self.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]:
                if condition(pod)["status"] != "True":
                    why = condition(pod, "PodScheduled")
                    said.append(f"{namespace}/{pod['metadata']['name']}: {pod['status'].get('phase')}: {why.get('message', why['status'])[:300]}")
            for event in self.api.get(f"/api/v1/namespaces/{namespace}/events")["items"]:
                if event["type"] == "Warning" and event["reason"] == "FailedCreate":
                    said.append(f"{namespace}/{event['involvedObject']['name']}: {event['message'][:300]}")
        return "\n".join(said[:12])

    def pods(self, namespace):
        """Ready pods, all pods, and the zones in which ready ones are."""
        zones = {n["metadata"]["name"]: n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in self.api.get("/api/v1/nodes")["items"]}
        pods = [p for p in self.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"] if p["status"].get("phase") != "Succeeded"]
        ready = [p for p in pods if condition(p)["status"] == "True"]
        return len(ready), len(pods), len({zones[p["spec"]["nodeName"]] for p in ready})
