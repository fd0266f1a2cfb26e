//! The console finds what Prometheus' own discovery finds among the same objects, label by label.
//!
//! `prometheus/targets.json` is what Prometheus 3 said; `xtask/tools/discovery` records it anew:
//! `cd xtask/tools/discovery && go run . OBJECTS CONFIGS > TARGETS`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use console_ingest::scrape::{ClusterDiscovery as _, LabelMap, ScrapeConfig, config::KubernetesDiscovery};
use console_sources::kubernetes::{KubernetesTargets, WatchPace};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cluster::{ENDPOINTS, INGRESSES, NAMESPACES, NODES, PODS, SERVICES, SLICES, empty};
use crate::kubernetes::api_server::ApiServer;

fn recorded<T: DeserializeOwned>(name: &str) -> T {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/kubernetes/discovery/prometheus");
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

#[tokio::test]
async fn targets_and_labels_are_those_of_prometheus() {
    let server = empty().await;
    for object in recorded::<Vec<Value>>("objects.json") {
        let all = [NODES, NAMESPACES, PODS, SERVICES, ENDPOINTS, SLICES, INGRESSES];
        let resource = all.into_iter().find(|r| object["kind"] == r.kind).unwrap();
        server.put(resource, object);
    }
    let (configs, expected): (BTreeMap<String, Value>, BTreeMap<String, Vec<LabelMap>>) =
        (recorded("configs.json"), recorded("targets.json"));
    assert!(configs.keys().eq(expected.keys()) && configs.len() >= 16);
    let cluster = KubernetesTargets::new(None, WatchPace::default());
    for (name, config) in configs {
        let mut expected = expected[&name].clone();
        let mut found = find(&cluster, &discovery(&server, config)).await;
        expected.sort();
        found.sort();
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
        assert!(!found.is_empty(), "{name}");
    }
}

/// As a file says it.
fn discovery(server: &ApiServer, mut config: Value) -> KubernetesDiscovery {
    config["kubeconfig_file"] = json!(server.kubeconfig());
    let text = json!({"scrape_configs": [{"job_name": "a", "kubernetes_sd_configs": [config]}]}).to_string();
    ScrapeConfig::parse("/scrape.yml".as_ref(), &text).unwrap().jobs[0].kubernetes_discovery[0].clone()
}

/// The targets, as soon as there are any.
async fn find(cluster: &KubernetesTargets, discovery: &KubernetesDiscovery) -> Vec<LabelMap> {
    let mut targets = cluster.targets(discovery);
    let told = targets.wait_for(|told| !told.groups.is_empty());
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    let told = told.unwrap_or_else(|_| panic!("nothing is found for {discovery:?}")).unwrap().clone();
    assert!(told.problems.is_empty(), "{:?}", told.problems);
    told.groups.iter().flat_map(|group| group.label_sets()).collect()
}
