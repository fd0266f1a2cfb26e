#!/usr/bin/env python3
"""The cluster form against a real API server, and delivery by Flux's own controllers, without containers.

Every folder that Flux would apply is asked for object by object (server-side dry run). Then source- and
kustomize-controller apply staging from a repository of this run, nodes without kubelets make its pods ready, a commit that
the API server refuses is pushed and taken back, and the console says so. Nothing outlives the run.

infra-api.py CONSOLE    the console's program, with its browser client in ../site; the other programs lie where
                        `xtask/setup.sh infra-api` puts them
infra-api.py            without the console
KEEP=1                  leaves logs and state of the run where they are
"""

import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.console import Console
from harness.processes import Ports, Processes, end_on_sigterm
from harness.report import Failure, head, indented, row
from infra_api.cluster import KUBERNETES, NODES_PER_ZONE, ZONES, Cluster, cpu_seconds
from infra_api.console import Events, configuration
from infra_api.definitions import Definitions
from infra_api.delivery import Delivery
from infra_api.dry_run import DryRun
from infra_api.repository import Repository
from infra_api.tree import Tree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMESPACES = ("quarterdeck", "data", "observability")
# What a hand slips on: the autoscaler owns the replicas, and the API server takes no negative ones.
BAD_PATCH = """\
  - target:
      kind: Deployment
      name: orders
    patch: |
      - op: add
        path: /spec/replicas
        value: -2
"""
BAD_FIELD = "spec.replicas"
APPS = "gitops/apps/staging/kustomization.yaml"


def timed(what, work):
    begun = time.monotonic()
    done = work()
    row(what, f"{time.monotonic() - begun:.1f} s")
    return done


def dry_run(cluster, tree):
    """Asks for everything; how many objects were refused."""
    head("Every folder, object by object (server-side dry run)")
    clusters = {**tree.clusters(), **tree.variants()}
    folders = [folder for of in clusters.values() for folder in of]
    definitions = Definitions(ROOT, cluster)
    definitions.apply(set().union(*(folder.kinds() for folder in folders)))
    for origin, count in definitions.origins.items():
        row(f"definitions: {origin}", f"{count} kinds")
    for version, kind in definitions.unknown:
        row(f"no definition of {kind} ({version})", "its objects are not asked for")
    asking = DryRun(cluster, definitions.unknown)
    for folder in folders:
        asking.read(folder)
    made = asking.make_namespaces(folders)
    row("namespaces, made for real", f"{len(made)}")
    begun, total = time.monotonic(), 0
    for name, of in clusters.items():
        for folder in of:
            taken, count = asking.ask(folder)
            total += count
            row(f"{name}: {folder.path}", f"{taken} of {count} are taken")
    row("objects asked for", f"{total} in {time.monotonic() - begun:.1f} s")
    if asking.warned:
        row("warnings", f"{len(asking.warned)}")
        indented(f"{where}: {text}" for text, where in asking.warned.items())
    row("refused", f"{len(asking.refused)}")
    indented(asking.refused)
    return clusters["staging"][0], len(asking.refused)


