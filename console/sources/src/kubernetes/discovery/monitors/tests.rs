//! Monitors in, configurations out: as prometheus-operator makes them, and as the scraper and promtool read them.

use std::process::Command;

use console_ingest::scrape::config::{ApiServer, KubernetesRole};
use serde_json::{Value, json};

use super::translate::{Terms, Translated, job, translate};

fn terms() -> Terms {
    Terms { server: ApiServer::InCluster, scrape_interval: "30s".to_owned(), allow_files: false }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn translated(kind: &str, spec: &str) -> Result<Vec<Translated>, String> {
    translate(kind, "shop", "web", &yaml(spec), &terms())
}

const SERVICE_MONITOR: &str = "
selector:
  matchLabels: {app.kubernetes.io/name: web, tier: v1.2}
  matchExpressions:
  - {key: env, operator: In, values: [a, b]}
  - {key: old, operator: NotIn, values: ['yes']}
  - {key: there, operator: Exists}
  - {key: gone, operator: DoesNotExist}
namespaceSelector: {matchNames: [shop, stage]}
jobLabel: app
targetLabels: [team-name]
podTargetLabels: [pod/zone]
attachMetadata: {node: true}
sampleLimit: 100
endpoints:
- port: http
  path: /probe
  scheme: HTTPS
  interval: 5s
  scrapeTimeout: 4s
  honorLabels: true
  params: {module: [x]}
  tlsConfig: {insecureSkipVerify: true, ca: {}, serverName: web.test}
  relabelings:
  - {sourceLabels: [__meta_kubernetes_pod_name], targetLabel: instance}
  - {action: LabelDrop, regex: tmp_.*}
  metricRelabelings:
  - {sourceLabels: [__name__], regex: go_.*, action: drop}
- {targetPort: 9100, filterRunning: false}
- {targetPort: metrics, bearerTokenSecret: {key: ''}}
";

#[test]
fn a_service_monitor_is_the_job_that_the_operator_makes_of_it() {
    let made = translated("serviceMonitor", SERVICE_MONITOR).unwrap();
    let first = made[0].as_ref().unwrap();
    let rule = |text: &str| yaml(text);
    let expected = json!({
        "job_name": "serviceMonitor/shop/web/0",
        "kubernetes_sd_configs": [
            {"role": "endpoints", "namespaces": {"names": ["shop", "stage"]}, "attach_metadata": {"node": true}}
        ],
        "scrape_interval": "5s", "scrape_timeout": "4s", "metrics_path": "/probe", "scheme": "https",
        "honor_labels": true, "params": {"module": ["x"]}, "sample_limit": 100,
        "tls_config": {"server_name": "web.test", "insecure_skip_verify": true},
        "metric_relabel_configs": [rule("{source_labels: [__name__], regex: go_.*, action: drop}")],
        "relabel_configs": [
            rule("{source_labels: [job], target_label: __tmp_prometheus_job_name}"),
            rule("{action: keep, source_labels: [__meta_kubernetes_service_label_app_kubernetes_io_name, \
                __meta_kubernetes_service_labelpresent_app_kubernetes_io_name], regex: (web);true}"),
            rule(r"{action: keep, source_labels: [__meta_kubernetes_service_label_tier, __meta_kubernetes_service_labelpresent_tier], regex: '(v1\.2);true'}"),
            rule("{action: keep, source_labels: [__meta_kubernetes_service_label_env, \
                __meta_kubernetes_service_labelpresent_env], regex: (a|b);true}"),
            rule("{action: drop, source_labels: [__meta_kubernetes_service_label_old, \
                __meta_kubernetes_service_labelpresent_old], regex: (yes);true}"),
            rule("{action: keep, source_labels: [__meta_kubernetes_service_labelpresent_there], regex: 'true'}"),
            rule("{action: drop, source_labels: [__meta_kubernetes_service_labelpresent_gone], regex: 'true'}"),
            rule("{action: keep, source_labels: [__meta_kubernetes_endpoint_port_name], regex: http}"),
            rule("{source_labels: [__meta_kubernetes_endpoint_address_target_kind, \
                __meta_kubernetes_endpoint_address_target_name], separator: ';', regex: Node;(.*), \
                replacement: '${1}', target_label: node}"),
            rule("{source_labels: [__meta_kubernetes_endpoint_address_target_kind, \
                __meta_kubernetes_endpoint_address_target_name], separator: ';', regex: Pod;(.*), \
                replacement: '${1}', target_label: pod}"),
            rule("{source_labels: [__meta_kubernetes_namespace], target_label: namespace}"),
            rule("{source_labels: [__meta_kubernetes_service_name], target_label: service}"),
            rule("{source_labels: [__meta_kubernetes_pod_name], target_label: pod}"),
            rule("{source_labels: [__meta_kubernetes_pod_container_name], target_label: container}"),
            rule("{action: drop, source_labels: [__meta_kubernetes_pod_phase], regex: (Failed|Succeeded)}"),
            rule("{source_labels: [__meta_kubernetes_service_label_team_name], target_label: team_name, \
                regex: (.+), replacement: '${1}'}"),
            rule("{source_labels: [__meta_kubernetes_pod_label_pod_zone], target_label: pod_zone, \
                regex: (.+), replacement: '${1}'}"),
            rule("{source_labels: [__meta_kubernetes_service_name], target_label: job, replacement: '${1}'}"),
            rule("{source_labels: [__meta_kubernetes_service_label_app], target_label: job, \
                regex: (.+), replacement: '${1}'}"),
            rule("{target_label: endpoint, replacement: http}"),
            rule("{source_labels: [__meta_kubernetes_pod_name], target_label: instance}"),
            rule("{action: labeldrop, regex: tmp_.*}"),
        ]
    });
    assert_eq!(*first, expected, "{first:#}");
    let second = &made[1].as_ref().unwrap()["relabel_configs"];
    assert_eq!(
        second[7],
        rule("{action: keep, source_labels: [__meta_kubernetes_pod_container_port_number], regex: '9100'}")
    );
    assert!(!second.to_string().contains("pod_phase"), "{second}");
    let endpoint = rule("{target_label: endpoint, replacement: '9100'}");
    assert!(second.as_array().unwrap().contains(&endpoint), "{second}");
    let third = &made[2].as_ref().unwrap()["relabel_configs"];
    assert_eq!(
        third[7],
        rule("{action: keep, source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics}")
    );
}

const POD_MONITOR: &str = "
jobLabel: app.kubernetes.io/name
namespaceSelector: {any: true}
selector: {matchLabels: {app: web}}
podMetricsEndpoints:
- port: internal
  relabelings: [{targetLabel: job, replacement: fixed}]
";

#[test]
fn a_pod_monitor_is_the_job_that_the_operator_makes_of_it() {
    let made = translated("podMonitor", POD_MONITOR).unwrap();
    let expected = json!({
        "job_name": "podMonitor/shop/web/0",
        "kubernetes_sd_configs": [{"role": "pod"}],
        "honor_labels": false,
        "relabel_configs": [
            yaml("{source_labels: [job], target_label: __tmp_prometheus_job_name}"),
            yaml("{action: drop, source_labels: [__meta_kubernetes_pod_phase], regex: (Failed|Succeeded)}"),
            yaml("{action: keep, source_labels: [__meta_kubernetes_pod_label_app, \
                __meta_kubernetes_pod_labelpresent_app], regex: (web);true}"),
            yaml("{action: keep, source_labels: [__meta_kubernetes_pod_container_port_name], regex: internal}"),
            yaml("{source_labels: [__meta_kubernetes_namespace], target_label: namespace}"),
            yaml("{source_labels: [__meta_kubernetes_pod_container_name], target_label: container}"),
            yaml("{source_labels: [__meta_kubernetes_pod_name], target_label: pod}"),
            yaml("{target_label: job, replacement: shop/web}"),
            yaml("{source_labels: [__meta_kubernetes_pod_label_app_kubernetes_io_name], target_label: job, \
                regex: (.+), replacement: '${1}'}"),
            yaml("{target_label: endpoint, replacement: internal}"),
            yaml("{target_label: job, replacement: fixed}"),
        ]
    });
    assert_eq!(*made[0].as_ref().unwrap(), expected);
}

#[test]
fn a_monitor_looks_in_its_own_namespace_unless_it_says_otherwise() {
    let namespaces = |selector: &str| {
        let spec = format!("{{selector: {{}}, endpoints: [{{}}], namespaceSelector: {selector}}}");
        let made = translated("serviceMonitor", &spec).unwrap();
        made[0].as_ref().unwrap()["kubernetes_sd_configs"][0]["namespaces"].to_string()
    };
    assert_eq!(namespaces("{}"), r#"{"names":["shop"]}"#);
    assert_eq!(namespaces("{matchNames: [a]}"), r#"{"names":["a"]}"#);
    assert_eq!(namespaces("{any: true, matchNames: [a]}"), "null");
}

#[test]
fn slices_are_looked_at_where_a_monitor_says_so() {
    let spec = "{selector: {}, serviceDiscoveryRole: EndpointSlice, endpoints: [{port: http}]}";
    let made = translated("serviceMonitor", spec).unwrap().remove(0).unwrap();
    assert_eq!(made["kubernetes_sd_configs"][0]["role"], "endpointslice");
    let rules = made["relabel_configs"].to_string();
    assert!(rules.contains("__meta_kubernetes_endpointslice_port_name"), "{rules}");
    assert!(rules.contains("__meta_kubernetes_endpointslice_address_target_kind"), "{rules}");
}

#[test]
fn what_is_made_is_read_by_the_scraper_and_by_promtool() {
    let server = ApiServer::Kubeconfig { file: "/k".into(), context: None };
    let terms = Terms { server: server.clone(), ..terms() };
    let mut all = translated("serviceMonitor", SERVICE_MONITOR).unwrap();
    all.extend(translated("podMonitor", POD_MONITOR).unwrap());
    let mut all: Vec<Value> = all.into_iter().map(Result::unwrap).collect();
    for config in &all {
        let job = job(config, &terms).unwrap();
        assert_eq!(job.kubernetes_discovery[0].server, server);
        assert_eq!(job.name, config["job_name"].as_str().unwrap());
    }
    let last = job(all.last().unwrap(), &terms).unwrap();
    assert_eq!(last.interval.as_secs(), 30);
    assert_eq!(last.kubernetes_discovery[0].role, KubernetesRole::Pod);

    // Debian builds promtool without Kubernetes.
    for config in &mut all {
        config.as_object_mut().unwrap().remove("kubernetes_sd_configs");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("prometheus.yml");
    std::fs::write(&file, json!({"scrape_configs": all}).to_string()).unwrap();
    let promtool = xtask_programs::path("promtool").unwrap_or_else(|missing| panic!("{missing}"));
    let run = Command::new(promtool).args(["check", "config"]).arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn what_cannot_be_honoured_is_refused_by_its_name() {
    let endpoint = |field: &str| format!("{{selector: {{}}, endpoints: [{{port: http, {field}}}]}}");
    for (spec, said) in [
        (endpoint("basicAuth: {username: {name: a, key: b}}"), "basicAuth is not supported"),
        (endpoint("authorization: {credentials: {name: a, key: b}}"), "authorization is not supported"),
        (endpoint("oauth2: {}"), "oauth2 is not supported"),
        (endpoint("proxyUrl: 'http://p'"), "proxyUrl is not supported"),
        (endpoint("trackTimestampsStaleness: true"), "trackTimestampsStaleness is not supported"),
        (endpoint("bearerTokenSecret: {name: a, key: b}"), "bearerTokenSecret is not supported"),
        (endpoint("bearerTokenFile: /t"), "bearerTokenFile is not allowed: monitors.allow_files is false"),
        (endpoint("tlsConfig: {caFile: /t}"), "tlsConfig.caFile is not allowed"),
        (endpoint("tlsConfig: {ca: {secret: {name: a, key: b}}}"), "tlsConfig.ca is not supported"),
        (endpoint("tlsConfig: {keySecret: {name: a, key: b}}"), "tlsConfig.keySecret is not supported"),
        (endpoint("interval: soon"), "scrape_interval: not a valid duration"),
        (endpoint("scheme: ftp"), "scheme: must be http or https"),
        (
            endpoint("targetPort: 1, port: ''").replace("port: http, ", "").replace('1', "true"),
            "targetPort: true",
        ),
        (endpoint("relabelings: [{regex: '(', targetLabel: a}]"), "regex: "),
        (endpoint("relabelings: [{targetlabel: a}]"), "unknown field `targetlabel`"),
        (endpoint("honorLabels: 7"), "invalid type"),
        ("{selector: {}, targetLimit: 5, endpoints: []}".to_owned(), "targetLimit is not supported"),
        ("{selector: {}, scrapeClass: a, endpoints: []}".to_owned(), "scrapeClass is not supported"),
        ("{selector: {}, selectorMechanism: x, endpoints: []}".to_owned(), "selectorMechanism must be"),
        (
            "{selector: {matchExpressions: [{key: a, operator: Gt}]}, endpoints: [{}]}".to_owned(),
            "there is no operator \"Gt\"",
        ),
        ("{selector: {matchLabel: {}}, endpoints: []}".to_owned(), "spec: unknown field `matchLabel`"),
    ] {
        let refused = match translated("serviceMonitor", &spec) {
            Err(whole) => whole,
            Ok(made) => {
                made.into_iter().next().unwrap().and_then(|c| job(&c, &terms())).err().unwrap_or_default()
            }
        };
        assert!(refused.contains(said), "{spec}\n{refused:?} instead of {said:?}");
    }
}

#[test]
fn files_of_the_machine_are_named_where_that_is_allowed() {
    let spec =
        yaml("{selector: {}, endpoints: [{bearerTokenFile: /t, tlsConfig: {caFile: /ca}}, {oauth2: {}}]}");
    let terms = Terms { allow_files: true, ..terms() };
    let made = translate("serviceMonitor", "shop", "web", &spec, &terms).unwrap();
    let config = made[0].as_ref().unwrap();
    assert_eq!(
        (&config["bearer_token_file"], &config["tls_config"]),
        (&json!("/t"), &json!({"ca_file": "/ca"}))
    );
    assert_eq!(made[1], Err("oauth2 is not supported".to_owned()), "one endpoint does not stop another");
    assert!(job(config, &terms).is_ok());
}
