//! Alarms that come through SNS.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use crate::sns::TopicArn;

const MAX_TOPICS: usize = 100;

/// Messages of SNS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnsConfig {
    /// Topics that messages are taken from; without any, none are.
    pub topics: Vec<TopicArn>,
    /// Of alarms that no beginning below names.
    pub severity: String,
    /// Severity by how an alarm's name begins; the longest beginning counts.
    pub severities: BTreeMap<String, String>,
    /// Where alarms are explained: `/runbooks/PAGE` here, or a URL.
    pub runbook_url: Option<String>,
    /// SNS where its names do not lead to it.
    pub endpoint: Option<SnsEndpoint>,
}

/// Where requests to SNS go instead of where its names lead to: an endpoint of a private network, an SNS of a test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnsEndpoint {
    pub address: SocketAddr,
    /// Who vouches for it, instead of those whom the system trusts (PEM).
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl Default for SnsConfig {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            severity: "warning".to_owned(),
            severities: BTreeMap::new(),
            runbook_url: None,
            endpoint: None,
        }
    }
}

impl SnsConfig {
    pub fn severity_of<'a>(&'a self, alarm: &str) -> &'a str {
        let named = self.severities.iter().filter(|(beginning, _)| alarm.starts_with(beginning.as_str()));
        named.max_by_key(|(beginning, _)| beginning.len()).map_or(&self.severity, |(_, severity)| severity)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.topics.len() > MAX_TOPICS {
            found.push(format!("sns.topics: more than {MAX_TOPICS}"));
        }
        if self.severity.is_empty() {
            found.push("sns.severity: empty".to_owned());
        }
        for (beginning, severity) in &self.severities {
            if beginning.is_empty() || severity.is_empty() {
                found.push(format!("sns.severities: {beginning:?}: {severity:?}: neither may be empty"));
            }
        }
        if self
            .runbook_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("/runbooks/") && !url.starts_with("https://"))
        {
            found.push("sns.runbook_url: begins with /runbooks/ or https://".to_owned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_says_how_bad_an_alarm_is() {
        let pairs = [("shop-", "info"), ("shop-edge-", "critical")];
        let severities = pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let config = SnsConfig { severities, ..SnsConfig::default() };
        assert_eq!(config.severity_of("shop-edge-errors"), "critical");
        assert_eq!(config.severity_of("shop-valkey-memory"), "info");
        assert_eq!(config.severity_of("other"), "warning");
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let config = SnsConfig {
            severity: String::new(),
            severities: [(String::new(), "info".to_owned())].into(),
            runbook_url: Some("cloud".to_owned()),
            ..SnsConfig::default()
        };
        let problems = config.problems();
        let fields = ["sns.severity:", "sns.severities:", "sns.runbook_url:"];
        assert_eq!(problems.len(), fields.len());
        assert!(problems.iter().zip(fields).all(|(p, field)| p.starts_with(field)), "{problems:?}");
    }
}
