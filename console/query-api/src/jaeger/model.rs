//! A trace in Jaeger's model: spans refer to processes, references stand for parents and links, and what Jaeger has no field
//! for becomes a tag, by OpenTelemetry's rules for Jaeger.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use console_model::span::{AttributeValue, Attributes, Span, SpanKind, SpanStatus, Trace};
use serde_json::{Map, Value, json};

/// `{"traceID":…,"spans":[…],"processes":{…}}`
pub fn trace(trace: &Trace) -> Value {
    let mut known: Vec<(&str, &Attributes)> = Vec::new();
    let mut spans = Vec::with_capacity(trace.spans.len());
    for span in &trace.spans {
        let process = (span.service.as_str(), &span.resource);
        let at = known.iter().position(|p| *p == process).unwrap_or_else(|| {
            known.push(process);
            known.len() - 1
        });
        spans.push(one(span, &format!("p{}", at + 1)));
    }
    let processes: Map<String, Value> = known
        .iter()
        .enumerate()
        .map(|(i, (service, resource))| {
            let own = resource.iter().filter(|(key, _)| key != "service.name");
            let tags: Vec<Value> = own.map(|(k, v)| tag(k, v)).collect();
            (format!("p{}", i + 1), json!({"serviceName": service, "tags": tags}))
        })
        .collect();
    json!({
        "traceID": trace.trace_id.to_string(),
        "spans": spans,
        "processes": processes,
        "warnings": null,
    })
}

fn one(span: &Span, process: &str) -> Value {
    let reference =
        |kind: &str, trace: String, span: String| json!({"refType": kind, "traceID": trace, "spanID": span});
    let parent = span.parent_span_id.filter(|p| !p.is_zero());
    let references: Vec<Value> = parent
        .map(|p| reference("CHILD_OF", span.trace_id.to_string(), p.to_string()))
        .into_iter()
        .chain(
            span.links
                .iter()
                .map(|l| reference("FOLLOWS_FROM", l.trace_id.to_string(), l.span_id.to_string())),
        )
        .collect();
    let logs: Vec<Value> = span
        .events
        .iter()
        .map(|e| {
            let name = text("event", &e.name);
            let fields: Vec<Value> =
                std::iter::once(name).chain(e.attributes.iter().map(|(k, v)| tag(k, v))).collect();
            json!({"timestamp": e.t_ns.div_euclid(1000), "fields": fields})
        })
        .collect();
    json!({
        "traceID": span.trace_id.to_string(),
        "spanID": span.span_id.to_string(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns.div_euclid(1000),
        "duration": span.duration_ns.div_euclid(1000),
        "tags": tags(span),
        "logs": logs,
        "processID": process,
        "warnings": null,
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "type": "string", "value": value})
}

fn tags(span: &Span) -> Vec<Value> {
    let mut out: Vec<Value> = span.attributes.iter().map(|(k, v)| tag(k, v)).collect();
    if span.kind != SpanKind::Unspecified {
        out.push(text("span.kind", span.kind.word()));
    }
    for (key, value) in [("otel.scope.name", &span.scope_name), ("otel.scope.version", &span.scope_version)] {
        if !value.is_empty() {
            out.push(text(key, value));
        }
    }
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => out.push(text("otel.status_code", "OK")),
        SpanStatus::Error => {
            out.push(text("otel.status_code", "ERROR"));
            out.push(json!({"key": "error", "type": "bool", "value": true}));
        }
    }
    if !span.status_message.is_empty() {
        out.push(text("otel.status_description", &span.status_message));
    }
    out
}

fn tag(key: &str, value: &AttributeValue) -> Value {
    match value {
        AttributeValue::String(s) => text(key, s),
        AttributeValue::Bool(b) => json!({"key": key, "type": "bool", "value": b}),
        AttributeValue::Int(i) => json!({"key": key, "type": "int64", "value": i}),
        AttributeValue::Double(d) => json!({"key": key, "type": "float64", "value": d}),
        AttributeValue::Bytes(b) => json!({"key": key, "type": "binary", "value": STANDARD.encode(b)}),
        AttributeValue::Array(_) | AttributeValue::Map(_) => text(key, &plain(value).to_string()),
    }
}

/// Lists and maps are JSON in a string.
fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::String(s) => s.clone().into(),
        AttributeValue::Bool(b) => (*b).into(),
        AttributeValue::Int(i) => (*i).into(),
        AttributeValue::Double(d) => json!(d),
        AttributeValue::Bytes(b) => STANDARD.encode(b).into(),
        AttributeValue::Array(items) => items.iter().map(plain).collect(),
        AttributeValue::Map(entries) => {
            Value::Object(entries.iter().map(|(k, v)| (k.clone(), plain(v))).collect())
        }
    }
}
