//! The configuration written out: what is in force, with defaults, and without secrets.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    ApiServer, Auth, Credential, HttpConfig, JobConfig, KubernetesDiscovery, ScrapeConfig, TargetGroup,
    TlsConfig, format_duration,
};
use crate::scrape::{
    protocol::Protocol,
    relabel::{Rule, RuleFields},
};

/// What stands for a secret, as in Prometheus.
const HIDDEN: &str = "<secret>";

#[derive(Serialize)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    global: Option<Global<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    rule_files: &'a [String],
    scrape_configs: Vec<Job<'a>>,
}

#[derive(Serialize)]
struct Global<'a> {
    external_labels: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Job<'a> {
    job_name: &'a str,
    honor_labels: bool,
    honor_timestamps: bool,
    scrape_interval: String,
    scrape_timeout: String,
    metrics_path: &'a str,
    scheme: &'a str,
    enable_compression: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<&'a str, &'a [String]>,
    body_size_limit: String,
    #[serde(skip_serializing_if = "is_zero")]
    sample_limit: usize,
    #[serde(skip_serializing_if = "is_zero")]
    label_limit: usize,
    #[serde(skip_serializing_if = "is_zero")]
    label_name_length_limit: usize,
    #[serde(skip_serializing_if = "is_zero")]
    label_value_length_limit: usize,
    scrape_protocols: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_scrape_protocol: Option<&'static str>,
    scrape_native_histograms: bool,
    always_scrape_classic_histograms: bool,
    convert_classic_histograms_to_nhcb: bool,
    #[serde(skip_serializing_if = "is_zero")]
    native_histogram_bucket_limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_histogram_min_bucket_factor: Option<f64>,
    metric_name_validation_scheme: &'static str,
    metric_name_escaping_scheme: &'static str,
    #[serde(flatten)]
    http: Http,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relabel_configs: Vec<Relabel>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metric_relabel_configs: Vec<Relabel>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    static_configs: Vec<Group<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    file_sd_configs: Vec<Files>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    http_sd_configs: Vec<Server>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kubernetes_sd_configs: Vec<Cluster<'a>>,
}

#[derive(Serialize)]
struct Http {
    follow_redirects: bool,
    enable_http2: bool,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    basic_auth: Fields,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    authorization: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_config: Option<Tls>,
}

#[derive(Serialize)]
struct Tls {
    #[serde(flatten)]
    fields: Fields,
    insecure_skip_verify: bool,
}

#[derive(Serialize)]
struct Server {
    url: String,
    refresh_interval: String,
    #[serde(flatten)]
    http: Http,
}

#[derive(Serialize)]
struct Cluster<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubeconfig_file: Option<String>,
    namespaces: Namespaces<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    selectors: Vec<Selector<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attach_metadata: BTreeMap<&'static str, bool>,
    #[serde(flatten)]
    http: Http,
}

#[derive(Serialize)]
struct Namespaces<'a> {
    own_namespace: bool,
    names: &'a [String],
}

#[derive(Serialize)]
struct Selector<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'a str,
}

#[derive(Serialize)]
struct Group<'a> {
    targets: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Files {
    files: Vec<String>,
    refresh_interval: String,
}

#[derive(Serialize)]
struct Relabel {
    #[serde(skip_serializing_if = "Option::is_none")]
    source_labels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    separator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modulus: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl ScrapeConfig {
    /// As YAML that [`ScrapeConfig::parse`] reads again, but for the secrets. `rule_files` are named beside, as one file
    /// of Prometheus has both.
    pub fn to_yaml(&self, rule_files: &[String]) -> String {
        let labels = self.external_labels.iter().map(|l| (&*l.name, &*l.value)).collect::<BTreeMap<_, _>>();
        let file = File {
            global: (!labels.is_empty()).then_some(Global { external_labels: labels }),
            rule_files,
            scrape_configs: self.jobs.iter().map(|j| job(j)).collect(),
        };
        serde_saphyr::to_string(&file).unwrap_or_else(|e| format!("# cannot be written: {e}\n"))
    }
}

fn job(j: &JobConfig) -> Job<'_> {
    Job {
        job_name: &j.name,
        honor_labels: j.honor_labels,
        honor_timestamps: j.honor_timestamps,
        scrape_interval: format_duration(j.interval),
        scrape_timeout: format_duration(j.timeout),
        metrics_path: &j.metrics_path,
        scheme: j.scheme.as_str(),
        enable_compression: j.enable_compression,
        params: j.params.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect(),
        body_size_limit: format!("{}B", j.limits.body_size),
        sample_limit: j.limits.samples,
        label_limit: j.limits.labels,
        label_name_length_limit: j.limits.label_name_length,
        label_value_length_limit: j.limits.label_value_length,
        scrape_protocols: j.protocols.iter().map(|p| p.name()).collect(),
        fallback_scrape_protocol: j.fallback_protocol.map(Protocol::name),
        scrape_native_histograms: j.histograms.read.native,
        always_scrape_classic_histograms: j.histograms.read.classic_too,
        convert_classic_histograms_to_nhcb: j.histograms.read.convert,
        native_histogram_bucket_limit: j.histograms.bucket_limit,
        native_histogram_min_bucket_factor: Some(j.histograms.min_bucket_factor).filter(|f| *f != 0.0),
        metric_name_validation_scheme: j.names.validation.name(),
        metric_name_escaping_scheme: j.names.escaping.name(),
        http: http(&j.http),
        relabel_configs: j.relabel.iter().map(relabel).collect(),
        metric_relabel_configs: j.metric_relabel.iter().map(relabel).collect(),
        static_configs: j.groups.iter().map(group).collect(),
        file_sd_configs: j
            .file_discovery
            .iter()
            .map(|f| Files {
                files: f.patterns.iter().map(|p| p.display().to_string()).collect(),
                refresh_interval: format_duration(f.refresh),
            })
            .collect(),
        http_sd_configs: j
            .http_discovery
            .iter()
            .map(|d| Server {
                url: d.shown_url(),
                refresh_interval: format_duration(d.refresh),
                http: http(&d.http),
            })
            .collect(),
        kubernetes_sd_configs: j.kubernetes_discovery.iter().map(cluster).collect(),
    }
}

