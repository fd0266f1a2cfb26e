//! Scrape jobs that objects of the cluster declare.

use std::time::Duration;

use console_ingest::scrape::config::{ApiServer, check_label_selector};
use console_sources::kubernetes::{ClusterAccess, MonitorsConfig};
use serde::Deserialize;

use super::{Config, kubernetes::check_namespaces};

const MAX_INTERVAL_MS: u64 = 24 * 3600 * 1000;

/// ServiceMonitor and PodMonitor (monitoring.coreos.com/v1) are honoured; no object is without this.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorsSettings {
    /// Where monitors lie. Empty: anywhere.
    pub namespaces: Vec<String>,
    /// Of their own labels, in Kubernetes' syntax. Empty: all.
    pub label_selector: String,
    /// Where a monitor names none.
    pub scrape_interval_ms: u64,
    /// They may name files of the console's machine, whose content then goes to their targets.
    pub allow_files: bool,
}

impl Default for MonitorsSettings {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            label_selector: String::new(),
            scrape_interval_ms: 30_000,
            allow_files: false,
        }
    }
}

/// The monitors that are honoured, if any.
pub fn monitors(config: &Config) -> Option<MonitorsConfig> {
    let settings = config.monitors.as_ref()?;
    Some(MonitorsConfig {
        server: match config.kubernetes.access()? {
            ClusterAccess::InCluster => ApiServer::InCluster,
            ClusterAccess::Kubeconfig { file, context } => ApiServer::Kubeconfig { file, context },
        },
        namespaces: settings.namespaces.clone(),
        label_selector: settings.label_selector.clone(),
        scrape_interval: Duration::from_millis(settings.scrape_interval_ms),
        allow_files: settings.allow_files,
    })
}

pub(super) fn problems(config: &Config) -> Vec<String> {
    let Some(settings) = &config.monitors else { return Vec::new() };
    let mut found = Vec::new();
    if config.kubernetes.access().is_none() {
        found.push("monitors: kubernetes says no cluster (in_cluster or kubeconfig)".to_owned());
    }
    found.extend(check_namespaces("monitors.namespaces", &settings.namespaces));
    if let Err(e) = check_label_selector(&settings.label_selector) {
        found.push(format!("monitors.label_selector: {e}"));
    }
    if !(1..=MAX_INTERVAL_MS).contains(&settings.scrape_interval_ms) {
        found.push(format!("monitors.scrape_interval_ms: must be from 1 to {MAX_INTERVAL_MS}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "listen: 127.0.0.1:8090\ndata_dir: /tmp/x\nexternal_url: http://127.0.0.1:8090\nsite_dir: site\n\
        admin: { password_file: p }\nrouting_file: r.yml\nrunbooks_dir: runbooks\n";

    fn parse(rest: &str) -> Result<Config, String> {
        Config::parse("q.yml", &format!("{FILE}{rest}\n")).map_err(|e| e.to_string())
    }

    #[test]
    fn monitors_are_looked_for_where_the_cluster_is() {
        assert_eq!(monitors(&parse("kubernetes: {in_cluster: true}").unwrap()), None);
        let config =
            parse("kubernetes: {kubeconfig: /k, context: c}\nmonitors: {label_selector: 'a=b'}").unwrap();
        let monitors = monitors(&config).unwrap();
        let server = ApiServer::Kubeconfig { file: "/k".into(), context: Some("c".to_owned()) };
        assert_eq!((monitors.server, monitors.scrape_interval.as_secs()), (server, 30));
        assert_eq!((&*monitors.label_selector, monitors.allow_files), ("a=b", false));
    }

    #[test]
    fn what_is_wrong_with_monitors_is_named() {
        for (rest, said) in [
            ("monitors: {}", "monitors: kubernetes says no cluster"),
            (
                "kubernetes: {in_cluster: true}\nmonitors: {label_selector: 'a in b'}",
                "monitors.label_selector: ",
            ),
            (
                "kubernetes: {in_cluster: true}\nmonitors: {namespaces: [A]}",
                "monitors.namespaces: \"A\" is not",
            ),
            (
                "kubernetes: {in_cluster: true}\nmonitors: {namespaces: [shop, data, shop]}",
                "monitors.namespaces: \"shop\" stands there twice",
            ),
            (
                "kubernetes: {in_cluster: true}\nmonitors: {scrape_interval_ms: 0}",
                "monitors.scrape_interval_ms: ",
            ),
            ("kubernetes: {in_cluster: true}\nmonitors: {files: true}", "files"),
        ] {
            let error = parse(rest).unwrap_err();
            assert!(error.contains(said), "{rest}: {error}");
        }
    }
}
