//! A document as a log entry; a record of the forward protocol is one too.
//!
//! | of the entry | from the first field with a value |
//! | --- | --- |
//! | time | `@timestamp`, else the time of arrival |
//! | line | `message`, `log`, `msg`, `event.original`; else the document as JSON |
//! | stream labels | [`STREAM_FIELDS`], `level`, `index` |
//! | `trace_id`, `span_id` | `trace.id`, `trace_id`, `traceId`; `span.id`, `span_id`, `spanId` |
//! | structured metadata | all other fields, dots and other signs as `_` |

use console_model::{Labels, log::LogEntry};
use http::StatusCode;
use serde_json::{Map, Value};

use super::{
    bulk::Fault,
    fields::{self, Fields},
    timestamp,
};
use crate::{
    level,
    limits::IngestLimits,
    otlp::{name::label_name, resource::UNKNOWN_SERVICE},
};

/// A stream label, and the fields that it is taken from: ECS' first, then what shippers and loggers call it.
pub const STREAM_FIELDS: [(&str, &[&str]); 8] = [
    (
        "service_name",
        &[
            "service.name",
            "service_name",
            "service",
            "app",
            "application",
            "kubernetes.labels.app_kubernetes_io/name",
            "kubernetes.labels.app",
            "kubernetes.container.name",
            "kubernetes.container_name",
            "container.name",
        ],
    ),
    ("service_namespace", &["service.namespace"]),
    ("deployment_environment_name", &["service.environment", "deployment.environment.name"]),
    ("host_name", &["host.name", "host.hostname", "host", "hostname", "agent.hostname"]),
    ("k8s_cluster_name", &["orchestrator.cluster.name"]),
    ("k8s_namespace_name", &["kubernetes.namespace", "kubernetes.namespace_name"]),
    ("k8s_pod_name", &["kubernetes.pod.name", "kubernetes.pod_name"]),
    ("k8s_container_name", &["kubernetes.container.name", "kubernetes.container_name"]),
];

const LEVEL: [&str; 7] =
    ["log.level", "level", "log_level", "loglevel", "severity", "severity_text", "log.syslog.severity.name"];
const LINE: [&str; 4] = ["message", "log", "msg", "event.original"];
const TRACE: [&str; 3] = ["trace.id", "trace_id", "traceId"];
const SPAN: [&str; 3] = ["span.id", "span_id", "spanId"];

/// An entry and the stream that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub labels: Labels,
    pub entry: LogEntry,
}

/// What is known of a document besides what it says.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Stream labels that it has anyway.
    pub labels: &'a [(&'a str, &'a str)],
    /// The service of one that names none.
    pub service: &'a str,
    /// Structured metadata, where it has a value.
    pub metadata: &'a [(&'a str, Option<&'a str>)],
    /// Its time, whatever `@timestamp` says.
    pub t_ns: Option<i64>,
}

impl<'a> Origin<'a> {
    /// A document of an index.
    fn index(labels: &'a [(&'a str, &'a str)], metadata: &'a [(&'a str, Option<&'a str>)]) -> Self {
        Self { labels, service: UNKNOWN_SERVICE, metadata, t_ns: None }
    }
}

/// Maps a document of an index. `now_ns` is the time of one that has none.
pub fn map(
    document: &Map<String, Value>,
    index: &str,
    id: Option<&str>,
    now_ns: i64,
    limits: &IngestLimits,
) -> Result<Document, Fault> {
    entry(document, Origin::index(&[("index", index)], &[("document_id", id)]), now_ns, limits)
}

/// Maps a document of any origin.
pub fn entry(
    document: &Map<String, Value>,
    origin: Origin<'_>,
    now_ns: i64,
    limits: &IngestLimits,
) -> Result<Document, Fault> {
    let wrong =
        |reason, message| Fault::new(StatusCode::BAD_REQUEST, "document_parsing_exception", reason, message);
    let t_ns = match (origin.t_ns, document.get("@timestamp")) {
        (Some(t_ns), _) => t_ns,
        (None, None | Some(Value::Null)) => now_ns,
        (None, Some(value)) => timestamp::parse(value).map_err(|m| wrong("invalid_timestamp", m))?,
    };
    let mut fields =
        fields::flatten(document, limits.max_attributes).map_err(|m| wrong("too_many_attributes", m))?;
    let line = take(&mut fields, &LINE);
    let line = line.unwrap_or_else(|| Value::Object(document.clone()).to_string());
    let (labels, severity) = stream(&mut fields, origin);
    let ids = [("trace_id", take(&mut fields, &TRACE)), ("span_id", take(&mut fields, &SPAN))];
    let mut metadata: Fields = fields.into_iter().map(|(name, value)| (label_name(&name), value)).collect();
    metadata.remove("");
    metadata
        .extend(ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id?.to_ascii_lowercase()))));
    metadata.extend(severity.map(|text| ("severity_text".to_owned(), text)));
    let known =
        origin.metadata.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
    metadata.extend(known);
    // A label and metadata of one name would hide one another.
    metadata.retain(|name, _| labels.get(name).is_none());
    Ok(Document { labels, entry: LogEntry { t_ns, line, metadata: metadata.into_iter().collect() } })
}

