//! An Alertmanager to read alerts from, in place of the console's own engine.

use std::{path::PathBuf, time::Duration};

use console_sources::RemoteConfig;
use serde::Deserialize;

use super::{Config, ConfigError, read_secret};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerSettings {
    pub url: String,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// With `password_file`: basic authentication.
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// Asked every five seconds.
fn default_timeout_ms() -> u64 {
    5_000
}

impl AlertmanagerSettings {
    /// `field` is the settings' name in messages.
    pub fn remote(&self, field: &str) -> Result<RemoteConfig, ConfigError> {
        let mut remote = RemoteConfig::new(self.url.clone());
        remote.timeout = Duration::from_millis(self.timeout_ms);
        if let Some(file) = &self.token_file {
            remote.bearer_token = Some(read_secret(&format!("{field}.token_file"), file)?);
        }
        if let (Some(user), Some(file)) = (&self.username, &self.password_file) {
            remote.basic = Some((user.clone(), read_secret(&format!("{field}.password_file"), file)?));
        }
        Ok(remote)
    }
}

/// What does not go together: rules have one place where they are evaluated, and people are told once.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |is_wrong: bool, why: &str| {
        if is_wrong {
            found.push(why.to_owned());
        }
    };
    let Some(alertmanager) = &config.sources.alertmanager else {
        refuse(config.routing_file.is_none(), "routing_file: required without sources.alertmanager");
        refuse(
            config.state.is_shared() && !config.rule_files.is_empty(),
            "state.postgres_url_file with rule_files: each console on the database would evaluate the rules and tell people; \
             name sources.alertmanager instead of rule_files, or keep the state in a file",
        );
        refuse(
            config.state.is_shared() && !config.sns.topics.is_empty(),
            "state.postgres_url_file with sns.topics: alarms would be known to the console alone that SNS happened to reach; \
             name sources.alertmanager, or keep the state in a file",
        );
        return found;
    };
    let both = alertmanager.token_file.is_some() && alertmanager.username.is_some();
    refuse(both, "sources.alertmanager: either token_file or username, not both");
    refuse(
        alertmanager.username.is_some() != alertmanager.password_file.is_some(),
        "sources.alertmanager: username and password_file go together",
    );
    refuse(
        config.sources.prometheus.is_none(),
        "sources.alertmanager: needs sources.prometheus, whose rules make its alerts",
    );
    refuse(
        !config.rule_files.is_empty(),
        "rule_files: with sources.alertmanager the rules are Prometheus' own; people would be told twice",
    );
    refuse(
        config.routing_file.is_some(),
        "routing_file: with sources.alertmanager the routes are Alertmanager's own",
    );
    refuse(
        config.slack.webhook_url_file.is_some(),
        "slack.webhook_url_file: with sources.alertmanager it is Alertmanager that tells people",
    );
    found
}
