//! Monitors are jobs while they are there.

use std::time::Duration;

use console_ingest::scrape::config::ApiServer as Server;
use console_sources::kubernetes::MonitorsConfig;
use serde_json::json;

use super::{
    cluster::{POD_MONITORS, SERVICE_MONITORS, full},
    scraping::Scraping,
};
use crate::kubernetes::api_server::{ApiServer, Refusal};

fn honoured(server: &ApiServer) -> MonitorsConfig {
    MonitorsConfig {
        server: Server::Kubeconfig { file: server.kubeconfig(), context: None },
        namespaces: Vec::new(),
        label_selector: "part-of=us".to_owned(),
        scrape_interval: Duration::from_hours(1),
        allow_files: false,
    }
}

#[tokio::test]
async fn monitors_are_jobs_as_long_as_they_are_there() {
    let server = full().await;
    let scraping = Scraping::start(&server, "scrape_configs: []", Some(honoured(&server)));
    let service_monitor = json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"part-of": "us"}},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "endpoints": [
            {"port": "http", "path": "/probe"}, {"port": "http", "basicAuth": {"username": {"name": "a", "key": "b"}}}
        ]}
    });
    server.put(SERVICE_MONITORS, service_monitor);
    server.put(
        SERVICE_MONITORS,
        json!({"metadata": {"name": "other", "namespace": "shop"}, "spec": {"selector": {}, "endpoints": [{}]}}),
    );
    let pod_monitor = |port: &str| {
        json!({
            "metadata": {"name": "web", "namespace": "shop", "labels": {"part-of": "us"}},
            "spec": {
                "selector": {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "Exists"}]},
                "jobLabel": "app.kubernetes.io/name",
                "podMetricsEndpoints": [{"port": port, "relabelings": [
                    {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}
                ]}]
            }
        })
    };
    server.put(POD_MONITORS, pod_monitor("statsd"));

    let all = scraping.until(|all| all.len() == 5).await;
    let shown: Vec<String> =
        all.iter().map(|t| format!("{} {} {}", t.scrape_pool, t.url, t.labels)).collect();
    let of_pod = |pod: &str, ip: &str| {
        format!(
            "podMonitor/shop/web/0 http://{ip}:8125/metrics {{container=\"app\", endpoint=\"statsd\", \
             instance=\"{pod}\", job=\"web\", namespace=\"shop\", pod=\"{pod}\"}}"
        )
    };
    let of_endpoint = |pod: &str, ip: &str| {
        format!(
            "serviceMonitor/shop/web/0 http://{ip}:8080/probe {{container=\"app\", endpoint=\"http\", \
             instance=\"{ip}:8080\", job=\"web\", namespace=\"shop\", pod=\"{pod}\", service=\"web\"}}"
        )
    };
    let outside = "serviceMonitor/shop/web/0 http://10.1.0.1:8080/probe {endpoint=\"http\", \
        instance=\"10.1.0.1:8080\", job=\"web\", namespace=\"shop\", service=\"web\"}"
        .to_owned();
    let mut expected = vec![
        of_pod("web-1", "10.0.0.5"),
        of_pod("web-2", "10.0.0.6"),
        of_endpoint("web-1", "10.0.0.5"),
        of_endpoint("web-2", "10.0.0.6"),
        outside,
    ];
    let mut found = shown;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(scraping.problems("serviceMonitor/shop/web/1"), "basicAuth is not supported");

    server.put(POD_MONITORS, pod_monitor("http"));
    scraping.until(|all| all.len() == 5 && all.iter().any(|t| t.url == "http://10.0.0.6:8080/metrics")).await;
    server.delete(POD_MONITORS, "shop", "web");
    scraping.until(|all| all.len() == 3).await;
    server.delete(SERVICE_MONITORS, "shop", "web");
    scraping.until(<[_]>::is_empty).await;
    scraping.until_told(|targets| targets.problems().is_empty()).await;
    scraping.stop().await;
}

#[tokio::test]
async fn a_cluster_without_monitors_says_so() {
    let server = full().await;
    server.uninstall(SERVICE_MONITORS);
    server.refuse(POD_MONITORS, "list", Refusal::Forbidden);
    let scraping = Scraping::start(&server, "scrape_configs: []", Some(honoured(&server)));
    let both = |problems: String| {
        problems.contains("404, the cluster has no servicemonitors.monitoring.coreos.com")
            && problems.contains("403, no right to list podmonitors.monitoring.coreos.com")
    };
    scraping
        .until_told(|targets| targets.problems().get("monitors").is_some_and(|p| both(p.join("\n"))))
        .await;
    scraping.stop().await;
}
