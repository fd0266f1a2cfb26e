//! Targets follow objects, through everything that an API server does to those who watch it.

use std::time::Duration;

use console_ingest::scrape::TargetStatus;
use serde_json::json;
use tokio::time::Instant;

use super::{
    cluster::{ENDPOINTS, NODES, PODS, SERVICES, empty, endpoints, full, node, pod},
    scraping::Scraping,
};
use crate::kubernetes::api_server::Refusal;

/// The usual rules: `prometheus.io/scrape`, `scheme`, `path` and `port`.
const ANNOTATED: &str = "
scrape_configs:
- job_name: pods
  scrape_interval: 1h
  kubernetes_sd_configs: [{role: pod, kubeconfig_file: KUBECONFIG}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: 'true', action: keep}
  - {source_labels: [__meta_kubernetes_pod_container_init], regex: 'true', action: drop}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scheme], regex: '(https?)', target_label: __scheme__}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], regex: '(.+)', target_label: __metrics_path__}
  - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
    separator: ':'
    regex: '(.+:\\d+)'
    target_label: __address__
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
";

#[tokio::test]
async fn annotated_pods_are_targets_within_a_second_of_their_change() {
    let server = empty().await;
    let scraping = Scraping::start(&server, ANNOTATED, None);
    server.until_open(1).await;
    let begin = Instant::now();
    server.put(PODS, pod("web-1", "10.0.0.5", "n1"));
    let target = scraping.until(|all| all.len() == 1).await.remove(0);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(target.url, "http://10.0.0.5:9100/m");
    assert_eq!(
        target.labels.to_string(),
        r#"{instance="10.0.0.5:9100", job="pods", namespace="shop", pod="web-1"}"#
    );

    let mut moved = pod("web-1", "10.0.0.9", "n1");
    moved["metadata"]["annotations"]["prometheus.io/scheme"] = json!("https");
    let begin = Instant::now();
    server.put(PODS, moved);
    scraping.until(|all| all.len() == 1 && all[0].url == "https://10.0.0.9:9100/m").await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());

    let begin = Instant::now();
    server.delete(PODS, "shop", "web-1");
    scraping.until(<[_]>::is_empty).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    scraping.stop().await;
}

#[tokio::test]
async fn changes_that_were_never_told_are_found_behind_an_expired_watch() {
    let server = full().await;
    let scraping = Scraping::start(&server, ANNOTATED, None);
    scraping.until(|all| all.len() == 3).await;
    server.until_open(1).await;
    server.put_untold(PODS, pod("web-3", "10.0.0.8", "n2"));
    server.expire();
    scraping.until(|all| all.len() == 4).await;
    assert_eq!(scraping.problems("pods"), "", "an expired watch is listed again, and nothing is old");
    scraping.stop().await;
}

#[tokio::test]
async fn a_lost_server_leaves_the_last_targets_and_since_when_they_are_old() {
    let server = full().await;
    let scraping = Scraping::start(&server, ANNOTATED, None);
    scraping.until(|all| all.len() == 3).await;
    server.until_open(1).await;
    for verb in ["list", "watch"] {
        server.refuse(PODS, verb, Refusal::Unavailable);
    }
    server.cut();
    scraping.until_told(|targets| targets.problems().contains_key("pods")).await;
    let told = scraping.problems("pods");
    assert!(
        told.starts_with("pods of the cluster of ") && told.contains("; what is known is of 20"),
        "{told}"
    );
    assert!(told.contains("503"), "{told}");
    assert_eq!(scraping.targets.list().len(), 3);
    server.put(PODS, pod("web-3", "10.0.0.8", "n2"));
    for verb in ["list", "watch"] {
        server.allow(PODS, verb);
    }
    scraping.until(|all| all.len() == 4).await;
    scraping.until_told(|targets| targets.problems().is_empty()).await;
    scraping.stop().await;
}

#[tokio::test]
async fn a_right_that_is_lacking_is_named_with_verb_and_resource() {
    let server = full().await;
    server.refuse(PODS, "list", Refusal::Forbidden);
    let scraping = Scraping::start(&server, ANNOTATED, None);
    scraping.until_told(|targets| targets.problems().contains_key("pods")).await;
    let told = scraping.problems("pods");
    assert!(told.contains("list: 403, no right to list pods in all namespaces: "), "{told}");
    assert!(told.contains("cannot list resource") && told.ends_with("; nothing is known yet"), "{told}");
    server.allow(PODS, "list");
    scraping.until(|all| all.len() == 3).await;
    scraping.stop().await;
}

