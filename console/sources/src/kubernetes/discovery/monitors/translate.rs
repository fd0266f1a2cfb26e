//! From a monitor to jobs: what prometheus-operator would write into Prometheus' configuration.

use std::path::Path;

use console_ingest::scrape::{
    ScrapeConfig,
    config::{ApiServer, ConfigError, JobConfig},
};
use serde_json::{Map, Value, json};

use super::{
    rules::{Targets, relabeling, rules},
    spec::{Endpoint, Others, Spec, Tls},
};

/// What holds for all monitors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub server: ApiServer,
    /// Where a monitor names none, as a duration of Prometheus.
    pub scrape_interval: String,
    /// Monitors may name files of the console's machine, such as its token, and with that have it sent to their targets.
    pub allow_files: bool,
}

/// One endpoint of a monitor: the configuration of its job, or why there is none.
pub(super) type Translated = Result<Value, String>;

/// The jobs of a monitor in order of its endpoints. `job` is the first word of their names. The error is of the monitor as
/// a whole.
pub(super) fn translate(
    job: &str,
    namespace: &str,
    name: &str,
    spec: &Value,
    terms: &Terms,
) -> Result<Vec<Translated>, String> {
    let spec: Spec = serde_json::from_value(spec.clone()).map_err(|e| format!("spec: {e}"))?;
    refuse(&spec.others)?;
    if !matches!(spec.selector_mechanism.as_deref(), None | Some("RelabelConfig" | "RoleSelector")) {
        return Err("selectorMechanism must be RelabelConfig or RoleSelector".to_owned());
    }
    let targets = match (job, spec.service_discovery_role.as_deref()) {
        ("podMonitor", None) => Targets::Pods,
        ("podMonitor", Some(_)) => return Err("serviceDiscoveryRole is not of a PodMonitor".to_owned()),
        (_, None | Some("Endpoints")) => Targets::Endpoints,
        (_, Some("EndpointSlice")) => Targets::EndpointSlices,
        (_, Some(other)) => return Err(format!("serviceDiscoveryRole: there is none called {other:?}")),
    };
    let one = |(i, endpoint): (usize, &Value)| -> Translated {
        let endpoint: Endpoint = serde_json::from_value(endpoint.clone()).map_err(|e| e.to_string())?;
        let mut config = Map::new();
        config.insert("job_name".to_owned(), json!(format!("{job}/{namespace}/{name}/{i}")));
        config.insert("kubernetes_sd_configs".to_owned(), json!([discovery(targets, namespace, &spec)]));
        let rules = rules(targets, &format!("{namespace}/{name}"), &spec, &endpoint)?;
        config.insert("relabel_configs".to_owned(), json!(rules));
        requests(&mut config, &endpoint, terms)?;
        limits(&mut config, &spec)?;
        Ok(Value::Object(config))
    };
    Ok(spec.endpoints.iter().enumerate().map(one).collect())
}

/// The job that a configuration means.
pub(super) fn job(config: &Value, terms: &Terms) -> Result<JobConfig, String> {
    // JSON is YAML.
    let text = json!({
        "global": {"scrape_interval": terms.scrape_interval},
        "scrape_configs": [config]
    })
    .to_string();
    let parsed = ScrapeConfig::parse(Path::new("/"), &text).map_err(|e| shown(&e))?;
    let first = parsed.jobs.into_iter().next().ok_or("it is no job")?;
    let mut job = JobConfig::clone(&first);
    for discovery in &mut job.kubernetes_discovery {
        discovery.server = terms.server.clone();
    }
    Ok(job)
}