fn cluster(d: &KubernetesDiscovery) -> Cluster<'_> {
    let plain = HttpConfig::default();
    let (api_server, kubeconfig_file, requests) = match &d.server {
        ApiServer::InCluster => (None, None, &plain),
        ApiServer::Kubeconfig { file, .. } => (None, Some(file.display().to_string()), &plain),
        ApiServer::Url { url, http } => (Some(url.as_str()), None, http),
    };
    Cluster {
        role: d.role.name(),
        api_server,
        kubeconfig_file,
        namespaces: Namespaces { own_namespace: d.namespaces.own, names: &d.namespaces.names },
        selectors: d
            .selectors
            .iter()
            .map(|s| Selector { role: s.role.name(), label: &s.label, field: &s.field })
            .collect(),
        attach_metadata: [("node", d.attach.node), ("namespace", d.attach.namespace)]
            .into_iter()
            .filter(|(_, is_wanted)| *is_wanted)
            .collect(),
        http: http(requests),
    }
}

fn http(h: &HttpConfig) -> Http {
    let (basic_auth, authorization) = auth(&h.auth);
    let (follow_redirects, enable_http2) = (h.follow_redirects, h.enable_http2);
    let tls_config = (h.tls != TlsConfig::default()).then(|| tls(&h.tls));
    Http { follow_redirects, enable_http2, basic_auth, authorization, tls_config }
}

fn tls(t: &TlsConfig) -> Tls {
    let mut fields = Fields::new();
    for (name, file_name, credential) in
        [("ca", "ca_file", &t.ca), ("cert", "cert_file", &t.cert), ("key", "key_file", &t.key)]
    {
        match credential {
            Some(Credential::File(file)) => drop(fields.insert(file_name, file.display().to_string())),
            Some(Credential::Value(_)) if name == "key" => drop(fields.insert(name, HIDDEN.to_owned())),
            Some(Credential::Value(pem)) => drop(fields.insert(name, pem.expose().to_owned())),
            None => {}
        }
    }
    fields.extend(t.server_name.clone().map(|name| ("server_name", name)));
    for (name, version) in [("min_version", t.min_version), ("max_version", t.max_version)] {
        fields.extend(version.map(|v| (name, v.as_str().to_owned())));
    }
    Tls { fields, insecure_skip_verify: t.insecure_skip_verify }
}

fn group(g: &TargetGroup) -> Group<'_> {
    Group { targets: &g.targets, labels: g.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect() }
}

fn relabel(rule: &Rule) -> Relabel {
    let RuleFields { source_labels, separator, target_label, regex, modulus, replacement, action } =
        rule.fields();
    Relabel { source_labels, separator, regex, modulus, target_label, replacement, action }
}

type Fields = BTreeMap<&'static str, String>;

/// `basic_auth` and `authorization`.
fn auth(auth: &Auth) -> (Fields, Fields) {
    let file = |c: &Credential| match c {
        Credential::File(file) => Some(file.display().to_string()),
        Credential::Value(_) => None,
    };
    match auth {
        Auth::None => (Fields::new(), Fields::new()),
        Auth::Basic { username, password } => {
            let user = match username {
                Credential::File(file) => ("username_file", file.display().to_string()),
                Credential::Value(name) => ("username", name.expose().to_owned()),
            };
            let password = match file(password) {
                Some(file) => ("password_file", file),
                None => ("password", HIDDEN.to_owned()),
            };
            (Fields::from([user, password]), Fields::new())
        }
        Auth::Header { scheme, credentials } => {
            let credentials = match file(credentials) {
                Some(file) => ("credentials_file", file),
                None => ("credentials", HIDDEN.to_owned()),
            };
            (Fields::new(), Fields::from([("type", scheme.clone()), credentials]))
        }
    }
}
