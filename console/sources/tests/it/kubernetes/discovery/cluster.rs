//! A cluster with something of everything that becomes a target.

use serde_json::{Value, json};

use crate::kubernetes::api_server::{ApiServer, Resource};

pub const NODES: Resource = Resource { group_version: "api/v1", plural: "nodes", kind: "Node" };
pub const NAMESPACES: Resource =
    Resource { group_version: "api/v1", plural: "namespaces", kind: "Namespace" };
pub const PODS: Resource = Resource { group_version: "api/v1", plural: "pods", kind: "Pod" };
pub const SERVICES: Resource = Resource { group_version: "api/v1", plural: "services", kind: "Service" };
pub const ENDPOINTS: Resource = Resource { group_version: "api/v1", plural: "endpoints", kind: "Endpoints" };
pub const SLICES: Resource =
    Resource { group_version: "apis/discovery.k8s.io/v1", plural: "endpointslices", kind: "EndpointSlice" };
pub const INGRESSES: Resource =
    Resource { group_version: "apis/networking.k8s.io/v1", plural: "ingresses", kind: "Ingress" };
pub const SERVICE_MONITORS: Resource = Resource {
    group_version: "apis/monitoring.coreos.com/v1",
    plural: "servicemonitors",
    kind: "ServiceMonitor",
};
pub const POD_MONITORS: Resource =
    Resource { group_version: "apis/monitoring.coreos.com/v1", plural: "podmonitors", kind: "PodMonitor" };

const ALL: [Resource; 9] =
    [NODES, NAMESPACES, PODS, SERVICES, ENDPOINTS, SLICES, INGRESSES, SERVICE_MONITORS, POD_MONITORS];

/// Without any object.
pub async fn empty() -> ApiServer {
    ApiServer::start_with(&ALL).await
}

/// Two nodes, a service with two pods and an address outside, a bare pod, and an ingress.
pub async fn full() -> ApiServer {
    let server = empty().await;
    for (name, ip, zone) in [("n1", "192.168.0.1", "z1"), ("n2", "192.168.0.2", "z2")] {
        server.put(NODES, node(name, ip, zone));
    }
    server.put(NAMESPACES, json!({"metadata": {"name": "shop", "labels": {"team": "t1"}}}));
    server.put(PODS, pod("web-1", "10.0.0.5", "n1"));
    server.put(PODS, pod("web-2", "10.0.0.6", "n2"));
    let mut bare = pod("bare", "10.0.0.7", "n1");
    bare["metadata"]["namespace"] = json!("other");
    bare["spec"]["containers"] = json!([{"name": "only", "image": "only:1"}]);
    server.put(PODS, bare);
    server.put(SERVICES, service());
    server.put(ENDPOINTS, endpoints());
    server.put(SLICES, slice());
    server.put(INGRESSES, ingress());
    server
}

pub fn node(name: &str, ip: &str, zone: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
        "spec": {"providerID": format!("aws:///{zone}/{name}")},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": ip}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}
        }
    })
}

/// One that asks to be scraped at another port and path than it declares.
pub fn pod(name: &str, ip: &str, node: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("u-{name}"),
            "labels": {"app.kubernetes.io/name": "web"},
            "annotations": {
                "prometheus.io/scrape": "true", "prometheus.io/port": "9100", "prometheus.io/path": "/m"
            },
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7", "uid": "u", "controller": true}
            ]
        },
        "spec": {
            "nodeName": node,
            "containers": [
                {"name": "app", "image": "web:1", "ports": [
                    {"name": "http", "containerPort": 8080, "protocol": "TCP"},
                    {"name": "statsd", "containerPort": 8125, "protocol": "UDP"}
                ]},
                {"name": "sidecar", "image": "proxy:2"}
            ],
            "initContainers": [
                {"name": "migrate", "image": "migrate:3",
                 "ports": [{"name": "setup", "containerPort": 9000, "protocol": "TCP"}]}
            ]
        },
        "status": {
            "phase": "Running", "podIP": ip, "hostIP": "192.168.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "app", "containerID": "containerd://aa", "image": "web:1", "imageID": "i", "ready": true,
                 "restartCount": 0}
            ]
        }
    })
}

pub fn service() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"tier": "front", "app": "web"},
                     "annotations": {"prometheus.io/probe": "true"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.7",
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]}
    })
}

pub fn endpoints() -> Value {
    let address = |pod: &str, ip: &str, node: &str| json!({"ip": ip, "nodeName": node, "targetRef": {"kind": "Pod", "name": pod, "namespace": "shop"}});
    json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"own": "x"}},
        "subsets": [{
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "addresses": [address("web-1", "10.0.0.5", "n1"), {"ip": "10.1.0.1", "hostname": "outside"}],
            "notReadyAddresses": [address("web-2", "10.0.0.6", "n2")]
        }]
    })
}

fn slice() -> Value {
    json!({
        "metadata": {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}],
        "endpoints": [
            {"addresses": ["10.0.0.5"], "conditions": {"ready": true, "serving": true, "terminating": false},
             "nodeName": "n1", "zone": "z1", "targetRef": {"kind": "Pod", "name": "web-1", "namespace": "shop"}},
            {"addresses": ["10.1.0.1"], "conditions": {"ready": false}, "hostname": "outside"}
        ]
    })
}

fn ingress() -> Value {
    json!({
        "metadata": {"name": "edge", "namespace": "shop", "annotations": {"a/b": "c"}},
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["*.secure.test"]}],
            "rules": [
                {"host": "www.secure.test", "http": {"paths": [
                    {"path": "/cart", "pathType": "Prefix", "backend": {}},
                    {"pathType": "Prefix", "backend": {}}
                ]}},
                {"host": "plain.test"}
            ]
        }
    })
}
