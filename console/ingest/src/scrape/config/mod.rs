//! The file: Prometheus' own format, as far as it concerns scraping.
//!
//! Reference: prometheus.io/docs/prometheus/latest/configuration/configuration. All problems of a file are reported
//! together, each with its line and field. What Prometheus knows and the console does not is a problem too.

mod build;
mod duration;
mod formats;
mod http;
mod kubernetes;
mod names;
mod problem;
mod raw;
mod secret;
mod selector;
mod show;
mod size;
mod yaml;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use console_model::Labels;
use url::Url;

pub use duration::{format_duration, parse_duration};
pub use kubernetes::{
    ApiServer, AttachMetadata, KubernetesDiscovery, KubernetesRole, KubernetesSelector, Namespaces,
    check_namespace,
};
pub use problem::{ConfigError, Problem};
pub use secret::{Credential, Secret, UnreadableCredential};
pub use selector::check_label_selector;

use crate::scrape::{exposition::Histograms, names::NameConfig, protocol::Protocol, relabel::Rule};

pub(super) use build::listed_labels;
pub(super) use problem::Problems;
pub(super) use raw::RawGroup;
pub(super) use yaml::{Spanned, parse, read};

/// A checked configuration.
#[derive(Clone, Debug, Default)]
pub struct ScrapeConfig {
    pub jobs: Vec<Arc<JobConfig>>,
    /// What Prometheus adds when it sends samples elsewhere. Not added to stored samples, as there.
    pub external_labels: Labels,
}

/// One entry of `scrape_configs`.
#[derive(Clone, Debug)]
pub struct JobConfig {
    pub name: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub scheme: Scheme,
    pub metrics_path: String,
    /// Query parameters, in order of their names.
    pub params: Vec<(String, Vec<String>)>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub enable_compression: bool,
    pub http: HttpConfig,
    pub groups: Vec<TargetGroup>,
    pub file_discovery: Vec<FileDiscovery>,
    pub http_discovery: Vec<HttpDiscovery>,
    pub kubernetes_discovery: Vec<KubernetesDiscovery>,
    pub relabel: Vec<Rule>,
    pub metric_relabel: Vec<Rule>,
    pub limits: ScrapeLimits,
    /// What targets are asked for, most wanted first.
    pub protocols: Vec<Protocol>,
    /// What an answer is read as that does not say what it is.
    pub fallback_protocol: Option<Protocol>,
    pub histograms: HistogramConfig,
    pub names: NameConfig,
}

/// What becomes of histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramConfig {
    pub read: Histograms,
    /// Buckets of a native histogram that has more are merged; a histogram that cannot be made so small fails the scrape. 0
    /// means no limit.
    pub bucket_limit: usize,
    /// Buckets that grow by less from one to the next are merged. 0 means none are.
    pub min_bucket_factor: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Targets that share labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroup {
    pub targets: Vec<String>,
    pub labels: Vec<(String, String)>,
}

/// Files that list targets; their last part may have one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiscovery {
    pub patterns: Vec<PathBuf>,
    pub refresh: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { follow_redirects: true, enable_http2: true, auth: Auth::None, tls: TlsConfig::default() }
    }
}

/// A server that lists targets.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpDiscovery {
    pub url: Url,
    pub refresh: Duration,
    pub http: HttpConfig,
}

impl HttpDiscovery {
    /// The address without the password that may be in it.
    pub fn shown_url(&self) -> String {
        let mut url = self.url.clone();
        if url.password().is_some() {
            // Only URLs without a host have no place for a password.
            let _ = url.set_password(Some("xxxxx"));
        }
        url.into()
    }
}

/// How requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    pub follow_redirects: bool,
    pub enable_http2: bool,
    pub auth: Auth,
    pub tls: TlsConfig,
}

/// Certificates and keys are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Who is believed, instead of the system's authorities.
    pub ca: Option<Credential>,
    /// There with `key`, or not at all.
    pub cert: Option<Credential>,
    pub key: Option<Credential>,
    /// The name that is asked for and that the certificate must have, instead of the host's.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// Limits of one scrape. Over one of them the whole scrape fails. 0 means none, but for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrapeLimits {
    /// Bytes of the answer, as sent and decompressed.
    pub body_size: usize,
    /// Samples after `metric_relabel_configs`.
    pub samples: usize,
    pub labels: usize,
    pub label_name_length: usize,
    pub label_value_length: usize,
}

/// Where `body_size_limit` is absent or 0: Prometheus has no bound then, the console always has one.
pub const DEFAULT_BODY_SIZE_LIMIT: usize = 64 << 20;

impl Default for ScrapeLimits {
    fn default() -> Self {
        Self {
            body_size: DEFAULT_BODY_SIZE_LIMIT,
            samples: 0,
            labels: 0,
            label_name_length: 0,
            label_value_length: 0,
        }
    }
}

/// How a request shows who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    #[default]
    None,
    Basic {
        username: Credential,
        password: Credential,
    },
    /// `Authorization: <scheme> <credentials>`.
    Header {
        scheme: String,
        credentials: Credential,
    },
}

impl ScrapeConfig {
    /// Reads and checks a file. Paths in it are relative to its folder.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        Self::parse(path, &read(path)?)
    }

    /// As [`ScrapeConfig::load`], with the file's text at hand.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        build::config(path, parse(path, text)?)
    }
}
