//! The configuration file. Unknown fields, wrong values and unreadable secret files are refused; all problems of values
//! are reported together.

mod alertmanager;
mod kubernetes;
mod monitors;
mod query;
mod secret;
mod senders;
mod sns;
mod state;
mod stores;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use console_ingest::IngestLimits;
use console_spanmetrics::SpanMetricsConfig;
use console_state::MIN_PASSWORD_CHARS;
use console_storage::file::{self, read_text};
use serde::Deserialize;

pub use alertmanager::AlertmanagerSettings;
pub use kubernetes::KubernetesSettings;
pub use monitors::{MonitorsSettings, monitors};
pub use query::QueryConfig;
pub use secret::Secret;
pub use senders::{ForwardConfig, SyslogConfig};
pub use sns::{SnsConfig, SnsEndpoint};
pub use state::StateSettings;
pub use stores::{StoreConfig, StoresConfig, SyncSetting};

/// Largest configuration file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Everything that the console is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Pages, query APIs, Loki push, `/metrics`.
    pub listen: SocketAddr,
    /// Liveness, answered however much there is to do; without it only by `listen`, which answers late when it is late.
    #[serde(default)]
    pub health: Option<SocketAddr>,
    #[serde(default = "default_otlp_grpc")]
    pub otlp_grpc: SocketAddr,
    #[serde(default = "default_otlp_http")]
    pub otlp_http: SocketAddr,
    /// Telemetry and, unless `state` says otherwise, users and sessions are kept below.
    pub data_dir: PathBuf,
    #[serde(default)]
    pub state: StateSettings,
    /// Where people reach the console; links in messages begin with it.
    pub external_url: String,
    /// The built browser client.
    pub site_dir: PathBuf,
    #[serde(default)]
    pub tokens: TokensConfig,
    pub admin: AdminConfig,
    /// `scrape_configs` in Prometheus' format.
    #[serde(default)]
    pub scrape_config_file: Option<PathBuf>,
    #[serde(default)]
    pub rule_files: Vec<String>,
    /// Alertmanager's configuration; required unless `sources.alertmanager` has its own.
    #[serde(default)]
    pub routing_file: Option<PathBuf>,
    pub runbooks_dir: PathBuf,
    #[serde(default)]
    pub gitops: GitopsConfig,
    #[serde(default)]
    pub flux: FluxConfig,
    #[serde(default)]
    pub kubernetes: KubernetesSettings,
    #[serde(default)]
    pub monitors: Option<MonitorsSettings>,
    #[serde(default)]
    pub sns: SnsConfig,
    #[serde(default)]
    pub slack: SlackConfig,
    /// Remote backends to read instead of the embedded stores.
    #[serde(default)]
    pub sources: SourcesConfig,
    #[serde(default)]
    pub stores: StoresConfig,
    #[serde(default)]
    pub query: QueryConfig,
    /// Metrics derived from the spans that come in.
    #[serde(default)]
    pub spanmetrics: SpanMetricsConfig,
    /// Sites whose pages may read the Prometheus API: a regular expression that matches the whole origin.
    #[serde(default)]
    pub cors_origin: Option<String>,
    #[serde(default)]
    pub ingest: IngestLimits,
    /// Off unless it has addresses.
    #[serde(default)]
    pub syslog: SyslogConfig,
    #[serde(default)]
    pub forward: Option<ForwardConfig>,
    #[serde(default = "default_drain_ms")]
    pub drain_ms: u64,
    /// What this build calls itself, when the deployment knows better than the package.
    #[serde(default)]
    pub version: Option<String>,
}

/// Bearer tokens. An empty list lets everybody in, which is meant for loopback only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokensConfig {
    pub ingest: Vec<Secret>,
    pub query: Vec<Secret>,
}

/// The first user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminConfig {
    #[serde(default = "default_admin")]
    pub username: String,
    pub password_file: PathBuf,
}

impl AdminConfig {
    /// What the password's file holds, which must be long enough to be one.
    pub fn password(&self) -> Result<String, ConfigError> {
        const FIELD: &str = "admin.password_file";
        let password = read_secret(FIELD, &self.password_file)?;
        if password.chars().count() < MIN_PASSWORD_CHARS {
            return Err(ConfigError::Unreadable {
                file: self.password_file.display().to_string(),
                reason: format!("{FIELD}: the password must have {MIN_PASSWORD_CHARS} characters or more"),
            });
        }
        Ok(password)
    }
}