class Run:
    """Delivery, from the first commit to the one that takes another back."""

    def __init__(self, place, cluster, processes, ports, console_program):
        self.processes, self.cluster = processes, cluster
        self.repository = Repository(ROOT, place, ports.free())
        self.delivery = Delivery(cluster, processes, ports, self.repository)
        self.events = Events(ports.free())
        self.console = Console(console_program, processes, ports) if console_program else None

    def start(self, own, facts):
        head("Flux applies staging from a repository")
        self.cluster.start_controllers()
        timed(f"controller manager, scheduler; kwok: {NODES_PER_ZONE} nodes in each of {len(ZONES)} zones", lambda: self.cluster.start_nodes(ROOT))
        objects = [value for value, _ in own.known]
        self.delivery.leave_out(objects)
        for line in self.delivery.left_out:
            row(*line.split(": ", 1))
        row("secrets", "nobody makes them, and no kubelet misses them")
        self.repository.start()
        first = self.repository.push("feat(gitops): what staging is")
        self.delivery.make_volumes()
        self.delivery.bootstrap(objects, facts)
        self.events.start()
        self.delivery.start(self.events.address())
        names = sorted({v["metadata"]["name"] for v in objects if v["kind"] == "Kustomization"})
        done = self.delivery.all_ready(first, names, 420)
        for name, seconds in sorted(done.items(), key=lambda pair: pair[1]):
            row(f"Kustomization {name} is ready at main@sha1:{first[:8]} after", f"{seconds:.1f} s")
        row("all pods are ready, after another", f"{self.delivery.all_pods_ready(NAMESPACES, 180):.1f} s")
        for namespace in NAMESPACES:
            ready, count, zones = self.delivery.pods(namespace)
            workloads = len(self.delivery.workloads(namespace))
            row(f"namespace {namespace}: {workloads} workloads", f"{ready} of {count} pods ready, in {zones} zones")
        return first, names

    def start_console(self, first, names):
        """As the cluster's own console, with the rights of its service account, and told by Flux from now on."""
        head("The console beside it")
        kubeconfig = self.cluster.account_kubeconfig("quarterdeck", "console")
        lines = configuration(self.console, ROOT, self.repository.clone, kubeconfig)
        timed("started, as the service account that gitops/ gives it", lambda: self.console.start(lines))
        self.console.log_in()
        self.events.server.target = self.console.ports["listen"]
        row("in place of notification-controller", "this run signs the controllers' events for the console")
        refused = ("may not", "cannot be reached", "has not answered")
        seconds = self.console.shows("what Flux applied, on Deploys", [*names, first[:8]], 60, without=refused)
        row(f"Deploys shows all Kustomizations at {first[:8]} after", f"{seconds:.1f} s")
        self.delivery.suspend("observability", "somebody")
        seconds = self.console.shows("a suspension, on Deploys", ["suspended by somebody"], 30)
        row("observability is suspended, and Deploys says by whom after", f"{seconds:.1f} s")
        self.delivery.suspend("observability", "somebody", is_suspended=False)
        self.console.shows("the end of a suspension, on Deploys", [], 30, without=["suspended by somebody"])

    def break_and_revert(self, first, names):
        head("A commit that the API server refuses")
        before = self.delivery.workloads("quarterdeck")
        self.repository.write(APPS, self.repository.read(APPS) + BAD_PATCH)
        bad = self.repository.push("perf(orders): fewer of them")
        self.delivery.reconcile()
        seconds, said = self.delivery.fails("apps", [BAD_FIELD], 300)
        row("replicas: -2 is pushed, and apps is not ready after", f"{seconds:.1f} s")
        indented([said.replace("\n", " ")[:240]])
        if self.console:
            words = ["1 object fails", BAD_FIELD, f"tried {bad[:8]}", first[:8]]
            seconds = self.console.shows("the failure, on Deploys", words, 60)
            row("Deploys shows it with field, commit, and what is applied still, after", f"{seconds:.1f} s")
        if self.delivery.workloads("quarterdeck") != before:
            raise Failure("the refused commit has changed what runs")
        row("what ran before runs unchanged", f"{len(before)} workloads, {sum(w[3] for w in before.values())} pods ready")
        reverted = self.repository.revert()
        self.delivery.reconcile()
        seconds = max(self.delivery.all_ready(reverted, names, 300).values())
        row(f"it is reverted, and all are ready at main@sha1:{reverted[:8]} after", f"{seconds:.1f} s")
        if self.console:
            words = ["nothing fails", reverted[:8]]
            seconds = self.console.shows("the recovery, on Deploys", words, 60, without=["tried "])
            row("Deploys shows that nothing fails after", f"{seconds:.1f} s")
            passed = self.events.server.passed
            row("events that the console was sent", ", ".join(f"{count} with {status}" for status, count in sorted(passed.items())))


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    console = sys.argv[1] if len(sys.argv) == 2 else None
    if console and not os.access(console, os.X_OK):
        sys.exit(f"error: {console} is no program")
    end_on_sigterm()
    begun = time.monotonic()
    place = tempfile.mkdtemp(prefix="qd-api-")
    processes, ports = Processes(place), Ports()
    try:
        tree = Tree(ROOT, os.path.join(place, "tree"))
        cluster = Cluster(place, processes, ports)
        head("An API server")
        timed(f"etcd, kube-apiserver {KUBERNETES}", cluster.start)
        own, refused = dry_run(cluster, tree)
        if refused:
            raise Failure(f"{refused} mistakes in gitops/")
        run = Run(place, cluster, processes, ports, console)
        first, names = run.start(own, tree.facts)
        if console:
            run.start_console(first, names)
        run.break_and_revert(first, names)
        head("What it took")
        row("memory at the end", ", ".join(f"{name} {processes.memory_mb(name)} MB" for name, _ in processes.running))
        processes.stop()
        row("all of it", f"{time.monotonic() - begun:.0f} s, {cpu_seconds():.0f} s of one core")
    except Failure as failure:
        sys.exit(f"\nerror: {failure}")
    finally:
        processes.stop()
        if os.environ.get("KEEP"):
            print(f"logs lie in {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)


main()