/// Without the places in a file that nobody wrote.
fn shown(error: &ConfigError) -> String {
    let one = |p: &console_ingest::scrape::config::Problem| {
        let field = p.field.strip_prefix("scrape_configs[0].").unwrap_or(&p.field);
        format!("{field}: {}", p.message)
    };
    error.problems.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn discovery(targets: Targets, namespace: &str, spec: &Spec) -> Value {
    let mut out = json!({"role": targets.role()});
    let selector = &spec.namespace_selector;
    if !selector.any {
        let own = [namespace.to_owned()];
        let names = if selector.match_names.is_empty() { &own[..] } else { &selector.match_names[..] };
        out["namespaces"] = json!({"names": names});
    }
    if spec.attach_metadata.node {
        out["attach_metadata"] = json!({"node": true});
    }
    out
}

fn requests(config: &mut Map<String, Value>, endpoint: &Endpoint, terms: &Terms) -> Result<(), String> {
    refuse(&endpoint.others)?;
    if endpoint.track_timestamps_staleness == Some(true) {
        return Err("trackTimestampsStaleness is not supported".to_owned());
    }
    if endpoint.bearer_token_secret.as_ref().is_some_and(|secret| !secret.name.is_empty()) {
        return Err("bearerTokenSecret is not supported: the console reads no secrets".to_owned());
    }
    let mut set = |name: &str, value: Value| drop(config.insert(name.to_owned(), value));
    let scheme = endpoint.scheme.to_lowercase();
    for (name, text) in [
        ("scrape_interval", &endpoint.interval),
        ("scrape_timeout", &endpoint.scrape_timeout),
        ("metrics_path", &endpoint.path),
        ("scheme", &scheme),
        ("bearer_token_file", &endpoint.bearer_token_file),
    ] {
        if !text.is_empty() {
            set(name, json!(text));
        }
    }
    set("honor_labels", json!(endpoint.honor_labels));
    for (name, flag) in [
        ("honor_timestamps", endpoint.honor_timestamps),
        ("follow_redirects", endpoint.follow_redirects),
        ("enable_http2", endpoint.enable_http2),
    ] {
        if let Some(flag) = flag {
            set(name, json!(flag));
        }
    }
    if let Some(params) = &endpoint.params {
        set("params", json!(params));
    }
    if !endpoint.metric_relabelings.is_empty() {
        let rules: Vec<Value> = endpoint.metric_relabelings.iter().map(relabeling).collect();
        set("metric_relabel_configs", json!(rules));
    }
    let mut files = vec![("bearerTokenFile", &endpoint.bearer_token_file)];
    if let Some(tls) = &endpoint.tls_config {
        set("tls_config", tls_config(tls)?);
        files.extend([
            ("tlsConfig.caFile", &tls.ca_file),
            ("tlsConfig.certFile", &tls.cert_file),
            ("tlsConfig.keyFile", &tls.key_file),
        ]);
    }
    match files.into_iter().find(|(_, file)| !file.is_empty()) {
        Some((field, _)) if !terms.allow_files => {
            Err(format!("{field} is not allowed: monitors.allow_files is false"))
        }
        _ => Ok(()),
    }
}

fn tls_config(tls: &Tls) -> Result<Value, String> {
    // An empty reference is none.
    let is_there = |value: &Value| !matches!(value, Value::Object(fields) if fields.is_empty());
    if let Some((name, _)) = tls.others.iter().find(|(_, value)| is_there(value)) {
        return Err(format!(
            "tlsConfig.{name} is not supported: the console reads no secrets and configuration maps"
        ));
    }
    let mut out = Map::new();
    for (name, file) in
        [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)]
    {
        if !file.is_empty() {
            out.insert(name.to_owned(), json!(file));
        }
    }
    for (name, text) in [
        ("server_name", &tls.server_name),
        ("min_version", &tls.min_version),
        ("max_version", &tls.max_version),
    ] {
        if let Some(text) = text {
            out.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(skip) = tls.insecure_skip_verify {
        out.insert("insecure_skip_verify".to_owned(), json!(skip));
    }
    Ok(Value::Object(out))
}

fn limits(config: &mut Map<String, Value>, spec: &Spec) -> Result<(), String> {
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    for (name, limit) in [
        ("sample_limit", spec.sample_limit),
        ("label_limit", spec.label_limit),
        ("label_name_length_limit", spec.label_name_length_limit),
        ("label_value_length_limit", spec.label_value_length_limit),
        ("native_histogram_bucket_limit", spec.native_histogram_bucket_limit),
    ] {
        set(name, limit.map(|limit| json!(limit)));
    }
    set("body_size_limit", spec.body_size_limit.as_ref().map(|size| json!(size)));
    set("scrape_protocols", spec.scrape_protocols.as_ref().map(|all| json!(all)));
    set("fallback_scrape_protocol", spec.fallback_scrape_protocol.as_ref().map(|one| json!(one)));
    for (name, flag) in [
        ("scrape_native_histograms", spec.scrape_native_histograms),
        ("always_scrape_classic_histograms", spec.scrape_classic_histograms),
        ("convert_classic_histograms_to_nhcb", spec.convert_classic_histograms),
    ] {
        set(name, flag.map(|flag| json!(flag)));
    }
    if let Some(factor) = &spec.native_histogram_min_bucket_factor {
        let number = match factor {
            Value::String(text) => text.parse::<f64>().ok(),
            other => other.as_f64(),
        };
        let number =
            number.ok_or_else(|| format!("nativeHistogramMinBucketFactor: {factor} is not a number"))?;
        set("native_histogram_min_bucket_factor", Some(json!(number)));
    }
    Ok(())
}

fn refuse(others: &Others) -> Result<(), String> {
    match others.iter().find(|(_, value)| !value.is_null()) {
        Some((name, _)) => Err(format!("{name} is not supported")),
        None => Ok(()),
    }
}
