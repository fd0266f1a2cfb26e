//! What `quarterdeck check-config` looks at besides the configuration itself: every file that it names, read as the start
//! reads it. Nothing is opened, bound or written.

use std::path::Path;

use console_ingest::scrape::ScrapeConfig;
use console_sources::kubernetes::{ClusterAccess, ClusterConnection};

use crate::{
    Config,
    config::{RemoteSettings, read_secret},
    error_chain,
    runtime::engine_config,
    state,
    web::read_assets,
};

/// Every problem, a line each.
pub fn check_files(config: &Config) -> Result<(), Vec<String>> {
    let secrets = secrets(config).into_iter().filter_map(|(field, file)| read_secret(field, file).err());
    let secrets = config.admin.password().err().into_iter().chain(secrets);
    let mut problems: Vec<String> = secrets.map(|e| e.to_string()).collect();
    problems.extend(state::place(config).err().map(|e| e.to_string()));
    problems.extend(read_assets(&config.site_dir).err().map(|e| error_chain(&e)));
    if config.sources.alertmanager.is_none() {
        problems.extend(alerting_engine::check(&engine_config(config)).err().map(|e| e.to_string()));
    }
    let scraping = config.scrape_config_file.as_deref().map(ScrapeConfig::load);
    problems.extend(scraping.and_then(Result::err).map(|e| format!("scrape_config_file: {e}")));
    // A service account is there in its pod only.
    if let Some(access @ ClusterAccess::Kubeconfig { .. }) = config.kubernetes.access() {
        let wrong = ClusterConnection::open(&access).err();
        problems.extend(wrong.map(|e| format!("kubernetes.kubeconfig: {e}")));
    }
    let folders = [
        ("runbooks_dir", Some(&config.runbooks_dir)),
        ("gitops.repository", config.gitops.repository.as_ref()),
    ];
    for (field, folder) in folders {
        if let Some(absent) = folder.filter(|f| !f.is_dir()) {
            problems.push(format!("{field}: {} is not a folder", absent.display()));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The files of secrets and of who is believed, with the fields that name them, but for the administrator's.
fn secrets(config: &Config) -> Vec<(&'static str, &Path)> {
    fn token(remote: &Option<RemoteSettings>) -> Option<&Path> {
        remote.as_ref().and_then(|r| r.token_file.as_deref())
    }
    let sources = &config.sources;
    let alertmanager = sources.alertmanager.as_ref();
    let optional = [
        ("flux.events_key_file", config.flux.events_key_file.as_deref()),
        ("sns.endpoint.ca_file", config.sns.endpoint.as_ref().and_then(|e| e.ca_file.as_deref())),
        ("slack.webhook_url_file", config.slack.webhook_url_file.as_deref()),
        ("gitops.github.token_file", config.gitops.github.as_ref().and_then(|g| g.token_file.as_deref())),
        ("sources.prometheus.token_file", token(&sources.prometheus)),
        ("sources.loki.token_file", token(&sources.loki)),
        ("sources.tempo.token_file", token(&sources.tempo)),
        ("sources.alertmanager.token_file", alertmanager.and_then(|a| a.token_file.as_deref())),
        ("sources.alertmanager.password_file", alertmanager.and_then(|a| a.password_file.as_deref())),
    ];
    optional.into_iter().filter_map(|(field, file)| Some((field, file?))).collect()
}
