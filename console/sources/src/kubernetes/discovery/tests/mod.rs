//! What each role makes of objects: YAML in, label sets out, as Prometheus 3 documents them.

mod endpoints;
mod endpointslice;
mod ingress;
mod node;
mod pod;
mod service;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use console_ingest::scrape::{ClusterGroup, LabelMap};
use k8s_openapi::{Resource, api::core::v1::Pod};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::objects::{Objects, Seen, Surroundings};

fn object<K: DeserializeOwned>(yaml: &str) -> K {
    serde_json::from_value(serde_saphyr::from_str::<Value>(yaml).unwrap()).unwrap()
}

/// All objects of a kind among several documents.
fn all<K: DeserializeOwned + Resource>(yaml: &str) -> Objects<K> {
    let mut found = BTreeMap::new();
    for document in yaml.split("\n---\n") {
        let value: Value = serde_saphyr::from_str(document).unwrap();
        if value["kind"] == K::KIND {
            let text = |name: &str| value["metadata"][name].as_str().unwrap_or_default().to_owned();
            let key = (text("namespace"), text("name"));
            let object = serde_json::from_value(value).unwrap();
            found.insert(key, Arc::new(Seen { object, stamp: 1 }));
        }
    }
    found
}

/// Pods and services only.
fn around(yaml: &str) -> Surroundings {
    Surroundings { pods: Arc::new(all(yaml)), services: Arc::new(all(yaml)), nodes: None, namespaces: None }
}

/// With nodes and namespaces as well.
fn attached(yaml: &str) -> Surroundings {
    Surroundings { nodes: Some(Arc::new(all(yaml))), namespaces: Some(Arc::new(all(yaml))), ..around(yaml) }
}

/// The source, the labels of the group, and those of each target behind a dash; without what all names begin with.
fn shown(group: &ClusterGroup) -> String {
    let mut out = format!("{}\n", group.source);
    let mut labels = |first: &str, labels: &LabelMap| {
        for (i, (name, value)) in labels.iter().enumerate() {
            let name = name.strip_prefix("__meta_kubernetes_").unwrap_or(name);
            writeln!(out, "{} {name}={value}", if i == 0 { first } else { " " }).unwrap();
        }
    };
    labels(" ", &group.labels);
    for target in &group.targets {
        labels("-", target);
    }
    out
}

#[track_caller]
fn assert_group(group: &ClusterGroup, expected: &str) {
    let expected: String = expected
        .lines()
        .map(|line| line.strip_prefix("            ").unwrap_or(line))
        .fold(String::new(), |all, line| if line.trim().is_empty() { all } else { all + line + "\n" });
    assert_eq!(shown(group), expected, "\n{}\ninstead of\n{expected}", shown(group));
}

/// Two containers, one with two ports and one without any, and one that runs before them.
const POD: &str = "
kind: Pod
metadata:
  name: web-1
  namespace: shop
  uid: u-1
  labels: {app.kubernetes.io/name: web, empty: ''}
  annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '9100'}
  ownerReferences:
  - {apiVersion: v1, kind: Thing, name: other, uid: u-0}
  - {apiVersion: apps/v1, kind: ReplicaSet, name: web-7, uid: u-2, controller: true}
spec:
  nodeName: n1
  containers:
  - name: app
    image: web:1
    ports:
    - {name: http, containerPort: 8080, protocol: TCP}
    - {containerPort: 8125, protocol: UDP}
  - {name: sidecar, image: proxy:2}
  initContainers:
  - {name: migrate, image: migrate:3, ports: [{name: setup, containerPort: 9000, protocol: TCP}]}
status:
  phase: Running
  podIP: 10.0.0.5
  hostIP: 192.168.0.1
  conditions: [{type: Initialized, status: 'True'}, {type: Ready, status: 'False'}]
  containerStatuses:
  - {name: app, containerID: 'containerd://aa', image: '', imageID: '', ready: true, restartCount: 0}
  initContainerStatuses:
  - {name: migrate, containerID: 'containerd://bb', image: '', imageID: '', ready: true, restartCount: 0}
";

/// What every target of [`POD`] knows of it, in order.
const POD_LABELS: &str = "pod_annotation_prometheus_io_port=9100
pod_annotation_prometheus_io_scrape=true
pod_annotationpresent_prometheus_io_port=true
pod_annotationpresent_prometheus_io_scrape=true
pod_controller_kind=ReplicaSet
pod_controller_name=web-7
pod_host_ip=192.168.0.1
pod_ip=10.0.0.5
pod_label_app_kubernetes_io_name=web
pod_labelpresent_app_kubernetes_io_name=true
pod_labelpresent_empty=true
pod_name=web-1
pod_node_name=n1
pod_phase=Running
pod_ready=false
pod_uid=u-1";

const NODE: &str = "
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/zone: z1}, annotations: {note: x}}
spec: {providerID: 'aws:///z1/i-1'}
status:
  conditions: [{type: Ready, status: 'True'}, {type: MemoryPressure, status: Unknown}]
  addresses:
  - {type: Hostname, address: n1.test}
  - {type: ExternalIP, address: 203.0.113.1}
  - {type: InternalIP, address: 192.168.0.1}
  - {type: InternalIP, address: 'fd00::1'}
  daemonEndpoints: {kubeletEndpoint: {Port: 10250}}
";

const NAMESPACE: &str = "
kind: Namespace
metadata: {name: shop, labels: {team: t1}, annotations: {owner: o}}
";

/// Labels of a target on [`NODE`] where nodes are attached.
const NODE_LABELS: &str = "node_annotation_note=x
node_annotationpresent_note=true
node_label_topology_kubernetes_io_zone=z1
node_labelpresent_topology_kubernetes_io_zone=true
node_name=n1";

const NAMESPACE_LABELS: &str = "namespace_annotation_owner=o
namespace_annotationpresent_owner=true
namespace_label_team=t1
namespace_labelpresent_team=true";

fn pod() -> Pod {
    object(POD)
}

/// Labels of several blocks in their order, as [`shown`] writes them: `first` before the first.
fn block(first: &str, blocks: &[&str]) -> String {
    let mut lines: Vec<&str> = blocks.iter().flat_map(|b| b.lines()).map(str::trim).collect();
    lines.retain(|line| !line.is_empty());
    // As names are ordered: the whole name counts, with the part that is not shown.
    lines.sort_by_key(|line| {
        let name = line.split('=').next().unwrap_or_default();
        if name == "instance" || name.starts_with("__") {
            name.to_owned()
        } else {
            format!("__meta_kubernetes_{name}")
        }
    });
    let line = |(i, line): (usize, &&str)| format!("{} {line}\n", if i == 0 { first } else { " " });
    lines.iter().enumerate().map(line).collect()
}
