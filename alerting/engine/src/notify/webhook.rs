//! Alertmanager's webhook, version 4 (notify/webhook).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use console_model::{Labels, alert::AlertState};
use serde::Serialize;

use crate::notify::{Notice, Prepared, links::Links};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
    status: &'static str,
    receiver: &'a str,
    group_labels: BTreeMap<String, String>,
    common_labels: BTreeMap<String, String>,
    common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    alerts: Vec<MessageAlert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageAlert {
    status: &'static str,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// The JSON message; at most `max_alerts` alerts, 0 for all.
pub fn compose(notice: &Notice, max_alerts: usize) -> Prepared {
    let told = if max_alerts == 0 { notice.alerts.len() } else { max_alerts.min(notice.alerts.len()) };
    let alerts = notice.alerts[..told].iter().map(|a| MessageAlert {
        status: if a.state == AlertState::Resolved { "resolved" } else { "firing" },
        labels: map(&a.labels),
        annotations: map(&a.annotations),
        starts_at: rfc3339(a.fired_at_ms.unwrap_or(a.active_at_ms)),
        // Go's zero time stands for "not over".
        ends_at: a.resolved_at_ms.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339),
        generator_url: Links::of(a, &notice.external_url).metrics,
        fingerprint: a.fingerprint.clone(),
    });
    let message = Message {
        version: "4",
        group_key: &notice.group_key,
        truncated_alerts: notice.alerts.len() - told,
        status: notice.status(),
        receiver: &notice.receiver,
        group_labels: map(&notice.group_labels),
        common_labels: map(&notice.common_labels()),
        common_annotations: map(&notice.common_annotations()),
        external_url: &notice.external_url,
        alerts: alerts.collect(),
    };
    let payload = serde_json::to_string(&message).unwrap_or_default();
    Prepared { title: notice.headline(), payload }
}

fn map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|l| (l.name.to_string(), l.value.to_string())).collect()
}

pub(crate) fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}
