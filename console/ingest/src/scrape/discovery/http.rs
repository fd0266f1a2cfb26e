//! Targets from an HTTP server (prometheus/discovery/http): a list of groups in JSON, asked for at an interval.
//!
//! A server that does not answer, or not with what it should, leaves the targets as they were, and the problem is said.

use std::{collections::BTreeMap, sync::Arc};

use ::http::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::{sync::Notify, task::JoinSet};

use crate::scrape::{
    config::{HttpDiscovery, TargetGroup},
    http::{BodyFailure, Connector, authorize, chain, read_body},
    names::NameScheme,
};

/// Bytes of an answer.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// What the servers of a job said last.
pub struct HttpTargets {
    found: Arc<Mutex<Vec<Found>>>,
    changed: Arc<Notify>,
    /// Ended when this is dropped.
    _tasks: JoinSet<()>,
}

/// What one server said last.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub groups: Vec<TargetGroup>,
    pub problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    targets: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

impl HttpTargets {
    /// Asks each server until this is dropped. Must run in a tokio runtime.
    pub fn start(discovery: &[HttpDiscovery]) -> Self {
        let found = Arc::new(Mutex::new(vec![Found::default(); discovery.len()]));
        let changed = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        for (i, config) in discovery.iter().cloned().enumerate() {
            let (found, changed) = (found.clone(), changed.clone());
            tasks.spawn(async move {
                let connector = Connector::new(config.http.clone(), &config.url);
                loop {
                    let answer = ask(&config, &connector).await;
                    note(&mut found.lock()[i], answer, &config);
                    changed.notify_one();
                    tokio::time::sleep(config.refresh).await;
                }
            });
        }
        Self { found, changed, _tasks: tasks }
    }

    /// Ends when a server said something.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    pub fn found(&self) -> Vec<Found> {
        self.found.lock().clone()
    }
}

fn note(found: &mut Found, answer: Result<Vec<TargetGroup>, String>, config: &HttpDiscovery) {
    match answer {
        Ok(groups) => *found = Found { groups, problem: None },
        Err(e) => found.problem = Some(format!("{}: {e}", config.shown_url())),
    }
}

/// Within the refresh interval.
async fn ask(config: &HttpDiscovery, connector: &Connector) -> Result<Vec<TargetGroup>, String> {
    let asked = tokio::time::timeout(config.refresh, get(config, connector)).await;
    asked.unwrap_or_else(|_| Err("no complete answer within refresh_interval".to_owned()))
}

async fn get(config: &HttpDiscovery, connector: &Connector) -> Result<Vec<TargetGroup>, String> {
    let request = connector.get(&config.url).await.map_err(|e| e.to_string())?;
    let request = request
        .header(ACCEPT, "application/json")
        .header("x-prometheus-refresh-interval-seconds", config.refresh.as_secs_f64().to_string());
    let request = authorize(request, &config.http.auth).await.map_err(|e| e.to_string())?;
    let response = request.send().await.map_err(|e| chain(&e.without_url()))?;
    if response.status() != StatusCode::OK {
        return Err(format!("the server answered with HTTP status {}", response.status()));
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        return Err(format!("Content-Type must be application/json, not {content_type:?}"));
    }
    let body = read_body(response, MAX_ANSWER_BYTES).await.map_err(|e| match e {
        BodyFailure::TooLarge => format!("the answer is larger than {MAX_ANSWER_BYTES} bytes"),
        BodyFailure::Interrupted(e) => format!("the answer broke off: {e}"),
    })?;
    groups(&body, config.url.as_str())
}

fn groups(body: &[u8], url: &str) -> Result<Vec<TargetGroup>, String> {
    let raw: Vec<Group> =
        serde_json::from_slice(body).map_err(|e| format!("the answer is not a list of groups: {e}"))?;
    let mut out = Vec::with_capacity(raw.len());
    for (i, group) in raw.into_iter().enumerate() {
        let labels = group.labels.unwrap_or_default();
        if let Some(name) = labels.keys().find(|name| !NameScheme::Utf8.is_label_name(name)) {
            return Err(format!("[{i}].labels.{name}: not a valid label name"));
        }
        let meta = ("__meta_url".to_owned(), url.to_owned());
        let labels = labels.into_iter().filter(|(name, _)| *name != meta.0).chain([meta.clone()]).collect();
        out.push(TargetGroup { targets: group.targets.unwrap_or_default(), labels });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_lists_with_labels_and_where_they_come_from() {
        let text =
            br#"[{"targets": ["a:1", "b:1"], "labels": {"a.zone": "x", "__meta_url": "?"}}, {"labels": null}]"#;
        let read = groups(text, "http://sd/").unwrap();
        assert_eq!((read.len(), &*read[0].targets), (2, &["a:1".to_owned(), "b:1".to_owned()][..]));
        let labels =
            [("a.zone", "x"), ("__meta_url", "http://sd/")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(read[0].labels, labels);
        for (wrong, said) in [
            ("", "not a list of groups"),
            ("[null]", "not a list"),
            ("{}", "not a list"),
            (r#"[{"target": []}]"#, "unknown field `target`"),
            (r#"[{"labels": {"": "c"}}]"#, "[0].labels.: not a valid"),
            (r#"[{"targets": ["a"]"#, "EOF"),
        ] {
            let error = groups(wrong.as_bytes(), "").unwrap_err();
            assert!(error.contains(said), "{error} instead of {said}");
        }
    }
}