/// Where deploys are declared: a local clone, a repository on GitHub, or nowhere that the console could see.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitopsConfig {
    pub repository: Option<PathBuf>,
    pub github: Option<GitHubSettings>,
    /// The folder of the manifests.
    pub folder: String,
    /// The environment that this console watches: what `apps/ENVIRONMENT` below the folder declares. None: all of them.
    pub environment: Option<String>,
}

impl Default for GitopsConfig {
    fn default() -> Self {
        Self { repository: None, github: None, folder: "gitops".to_owned(), environment: None }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubSettings {
    pub owner: String,
    pub repo: String,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Another API root: GitHub Enterprise.
    #[serde(default)]
    pub api_url: Option<String>,
}

/// Notifications of Flux.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FluxConfig {
    /// The key that they are signed with (HMAC); without it none are taken.
    pub events_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlackConfig {
    pub webhook_url_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourcesConfig {
    pub prometheus: Option<RemoteSettings>,
    pub loki: Option<RemoteSettings>,
    pub tempo: Option<RemoteSettings>,
    /// Alerts are read from it, and the console evaluates no rules and tells nobody.
    pub alertmanager: Option<AlertmanagerSettings>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    pub url: String,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// `X-Scope-OrgID`.
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default = "default_remote_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_otlp_grpc() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4317))
}

fn default_otlp_http() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4318))
}

fn default_drain_ms() -> u64 {
    5_000
}

fn default_admin() -> String {
    "admin".to_owned()
}

fn default_remote_timeout_ms() -> u64 {
    30_000
}

/// Why the configuration cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{file}: {reason}")]
    Unreadable { file: String, reason: String },
    /// With line and column.
    #[error("{file}: {reason}")]
    Malformed { file: String, reason: String },
    #[error("{file}: {}", problems.join("; "))]
    Invalid { file: String, problems: Vec<String> },
}

impl Config {
    /// Reads and checks a file.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let name = file.display().to_string();
        let text = read_text(file, MAX_FILE_BYTES)
            .map_err(|e| ConfigError::Unreadable { file: name.clone(), reason: e.to_string() })?;
        Self::parse(&name, &text)
    }

    /// `name` is the file's name in messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let config: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|e| ConfigError::Malformed { file: name.to_owned(), reason: e.to_string() })?;
        let problems = config.problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid { file: name.to_owned(), problems })
        }
    }

    /// Whether metrics are derived from spans. They go to the embedded store, which nobody reads beside a remote one.
    pub fn derives_metrics(&self) -> bool {
        self.spanmetrics.enabled.unwrap_or(self.sources.prometheus.is_none())
    }

    fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut web = |field: &str, url: &str| match url::Url::parse(url) {
            Ok(u) if !u.username().is_empty() || u.password().is_some() => {
                found.push(format!("{field}: names a user, which pages would show"));
            }
            Ok(u) if matches!(u.scheme(), "http" | "https") && u.has_host() => {}
            _ => found.push(format!("{field}: {url:?} is not an http or https URL")),
        };
        web("external_url", &self.external_url);
        let remotes = [
            ("sources.prometheus.url", &self.sources.prometheus),
            ("sources.loki.url", &self.sources.loki),
            ("sources.tempo.url", &self.sources.tempo),
        ];
        for (field, remote) in remotes {
            if let Some(remote) = remote {
                web(field, &remote.url);
            }
        }
        if let Some(alertmanager) = &self.sources.alertmanager {
            web("sources.alertmanager.url", &alertmanager.url);
        }
        if self.gitops.repository.is_some() && self.gitops.github.is_some() {
            found.push("gitops: either repository or github, not both".to_owned());
        }
        if self.gitops.environment.as_deref().is_some_and(|e| e.is_empty() || e.contains('/')) {
            found.push("gitops.environment: the name of a folder in apps/".to_owned());
        }
        let open: Vec<&str> = [
            ("listen", self.listen, self.tokens.query.is_empty() || self.tokens.ingest.is_empty()),
            ("otlp_grpc", self.otlp_grpc, self.tokens.ingest.is_empty()),
            ("otlp_http", self.otlp_http, self.tokens.ingest.is_empty()),
        ]
        .into_iter()
        .filter(|(_, address, open)| *open && !address.ip().is_loopback())
        .map(|(field, _, _)| field)
        .collect();
        if !open.is_empty() {
            let fields = open.join(", ");
            found.push(format!("tokens: {fields} can be reached from outside, so tokens.ingest and tokens.query must not be empty"));
        }
        let origin = self.cors_origin.as_deref().map(console_query_api::prometheus::check_origin);
        if let Some(Err(reason)) = origin {
            found.push(format!("cors_origin: {reason}"));
        }
        found.extend(self.stores.problems());
        found.extend(self.state.problems());
        found.extend(alertmanager::problems(self));
        found.extend(self.query.problems());
        found.extend(self.spanmetrics.problems("spanmetrics"));
        found.extend(self.kubernetes.problems());
        found.extend(monitors::problems(self));
        found.extend(self.sns.problems());
        found.extend(self.syslog.problems());
        found.extend(self.forward.iter().flat_map(ForwardConfig::problems));
        found
    }
}