const NAMESPACES: &str = "
scrape_configs:
- job_name: some
  scrape_interval: 1h
  kubernetes_sd_configs: [{role: endpoints, kubeconfig_file: KUBECONFIG, namespaces: {names: [shop, other]}}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
";

#[tokio::test]
async fn a_namespace_without_a_right_costs_no_other() {
    let server = full().await;
    let mut other = endpoints();
    other["metadata"]["namespace"] = json!("other");
    server.put(ENDPOINTS, other);
    server.refuse_in("other", SERVICES, "list", Refusal::Forbidden);
    let scraping = Scraping::start(&server, NAMESPACES, None);
    let are_of =
        |all: &[TargetStatus], namespace| all.iter().any(|t| t.labels.get("namespace") == Some(namespace));
    scraping.until(|all| are_of(all, "shop")).await;
    scraping
        .until_told(|targets| {
            let told = targets.problems().remove("some").unwrap_or_default().join("\n");
            told.contains("no right to list services in namespace other: ")
        })
        .await;
    let all = scraping.targets.list();
    assert!(are_of(&all, "shop") && !are_of(&all, "other"), "half of a namespace is something else: {all:?}");
    server.allow_in("other", SERVICES, "list");
    scraping.until(|all| are_of(all, "shop") && are_of(all, "other")).await;
    scraping.until_told(|targets| targets.problems().is_empty()).await;
    scraping.stop().await;
}

const SELECTED: &str = "
scrape_configs:
- job_name: selected
  scrape_interval: 1h
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: KUBECONFIG
    namespaces: {names: [shop, other]}
    selectors: [{role: pod, label: app.kubernetes.io/name=web, field: spec.nodeName=n1}]
    attach_metadata: {node: true, namespace: true}
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: http|, action: keep}
  - {source_labels: [__meta_kubernetes_node_label_topology_kubernetes_io_zone], target_label: zone}
  - {source_labels: [__meta_kubernetes_namespace_label_team], target_label: team}
";

#[tokio::test]
async fn selectors_choose_at_the_server_and_nodes_are_attached() {
    let server = full().await;
    let scraping = Scraping::start(&server, SELECTED, None);
    let all = scraping.until(|all| all.len() == 3).await;
    let labels: Vec<String> = all.iter().map(|t| t.labels.to_string()).collect();
    assert_eq!(
        labels,
        [
            r#"{instance="10.0.0.5", job="selected", team="t1", zone="z1"}"#,
            r#"{instance="10.0.0.5:8080", job="selected", team="t1", zone="z1"}"#,
            r#"{instance="10.0.0.7", job="selected", zone="z1"}"#,
        ]
    );
    // What a target is told of changes with it.
    server.put(NODES, node("n1", "192.168.0.1", "z9"));
    scraping.until(|all| all.len() == 3 && all.iter().all(|t| t.labels.get("zone") == Some("z9"))).await;
    server.delete(NODES, "", "n1");
    scraping.until(<[_]>::is_empty).await;
    let requests = server.requests();
    let of_pods: Vec<_> = requests.iter().filter(|r| r.contains("/pods?")).collect();
    assert!(
        of_pods.iter().all(|r| r.contains("labelSelector=") && r.contains("fieldSelector=")),
        "{of_pods:?}"
    );
    scraping.stop().await;
}

#[tokio::test]
async fn jobs_that_look_for_the_same_share_their_watches_and_end_them() {
    let server = full().await;
    let job = |name: &str, role: &str| {
        format!(
            "- {{job_name: {name}, scrape_interval: 1h, kubernetes_sd_configs: [{{role: {role}, kubeconfig_file: KUBECONFIG}}]}}\n"
        )
    };
    let text = format!("scrape_configs:\n{}{}{}", job("a", "pod"), job("b", "pod"), job("c", "endpoints"));
    let scraping = Scraping::start(&server, &text, None);
    scraping.until(|all| ["a", "b", "c"].iter().all(|job| all.iter().any(|t| t.scrape_pool == *job))).await;
    // Pods once for all three; endpoints and services.
    server.until_open(3).await;
    let lists = server.requests().iter().filter(|r| r.contains("/pods?") && !r.contains("watch=")).count();
    assert_eq!(lists, 1);
    scraping.stop().await;
    server.until_open(0).await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_named_until_it_can() {
    let server = full().await;
    let kubeconfig = server.kubeconfig();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    std::fs::write(&kubeconfig, text.replace("current-context", "current")).unwrap();
    let scraping = Scraping::start(&server, ANNOTATED, None);
    scraping.until_told(|targets| targets.problems().contains_key("pods")).await;
    let told = scraping.problems("pods");
    assert!(told.contains("kubeconfig: current-context: is not set"), "{told}");
    std::fs::write(&kubeconfig, text).unwrap();
    scraping.until(|all| all.len() == 3).await;
    scraping.stop().await;
}
