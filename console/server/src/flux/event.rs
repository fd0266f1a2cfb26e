//! What Flux sends: an `Event` of its notification controller, as JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use console_model::flux::FluxEvent;
use serde::Deserialize;

const MAX_NAME_CHARS: usize = 253;
const MAX_MESSAGE_CHARS: usize = 4000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    involved_object: Object,
    severity: String,
    timestamp: DateTime<Utc>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Object {
    kind: String,
    #[serde(default)]
    namespace: String,
    name: String,
}

/// The event of a body; an error names the field. One of the future is of now, or it would stay first for ever.
pub fn read(body: &[u8], now_ms: i64) -> Result<FluxEvent, serde_json::Error> {
    let sent: Sent = serde_json::from_slice(body)?;
    let metadata = sent.metadata.unwrap_or_default();
    // `kustomize.toolkit.fluxcd.io/revision`; controllers leave the group out when they tell other programs.
    let revision = metadata.iter().find(|(name, _)| name.rsplit('/').next() == Some("revision"));
    Ok(FluxEvent {
        kind: cut(&sent.involved_object.kind, MAX_NAME_CHARS),
        namespace: cut(&sent.involved_object.namespace, MAX_NAME_CHARS),
        name: cut(&sent.involved_object.name, MAX_NAME_CHARS),
        is_failure: sent.severity == "error",
        reason: cut(&sent.reason, MAX_NAME_CHARS),
        message: cut(sent.message.trim(), MAX_MESSAGE_CHARS),
        revision: revision.map(|(_, value)| cut(value, MAX_NAME_CHARS)).unwrap_or_default(),
        at_ms: sent.timestamp.timestamp_millis().min(now_ms),
    })
}

fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> serde_json::Value {
        json!({
            "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps", "uid": "1",
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1"},
            "severity": "error", "timestamp": "2026-01-02T03:04:05Z", "message": "health check failed\n",
            "reason": "HealthCheckFailed", "metadata": {"revision": "main@sha1:0a1b", "summary": "x"},
            "reportingController": "kustomize-controller",
        })
    }

    #[test]
    fn an_event_of_flux_is_read() {
        let event = read(body().to_string().as_bytes(), i64::MAX).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.name.as_str(), event.is_failure),
            ("Kustomization", "apps", true)
        );
        assert_eq!(event.revision, "main@sha1:0a1b");
        assert_eq!((event.message.as_str(), event.at_ms), ("health check failed", 1_767_323_045_000));
        let mut grouped = body();
        grouped["metadata"] = json!({"kustomize.toolkit.fluxcd.io/revision": "main@sha1:ff"});
        assert_eq!(read(grouped.to_string().as_bytes(), 7).unwrap().revision, "main@sha1:ff");
        assert_eq!(read(grouped.to_string().as_bytes(), 7).unwrap().at_ms, 7, "not of the future");
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_long_is_cut() {
        let mut without = body();
        without.as_object_mut().unwrap().remove("severity");
        let error = read(without.to_string().as_bytes(), 0).unwrap_err().to_string();
        assert!(error.contains("severity"), "{error}");
        let mut long = body();
        long["message"] = json!("ü".repeat(9000));
        long["metadata"] = json!(null);
        let event = read(long.to_string().as_bytes(), 0).unwrap();
        assert_eq!((event.message.chars().count(), event.revision.as_str()), (4001, ""));
    }
}
