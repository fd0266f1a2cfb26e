"""A control plane on loopback: etcd, API server, controller manager, scheduler, and kwok in place of nodes' kubelets."""

import glob
import json
import os
import resource

from .api import Api
from .modules import module
from harness.processes import output, program

KUBERNETES = "1.36.3"
CLIENTS = {"admin": "system:masters", "system:kube-controller-manager": "", "system:kube-scheduler": ""}
# A node of staging's group (terraform/environments/staging): type m7i.large, as EKS leaves it to pods.
ZONES, NODES_PER_ZONE = ("eu-central-1a", "eu-central-1b", "eu-central-1c"), 3
# What kwok does with nodes and pods, from its own folder.
STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
ALLOCATABLE = {"cpu": "1930m", "memory": "7220Mi", "pods": "29", "ephemeral-storage": "47Gi"}


class Cluster:
    def __init__(self, place, processes, ports):
        self.place, self.processes, self.ports = place, processes, ports
        self.port = ports.free()
        self.api = Api(self.port, self.at("certificates/apiserver.crt"), "token-of-admin")

    def at(self, *parts):
        return os.path.join(self.place, *parts)

    def start(self):
        self.write_credentials()
        self.start_etcd()
        self.start_api_server()
        for client in CLIENTS:
            self.write_kubeconfig(client)

    def write_credentials(self):
        os.makedirs(self.at("certificates"))
        output([program("openssl"), "genrsa", "-out", self.at("account.key"), "2048"])
        with open(self.at("tokens.csv"), "w") as file:
            for number, (client, group) in enumerate(CLIENTS.items()):
                token = f"token-of-{client.rpartition(':')[2]}"
                file.write(f"{token},{client},{number}" + (f',"{group}"\n' if group else "\n"))

    def start_etcd(self):
        client, peer = (f"http://127.0.0.1:{self.ports.free()}" for _ in range(2))
        self.etcd = client
        self.processes.start("etcd", [
            program("etcd"), "--data-dir", self.at("etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync",
        ])

    def start_api_server(self):
        self.processes.start("kube-apiserver", [
            program("kube-apiserver"), f"--etcd-servers={self.etcd}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}", f"--cert-dir={self.at('certificates')}", f"--token-auth-file={self.at('tokens.csv')}",
            f"--service-account-key-file={self.at('account.key')}", f"--service-account-signing-key-file={self.at('account.key')}",
            f"--service-account-issuer=https://127.0.0.1:{self.port}", "--authorization-mode=RBAC",
            "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
            # As EKS starts it; what may be privileged is for the namespaces' pod security to say.
            "--allow-privileged=true",
            # Debian's etcd (3.4) cannot say how far it is, which lists as streams want; clients would ask for them for ever.
            "--feature-gates=WatchList=false",
        ])

        def ready():
            try:
                self.api.get("/readyz")
                # Made by the server itself, a moment after it is ready; objects without a namespace of theirs want it.
                return self.api.find("/api/v1/namespaces/default") is not None, "no namespace default"
            except Exception as error:  # whatever is wrong before it listens, and while it starts
                return False, error

        self.processes.answers("kube-apiserver", 120, ready)

    def kubeconfig(self, client="admin"):
        return self.at(f"{client.rpartition(':')[2]}.kubeconfig")

    def write_kubeconfig(self, client, token=None):
        server = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": self.at("certificates/apiserver.crt")}
        with open(self.kubeconfig(client), "w") as file:
            json.dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": server}],
                "users": [{"name": "u", "user": {"token": token or f"token-of-{client.rpartition(':')[2]}"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }, file)

    def account_kubeconfig(self, namespace, name):
        """Of a service account, with the rights that `gitops/` gives it and no others."""
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        token = self.api.call("POST", path, asked)[0]["status"]["token"]
        self.write_kubeconfig(f"account-{name}", token)
        return self.kubeconfig(f"account-{name}")

    def start_controllers(self):
        self.processes.start("kube-controller-manager", [
            program("kube-controller-manager"), f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            "--bind-address=127.0.0.1", f"--secure-port={self.ports.free()}", "--leader-elect=false",
            f"--service-account-private-key-file={self.at('account.key')}", "--use-service-account-credentials",
            f"--root-ca-file={self.at('certificates/apiserver.crt')}", "--kube-api-qps=200", "--kube-api-burst=400",
            "--controllers=*,-nodeipam,-node-route-controller,-cloud-node-lifecycle-controller",
        ])
        self.processes.start("kube-scheduler", [
            program("kube-scheduler"), f"--kubeconfig={self.kubeconfig('system:kube-scheduler')}", "--bind-address=127.0.0.1",
            f"--secure-port={self.ports.free()}", "--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400",
            f"--authentication-kubeconfig={self.kubeconfig('system:kube-scheduler')}",
            f"--authorization-kubeconfig={self.kubeconfig('system:kube-scheduler')}",
        ])

    def start_nodes(self, root):
        """Nodes in three zones that exist in name only: kwok says of each pod that is placed there that it is ready."""
        stages = os.path.join(module(root, "kwok", "sigs.k8s.io/kwok")[0], "kustomize/stage")
        files = [file for stage in STAGES for file in sorted(glob.glob(f"{stages}/{stage}/[!k]*.yaml"))]
        self.processes.start("kwok", [
            program("kwok"), f"--kubeconfig={self.kubeconfig()}", "--manage-all-nodes=true", "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{self.ports.free()}", *[f"--config={file}" for file in files],
        ])
        for zone in ZONES:
            for number in range(NODES_PER_ZONE):
                name = f"node-{zone[-1]}-{number}"
                labels = {
                    "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                    "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": zone[:-1],
                    "node.kubernetes.io/instance-type": "m7i.large",
                }
                node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
                node["status"] = {"allocatable": ALLOCATABLE, "capacity": ALLOCATABLE}
                self.api.call("POST", "/api/v1/nodes", node)

        def ready():
            nodes = self.api.get("/api/v1/nodes")["items"]
            conditions = [{c["type"]: c["status"] for c in n["status"].get("conditions", [])} for n in nodes]
            count = sum(c.get("Ready") == "True" for c in conditions)
            return count == len(nodes), f"{count} of {len(nodes)} nodes are ready"

        self.processes.answers("kwok", 60, ready)

    def kubectl(self, *arguments, **options):
        return output([program("kubectl"), f"--kubeconfig={self.kubeconfig()}", *arguments], **options)


def cpu_seconds():
    """Of all that was started and has ended, and of this program."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
