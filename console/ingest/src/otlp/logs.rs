//! OTLP log records to Loki-style streams.
//!
//! A few resource attributes and the level are stream labels, as in Loki's own OTLP endpoint; everything else is
//! structured metadata of the entry, with `trace_id` and `span_id` in hex. Names have their dots replaced.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    log::{LogEntry, LogStream, Streams},
    span::AttributeValue,
};
use opentelemetry_proto::tonic::{collector::logs::v1::ExportLogsServiceRequest, logs::v1::LogRecord};

use super::{
    name::label_name,
    resource::{Origin, UNKNOWN_SERVICE},
    value::{ItemError, any_value, attributes, span_id, text, time_ns, trace_id},
};
use crate::{
    limits::IngestLimits,
    refusal::{Refusal, Refused},
};

/// Resource attributes that become stream labels. All have few values a service.
const STREAM_ATTRIBUTES: [&str; 8] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
];

/// The streams of a request, and what was refused of it. `now_ns` stands in for records without any time.
pub fn map(
    request: ExportLogsServiceRequest,
    limits: &IngestLimits,
    now_ns: i64,
) -> Result<(Vec<LogStream>, Refused), Refusal> {
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    super::check_total("log records", scopes.map(|s| s.log_records.len()).sum(), limits)?;
    let mut streams = Streams::default();
    let mut refused = Refused::default();
    for resource_logs in request.resource_logs {
        let resource = Origin::resource(resource_logs.resource, limits);
        for scope_logs in resource_logs.scope_logs {
            let origin = match resource.clone().and_then(|o| o.with_scope(scope_logs.scope, limits)) {
                Ok(origin) => origin,
                Err(e) => {
                    refused.add(scope_logs.log_records.len() as u64, e.reason, || e.message);
                    continue;
                }
            };
            let (labels, shared) = shared(&origin);
            let mut by_level: BTreeMap<&'static str, Labels> = BTreeMap::new();
            for record in scope_logs.log_records {
                match entry(record, &shared, limits, now_ns) {
                    Ok((level, entry)) => {
                        let labels = by_level.entry(level).or_insert_with(|| labels.with("level", level));
                        streams.push(labels, entry);
                    }
                    Err(e) => refused.add(1, e.reason, || e.of("log record").message),
                }
            }
        }
    }
    Ok((streams.into_list(), refused))
}

/// Stream labels without the level, and the metadata that all records of the scope have.
fn shared(origin: &Origin) -> (Labels, BTreeMap<String, String>) {
    let is_label = |key: &str| STREAM_ATTRIBUTES.contains(&key);
    let mut pairs = vec![("service_name".to_owned(), UNKNOWN_SERVICE.to_owned())];
    let mut metadata = BTreeMap::new();
    for (key, value) in &origin.attributes {
        if is_label(key) {
            let value = text(value);
            if !value.is_empty() {
                pairs.push((label_name(key), value));
            }
        } else {
            flatten(&mut metadata, key, value);
        }
    }
    for (key, value) in &origin.scope_attributes {
        flatten(&mut metadata, key, value);
    }
    for (name, value) in [("scope_name", &origin.scope_name), ("scope_version", &origin.scope_version)] {
        if !value.is_empty() {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    (Labels::from_pairs(pairs), metadata)
}

/// A map becomes one name a leaf: `http` with `{method: GET}` is `http_method`.
fn flatten(out: &mut BTreeMap<String, String>, key: &str, value: &AttributeValue) {
    match value {
        AttributeValue::Map(members) => {
            for (member, value) in members {
                flatten(out, &format!("{key}_{member}"), value);
            }
        }
        other => {
            out.insert(label_name(key), text(other));
        }
    }
}

fn entry(
    record: LogRecord,
    shared: &BTreeMap<String, String>,
    limits: &IngestLimits,
    now_ns: i64,
) -> Result<(&'static str, LogEntry), ItemError> {
    let level = level(record.severity_number, &record.severity_text)?;
    let time = time_ns("timeUnixNano", record.time_unix_nano)?;
    let observed = time_ns("observedTimeUnixNano", record.observed_time_unix_nano)?;
    let trace = trace_id("traceId", &record.trace_id)?;
    let span = span_id("spanId", &record.span_id)?;
    let mut metadata = shared.clone();
    for (key, value) in attributes("log record", record.attributes, limits.max_attributes)? {
        flatten(&mut metadata, &key, &value);
    }
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            metadata.insert(name.to_owned(), value);
        }
    };
    put("trace_id", trace.map(|id| id.to_string()));
    put("span_id", span.map(|id| id.to_string()));
    put("severity_text", Some(record.severity_text));
    put("severity_number", (record.severity_number != 0).then(|| record.severity_number.to_string()));
    put("observed_timestamp", (observed != 0).then(|| observed.to_string()));
    put("event_name", Some(record.event_name.clone()));
    // An event may come without body: its name is then what there is to read.
    let line = any_value(record.body).map_or(record.event_name, |body| text(&body));
    let t_ns = [time, observed].into_iter().find(|t| *t != 0).unwrap_or(now_ns);
    Ok((level, LogEntry { t_ns, line, metadata: metadata.into_iter().collect() }))
}

/// From the number (logs data model, "SeverityNumber"), else from what the source called it.
fn level(number: i32, text: &str) -> Result<&'static str, ItemError> {
    Ok(match number {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        0 => crate::level::named(text),
        other => {
            let message = format!("severityNumber {other} is outside 0 to 24");
            return Err(ItemError::new("invalid_severity", message));
        }
    })
}