/// The text of a secret's file without surrounding blanks.
pub fn read_secret(field: &str, file: &Path) -> Result<String, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable {
        file: file.display().to_string(),
        reason: format!("{field}: {reason}"),
    };
    let text = file::read_secret(file).map_err(|e| unreadable(e.to_string()))?;
    if text.is_empty() { Err(unreadable("the file is empty".to_owned())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "listen: 127.0.0.1:8090\ndata_dir: /tmp/x\nexternal_url: http://127.0.0.1:8090\nsite_dir: site\n\
                        admin: { password_file: p }\nrouting_file: r.yml\nrunbooks_dir: runbooks\n\
                        gitops: { repository: . }\n";

    #[test]
    fn a_short_file_gets_safe_defaults() {
        let config = Config::parse("q.yml", GOOD).unwrap();
        assert_eq!(config.otlp_grpc.port(), 4317);
        assert_eq!(config.admin.username, "admin");
        assert_eq!(config.gitops.folder, "gitops");
    }

    #[test]
    fn deploys_need_not_be_anywhere() {
        let config = Config::parse("q.yml", &GOOD.replace("gitops: { repository: . }\n", "")).unwrap();
        assert!(config.gitops.repository.is_none() && config.gitops.github.is_none());
    }

    #[test]
    fn unknown_fields_are_named_with_their_line() {
        let error = Config::parse("q.yml", &format!("{GOOD}colour: blue\n")).unwrap_err().to_string();
        assert!(error.contains("q.yml") && error.contains("colour") && error.contains("line 9"), "{error}");
    }

    #[test]
    fn all_wrong_values_are_told_together() {
        let both = "{ repository: ., github: { owner: a, repo: b } }";
        let text = GOOD.replace("http://127.0.0.1:8090", "ftp://x").replace("{ repository: . }", both);
        let error = Config::parse("q.yml", &text).unwrap_err();
        let ConfigError::Invalid { problems, .. } = &error else { panic!("{error}") };
        assert_eq!(problems.len(), 2, "{error}");
    }

    #[test]
    fn an_open_console_on_the_network_is_refused() {
        let error =
            Config::parse("q.yml", &GOOD.replace("listen: 127.0.0.1", "listen: 0.0.0.0")).unwrap_err();
        assert!(error.to_string().contains("tokens"), "{error}");
    }

    #[test]
    fn metrics_are_derived_where_they_are_read_unless_told_otherwise() {
        let derives =
            |rest: &str| Config::parse("q.yml", &format!("{GOOD}{rest}\n")).unwrap().derives_metrics();
        let remote = "sources: { prometheus: { url: 'http://prometheus:9090' } }";
        assert!(derives("") && !derives(remote));
        assert!(!derives("spanmetrics: { enabled: false }"));
        assert!(derives(&format!("{remote}\nspanmetrics: {{ enabled: true }}")));
        let wrong = "spanmetrics: { buckets: [1, 0.5], dimensions: [service], interval_ms: 1 }\n";
        let told = Config::parse("q.yml", &format!("{GOOD}{wrong}")).unwrap_err().to_string();
        for field in ["spanmetrics.buckets", "spanmetrics.dimensions", "spanmetrics.interval_ms"] {
            assert!(told.contains(field), "{told}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let config = Config::parse("q.yml", &format!("{GOOD}tokens: {{ query: [hunter2] }}\n")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_showing_it() {
        let text = GOOD.replace("external_url: http://", "external_url: http://kim:planted@");
        let told = Config::parse("q.yml", &text).unwrap_err().to_string();
        assert!(told.contains("external_url: names a user") && !told.contains("planted"), "{told}");
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        for path in ["/dev/zero", "/"] {
            let told = Config::load(Path::new(path)).unwrap_err().to_string();
            assert!(told.contains("not a file"), "{told}");
            let told = read_secret("admin.password_file", Path::new(path)).unwrap_err().to_string();
            assert!(told.contains("admin.password_file: not a file"), "{told}");
        }
    }
}
