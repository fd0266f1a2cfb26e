//! What a monitor may say. What is not read here is kept by its name, and refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Fields that are not read.
pub(super) type Others = BTreeMap<String, Value>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub selector: LabelSelector,
    pub namespace_selector: NamespaceSelector,
    #[serde(alias = "podMetricsEndpoints")]
    pub endpoints: Vec<Value>,
    pub job_label: String,
    pub target_labels: Vec<String>,
    pub pod_target_labels: Vec<String>,
    pub attach_metadata: AttachMetadata,
    /// How the selector is brought to bear; both ways find the same targets.
    pub selector_mechanism: Option<String>,
    pub service_discovery_role: Option<String>,
    pub sample_limit: Option<u64>,
    pub label_limit: Option<u64>,
    pub label_name_length_limit: Option<u64>,
    pub label_value_length_limit: Option<u64>,
    pub body_size_limit: Option<String>,
    pub scrape_protocols: Option<Vec<String>>,
    pub fallback_scrape_protocol: Option<String>,
    pub scrape_native_histograms: Option<bool>,
    pub scrape_classic_histograms: Option<bool>,
    #[serde(rename = "convertClassicHistogramsToNHCB")]
    pub convert_classic_histograms: Option<bool>,
    pub native_histogram_bucket_limit: Option<u64>,
    /// A quantity.
    pub native_histogram_min_bucket_factor: Option<Value>,
    #[serde(flatten)]
    pub others: Others,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Endpoint {
    pub port: String,
    pub port_number: Option<u16>,
    /// A name or a number.
    pub target_port: Option<Value>,
    pub path: String,
    pub scheme: String,
    pub params: Option<BTreeMap<String, Vec<String>>>,
    pub interval: String,
    pub scrape_timeout: String,
    pub honor_labels: bool,
    pub honor_timestamps: Option<bool>,
    pub track_timestamps_staleness: Option<bool>,
    pub relabelings: Vec<Relabeling>,
    pub metric_relabelings: Vec<Relabeling>,
    pub follow_redirects: Option<bool>,
    #[serde(rename = "enableHttp2")]
    pub enable_http2: Option<bool>,
    pub filter_running: Option<bool>,
    pub tls_config: Option<Tls>,
    pub bearer_token_file: String,
    pub bearer_token_secret: Option<SecretKey>,
    #[serde(flatten)]
    pub others: Others,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expression {
    pub key: String,
    pub operator: String,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct NamespaceSelector {
    pub any: bool,
    pub match_names: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AttachMetadata {
    pub node: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tls {
    pub ca_file: String,
    pub cert_file: String,
    pub key_file: String,
    pub server_name: Option<String>,
    pub insecure_skip_verify: Option<bool>,
    pub min_version: Option<String>,
    pub max_version: Option<String>,
    #[serde(flatten)]
    pub others: Others,
}

/// One whose name is empty is none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SecretKey {
    pub name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Relabeling {
    pub source_labels: Vec<String>,
    pub separator: Option<String>,
    pub target_label: String,
    pub regex: String,
    pub modulus: u64,
    pub replacement: Option<String>,
    pub action: String,
}
