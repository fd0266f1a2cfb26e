//! Targets and jobs from a cluster, as far as scraping goes: the configuration, and what comes and goes over the port.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use console_ingest::scrape::{
    ClusterDiscovery, ClusterGroup, ClusterJobs, ClusterTargets, LabelMap, ScrapeConfig, TargetHealth,
    config::{
        ApiServer, AttachMetadata, Auth, Credential, KubernetesDiscovery, KubernetesRole, KubernetesSelector,
        Namespaces,
    },
};
use console_model::metric::is_stale_nan;
use tokio::{sync::watch, time::Instant};

use crate::scraping::{Scraping, Server};

fn parse(text: &str) -> Result<ScrapeConfig, String> {
    ScrapeConfig::parse("/etc/scrape.yml".as_ref(), text).map_err(|e| e.to_string())
}

/// Everything that Prometheus 2.42 takes.
const FULL: &str = "
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs:
      - role: pod
        attach_metadata: {node: true}
        namespaces: {own_namespace: true, names: [shop]}
        selectors: [{role: pod, label: 'app in (a, b),!canary', field: spec.nodeName=n1}]
      - role: node
        kubeconfig_file: kube/config
      - role: endpointslice
        api_server: https://10.0.0.1:6443/
        bearer_token_file: token
        tls_config: {ca_file: ca.crt, server_name: kubernetes}
        selectors:
          - {role: service, label: app=shop}
          - {role: endpointslice, label: 'kubernetes.io/service-name=shop'}
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: 'true', action: keep}
";

#[test]
fn what_is_looked_for_in_a_cluster_is_read() {
    let config = parse(FULL).unwrap();
    let [pods, nodes, slices] = &*config.jobs[0].kubernetes_discovery else { panic!("{config:?}") };
    assert_eq!(
        *pods,
        KubernetesDiscovery {
            role: KubernetesRole::Pod,
            server: ApiServer::InCluster,
            namespaces: Namespaces { own: true, names: vec!["shop".to_owned()] },
            selectors: vec![KubernetesSelector {
                role: KubernetesRole::Pod,
                label: "app in (a, b),!canary".to_owned(),
                field: "spec.nodeName=n1".to_owned(),
            }],
            attach: AttachMetadata { node: true, namespace: false },
        }
    );
    let file = PathBuf::from("/etc/kube/config");
    assert_eq!(nodes.server, ApiServer::Kubeconfig { file, context: None });
    assert_eq!((nodes.role, &nodes.namespaces), (KubernetesRole::Node, &Namespaces::default()));
    let ApiServer::Url { url, http } = &slices.server else { panic!("{slices:?}") };
    assert_eq!(url.as_str(), "https://10.0.0.1:6443/");
    assert!(
        matches!(&http.auth, Auth::Header { credentials: Credential::File(f), .. } if f.ends_with("etc/token"))
    );
    assert_eq!(http.tls.server_name.as_deref(), Some("kubernetes"));
    assert_eq!(slices.selectors.len(), 2);
}

#[test]
fn what_is_looked_for_in_a_cluster_is_shown_as_it_is_read() {
    let config = parse(FULL).unwrap();
    let shown = config.to_yaml(&[]);
    let again = parse(&shown).unwrap();
    assert_eq!(again.to_yaml(&[]), shown);
    assert_eq!(again.jobs[0].kubernetes_discovery, config.jobs[0].kubernetes_discovery, "{shown}");
}

/// Debian builds promtool without Kubernetes; that Prometheus itself takes those blocks is seen where it is asked for its
/// targets (`xtask/tools/discovery`).
fn without_clusters(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (mut kept, mut block) = (Vec::new(), None);
    for line in text.lines() {
        let is_inside =
            |at: usize| indent(line) > at || (indent(line) == at && line.trim_start().starts_with("- "));
        if block.is_some_and(is_inside) {
            continue;
        }
        block = line.trim_start().starts_with("kubernetes_sd_configs:").then(|| indent(line));
        if block.is_none() {
            kept.push(line);
        }
    }
    kept.join("\n")
}