/// The labels, and what the source called the level where that is not the label's word.
fn stream(fields: &mut Fields, origin: Origin<'_>) -> (Labels, Option<String>) {
    let mut pairs: Vec<(&str, String)> = origin.labels.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
    for (label, names) in STREAM_FIELDS {
        // One field may say two labels.
        let found = names.iter().find_map(|name| fields.get(*name).cloned());
        if let Some(value) = found.or_else(|| (label == "service_name").then(|| origin.service.to_owned())) {
            pairs.push((label, value));
        }
    }
    for (label, names) in STREAM_FIELDS {
        let value = pairs.iter().find(|(l, _)| *l == label).map(|(_, value)| value);
        if let Some(value) = value {
            for name in names {
                if fields.get(*name) == Some(value) {
                    fields.remove(*name);
                }
            }
        }
    }
    let named = take(fields, &LEVEL);
    let level = named.as_deref().map_or("unknown", level::named);
    pairs.push(("level", level.to_owned()));
    (Labels::from_pairs(pairs), named.filter(|text| !text.eq_ignore_ascii_case(level)))
}

/// Takes the first of some fields that has a value.
fn take(fields: &mut Fields, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| fields.remove(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &Value) -> Document {
        map(value.as_object().unwrap(), "logs-x", None, 7, &IngestLimits::default()).unwrap()
    }

    #[test]
    fn an_ecs_document_is_split_into_labels_line_and_metadata() {
        let found = of(&json!({
            "@timestamp": "1970-01-01T00:00:01.000Z",
            "message": "paid", "log": {"level": "WARN", "logger": "pay"},
            "service": {"name": "orders", "environment": "prod", "version": "1.2"},
            "host": {"name": "h1", "hostname": "h1"}, "trace": {"id": "ABC"}, "span.id": "d",
            "kubernetes": {"pod": {"name": "p-1"}, "namespace": "shop", "container": {"name": "c"}},
            "http": {"response": {"status_code": 200}},
        }));
        assert_eq!(
            found.labels.to_string(),
            r#"{deployment_environment_name="prod", host_name="h1", index="logs-x", k8s_container_name="c", k8s_namespace_name="shop", k8s_pod_name="p-1", level="warn", service_name="orders"}"#
        );
        let metadata: Vec<_> = found.entry.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let want = [
            "http_response_status_code=200",
            "log_logger=pay",
            "service_version=1.2",
            "span_id=d",
            "trace_id=abc",
        ];
        assert_eq!((found.entry.t_ns, &*found.entry.line), (1_000_000_000, "paid"));
        assert_eq!(metadata, want);
    }

    #[test]
    fn a_document_without_message_is_its_own_line() {
        let found = of(&json!({"b": 1, "severity": "Critical"}));
        assert_eq!(found.entry.t_ns, 7);
        let line: Value = serde_json::from_str(&found.entry.line).unwrap();
        assert_eq!(line, json!({"b": 1, "severity": "Critical"}));
        assert_eq!(found.labels.get("service_name"), Some(UNKNOWN_SERVICE));
        assert_eq!(found.labels.get("level"), Some("fatal"));
        assert_eq!(
            found.entry.metadata,
            [("b", "1"), ("severity_text", "Critical")].map(|(k, v)| (k.into(), v.into()))
        );
    }

    #[test]
    fn what_fluent_bit_sends_from_containers_has_its_names() {
        let found = of(&json!({
            "log": "2026 hello\n", "stream": "stderr",
            "kubernetes": {"pod_name": "p", "namespace_name": "n", "container_name": "web", "labels": {"app": "shop"}},
        }));
        assert_eq!(found.entry.line, "2026 hello\n");
        assert_eq!(found.labels.get("service_name"), Some("shop"));
        assert_eq!(found.labels.get("k8s_container_name"), Some("web"));
    }
}
