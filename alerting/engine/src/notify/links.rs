//! Addresses of the console's pages.

use console_model::alert::Alert;
use url::form_urlencoded::byte_serialize;

/// Pages around one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    pub alert: String,
    pub trace: Option<String>,
    pub logs: Option<String>,
    pub runbook: Option<String>,
    /// The expression in the metrics explorer: Alertmanager's `generatorURL`. The alert itself where it has none.
    pub metrics: String,
}

/// How much before the onset the linked pages show.
const BEFORE_MS: i64 = 10 * 60_000;
const AFTER_MS: i64 = 10 * 60_000;

impl Links {
    pub fn of(alert: &Alert, external_url: &str) -> Self {
        let from = alert.active_at_ms - BEFORE_MS;
        let to = alert.resolved_at_ms.unwrap_or(alert.active_at_ms) + AFTER_MS;
        let range = format!("from={from}&to={to}");
        Self {
            alert: format!("{external_url}/alerts/{}", alert.fingerprint),
            trace: alert.evidence.trace_id.map(|id| format!("{external_url}/traces/{id}")),
            logs: alert
                .evidence
                .log_query
                .as_deref()
                .or_else(|| alert.annotations.get("log_query"))
                .map(|q| format!("{external_url}/logs?{range}&q={}", encode(q))),
            runbook: runbook(alert, external_url),
            metrics: match alert.expr.as_str() {
                "" => format!("{external_url}/alerts/{}", alert.fingerprint),
                expr => format!("{external_url}/metrics-explorer?{range}&q={}", encode(expr)),
            },
        }
    }
}

fn runbook(alert: &Alert, external_url: &str) -> Option<String> {
    let url = alert.annotations.get("runbook_url")?;
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(url.to_owned());
    }
    Some(format!("{external_url}/{}", url.trim_start_matches('/')))
}

fn encode(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