#[test]
fn promtool_takes_the_same_file_but_for_the_clusters() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scrape.yml");
    for (name, text) in [("token", "t"), ("ca.crt", "")] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    for text in [FULL.to_owned(), ScrapeConfig::parse(&file, FULL).unwrap().to_yaml(&[])] {
        // Fields of Prometheus 3 that the console shows.
        let newer = [
            "_protocols",
            "_scheme",
            "_histograms",
            "enable_compression",
            "  - PrometheusT",
            "  - OpenMetricsT",
        ];
        let old: Vec<&str> = text.lines().filter(|line| !newer.iter().any(|n| line.contains(n))).collect();
        let old = without_clusters(&old.join("\n"));
        assert!(old.contains("__meta_kubernetes_pod_annotation") && !old.contains("role: "), "{old}");
        std::fs::write(&file, old).unwrap();
        let promtool = xtask_programs::path("promtool").unwrap();
        let run = std::process::Command::new(promtool).args(["check", "config"]).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{said}\n{text}");
    }
}

#[test]
fn problems_of_a_cluster_s_discovery_have_their_line_and_field() {
    let of = |fields: &str| {
        format!(
            "scrape_configs:\n- job_name: a\n  kubernetes_sd_configs:\n  - {}\n",
            fields.replace('\n', "\n    ")
        )
    };
    for (fields, place, message) in [
        ("namespaces:", ":4: scrape_configs[0].kubernetes_sd_configs[0].role: ", "missing"),
        (
            "role: container",
            ":4: scrape_configs[0].kubernetes_sd_configs[0].role: ",
            "endpointslice and ingress",
        ),
        ("role: pod\nrolle: pod", ":5: rolle: ", "unknown field"),
        (
            "role: pod\noauth2: {}",
            ":5: scrape_configs[0].kubernetes_sd_configs[0].oauth2: ",
            "does not support",
        ),
        (
            "role: pod\nattach_metadata: {node: true, deployment: true}",
            ":5: scrape_configs[0].kubernetes_sd_configs[0].attach_metadata.deployment: ",
            "does not support",
        ),
        (
            "role: pod\napi_server: ftp://x",
            ":5: scrape_configs[0].kubernetes_sd_configs[0].api_server: ",
            "http",
        ),
        (
            "role: pod\nbearer_token: x",
            ":4: scrape_configs[0].kubernetes_sd_configs[0].api_server: ",
            "is missing",
        ),
        (
            "role: pod\nkubeconfig_file: a\ntls_config: {insecure_skip_verify: true}",
            ":4: scrape_configs[0].kubernetes_sd_configs[0].api_server: ",
            "is missing",
        ),
        (
            "role: pod\napi_server: https://x\ntls_config: {min_version: TLS13}",
            ":4: scrape_configs[0].kubernetes_sd_configs[0].tls_config: ",
            "not supported for an API server",
        ),
        (
            "role: pod\napi_server: https://x\nauthorization: {type: Token, credentials: x}",
            ":4: scrape_configs[0].kubernetes_sd_configs[0].authorization.type: ",
            "must be Bearer",
        ),
        (
            "role: pod\napi_server: https://x\nkubeconfig_file: a",
            ":6: scrape_configs[0].kubernetes_sd_configs[0].kubeconfig_file: ",
            "beside api_server",
        ),
        (
            "role: pod\nkubeconfig_file: a\nnamespaces:\n  own_namespace: true",
            ":7: scrape_configs[0].kubernetes_sd_configs[0].namespaces.own_namespace: ",
            "beside",
        ),
        (
            "role: pod\nnamespaces: {names: [a, Shop]}",
            ":5: scrape_configs[0].kubernetes_sd_configs[0].namespaces.names[1]: ",
            "\"Shop\" is not a valid name",
        ),
        (
            "role: service\nselectors:\n- {role: pod, label: a}",
            ":6: scrape_configs[0].kubernetes_sd_configs[0].selectors[0].role: ",
            "of role service may be service, not pod",
        ),
        (
            "role: pod\nselectors:\n- {role: pod, label: a}\n- {role: pod, label: b}",
            ":7: scrape_configs[0].kubernetes_sd_configs[0].selectors[1].role: ",
            "several selectors of role pod",
        ),
        (
            "role: pod\nselectors:\n- {role: pod,\n   label: 'a in b'}",
            ":7: scrape_configs[0].kubernetes_sd_configs[0].selectors[0].label: ",
            "not a name of a label",
        ),
        (
            "role: pod\nselectors:\n- {role: pod, field: spec}",
            ":6: scrape_configs[0].kubernetes_sd_configs[0].selectors[0].field: ",
            "path=value",
        ),
    ] {
        let error = parse(&of(fields)).unwrap_err();
        assert!(error.contains(place) && error.contains(message), "{fields}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let many = (0..101).map(|i| format!("n{i}")).collect::<Vec<_>>().join(", ");
    let error = parse(&of(&format!("role: pod\nnamespaces: {{names: [{many}]}}"))).unwrap_err();
    assert!(error.contains("namespaces.names: are more than 100"), "{error}");
}

/// A cluster that says what it is told to.
#[derive(Default)]
struct Said {
    targets: watch::Sender<ClusterTargets>,
    jobs: watch::Sender<ClusterJobs>,
}

impl ClusterDiscovery for Said {
    fn targets(&self, _: &KubernetesDiscovery) -> watch::Receiver<ClusterTargets> {
        self.targets.subscribe()
    }

    fn jobs(&self) -> Option<watch::Receiver<ClusterJobs>> {
        Some(self.jobs.subscribe())
    }
}

fn labels(pairs: &[(&str, &str)]) -> LabelMap {
    pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

/// A pod that is to be scraped when its annotation says so.
fn pod(name: &str, address: &str, scrape: &str) -> Arc<ClusterGroup> {
    Arc::new(ClusterGroup {
        source: format!("pod/shop/{name}"),
        labels: labels(&[
            ("__meta_kubernetes_pod_name", name),
            ("__meta_kubernetes_pod_annotation_prometheus_io_scrape", scrape),
            ("__meta_kubernetes_pod_container_name", "of the group"),
        ]),
        targets: vec![labels(&[
            ("__address__", address),
            ("__meta_kubernetes_pod_container_name", "app"),
            ("__meta_kubernetes_pod_node_name", ""),
        ])],
    })
}

fn said(groups: &[Arc<ClusterGroup>], problems: &[&str]) -> ClusterTargets {
    let problems = problems.iter().map(|p| (*p).to_owned()).collect();
    ClusterTargets { groups: Arc::new(groups.to_vec()), problems }
}

const ANNOTATED: &str = "kubernetes_sd_configs: [{role: pod}]
relabel_configs:
- {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: 'true', action: keep}
- {source_labels: [__meta_kubernetes_pod_name], target_label: pod}";

#[tokio::test]
async fn targets_of_a_cluster_come_change_and_go_within_a_second() {
    let server = Server::start("up_and_running 1\n").await;
    let address = server.address.to_string();
    let cluster = Arc::new(Said::default());
    let scraping = Scraping::start_in(ANNOTATED, Some(cluster.clone()));
    scraping.until(<[_]>::is_empty).await;

    let begin = Instant::now();
    let [a, b] = [pod("a", &address, "true"), pod("b", &address, "false")];
    cluster.targets.send_replace(said(&[a.clone(), b], &[]));
    let up = scraping.until(|all| all.len() == 1).await.remove(0);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(up.labels.get("pod"), Some("a"));
    assert_eq!(up.discovered_labels.get("__meta_kubernetes_pod_container_name"), Some("app"));
    assert_eq!(up.discovered_labels.get("__meta_kubernetes_pod_node_name"), None);
    assert_eq!(scraping.targets.dropped()["shop"].count, 1);
    scraping.until_up().await;

    // What rules do not look at changes in place: nothing is scraped anew.
    let mut other = ClusterGroup::clone(&a);
    other.labels.insert("__meta_kubernetes_pod_ready".to_owned(), "true".to_owned());
    cluster.targets.send_replace(said(&[Arc::new(other)], &["watch pods: lost"]));
    let ready = |all: &[console_ingest::scrape::TargetStatus]| {
        all.len() == 1 && all[0].discovered_labels.get("__meta_kubernetes_pod_ready").is_some()
    };
    let still = scraping.until(ready).await.remove(0);
    assert_eq!(still.health, TargetHealth::Up);
    assert_eq!(scraping.targets.problems()["shop"], ["watch pods: lost"]);

    let begin = Instant::now();
    cluster.targets.send_replace(said(&[], &[]));
    scraping.until(<[_]>::is_empty).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(is_stale_nan(scraping.last("up_and_running").v));
    assert!(scraping.targets.problems().is_empty());
    scraping.stop().await;
}

#[tokio::test]
async fn jobs_that_objects_declare_run_while_they_do() {
    let server = Server::start("answered 1\n").await;
    let config = |job: &str, path: &str| {
        let text = format!(
            "scrape_configs:\n- job_name: {job}\n  scrape_interval: 500ms\n  metrics_path: {path}\n  \
             static_configs: [{{targets: ['{}']}}]\n",
            server.address
        );
        parse(&text).unwrap().jobs[0].clone()
    };
    let cluster = Arc::new(Said::default());
    let scraping = Scraping::start_in("static_configs: []", Some(cluster.clone()));
    let [a, other] = [config("monitor/a", "/a"), config("shop", "/")];
    let refused = BTreeMap::from([("monitor/b".to_owned(), vec!["basicAuth is not supported".to_owned()])]);
    cluster.jobs.send_replace(ClusterJobs { jobs: vec![a.clone(), other], problems: refused });
    let up = scraping.until_up().await;
    assert_eq!((&*up.scrape_pool, &*up.job), ("monitor/a", "monitor/a"));
    let problems = scraping.targets.problems();
    assert_eq!(problems["monitor/b"], ["basicAuth is not supported"]);
    assert!(problems["shop"][0].contains("a job of this name"), "{problems:?}");

    // The same job goes on, with another beside it; one that changed begins anew.
    let jobs = vec![a, config("monitor/c", "/c")];
    cluster.jobs.send_replace(ClusterJobs { jobs, problems: BTreeMap::new() });
    let both = scraping.until(|all| all.iter().filter(|t| t.health == TargetHealth::Up).count() == 2).await;
    assert_eq!(both[0].scrape_pool, "monitor/a");
    assert!(scraping.targets.problems().is_empty());
    cluster
        .jobs
        .send_replace(ClusterJobs { jobs: vec![config("monitor/a", "/other")], problems: BTreeMap::new() });
    let changed = scraping.until(|all| all.len() == 1 && all[0].url.ends_with("/other")).await;
    assert_eq!(changed.len(), 1);
    scraping.until_up().await;
    assert_eq!(scraping.targets.dropped().keys().collect::<Vec<_>>(), ["monitor/a", "shop"]);

    cluster.jobs.send_replace(ClusterJobs::default());
    scraping.until(<[_]>::is_empty).await;
    assert!(scraping.series("answered").iter().all(|s| is_stale_nan(s.samples.last().unwrap().v)));
    scraping.stop().await;
}

#[tokio::test]
async fn without_a_cluster_the_job_says_so() {
    let scraping = Scraping::start("kubernetes_sd_configs: [{role: pod}]");
    scraping.until(|_| scraping.targets.problems().contains_key("shop")).await;
    assert!(scraping.targets.problems()["shop"][0].contains("no access to clusters"));
    scraping.stop().await;
}

#[tokio::test]
async fn more_targets_than_a_job_may_have_are_left_out_and_said() {
    let cluster = Arc::new(Said::default());
    // No target is scraped while the test looks.
    let job = "scrape_interval: 1h\nkubernetes_sd_configs: [{role: pod}]";
    let scraping = Scraping::start_in(job, Some(cluster.clone()));
    let target = |i: usize| labels(&[("__address__", "127.0.0.1:1"), ("n", &i.to_string())]);
    let targets = (0..20_003).map(target).collect();
    let group = ClusterGroup { source: "pod/a/b".to_owned(), labels: LabelMap::new(), targets };
    cluster.targets.send_replace(said(&[Arc::new(group)], &[]));
    scraping.until(|all| all.len() == 20_000).await;
    let problems = scraping.targets.problems();
    assert!(problems["shop"][0].starts_with("3 targets beyond the limit of 20000"), "{problems:?}");
    scraping.stop().await;
}
