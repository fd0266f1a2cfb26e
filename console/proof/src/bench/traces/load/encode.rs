//! Bodies of OTLP over HTTP: `ExportTraceServiceRequest` of opentelemetry-proto/trace/v1, as a collector batches it: the
//! spans of many traces, those of a service together.
//!
//! `resource_spans = 1 { resource = 1 { attributes = 1 }, scope_spans = 2 { scope = 1 { name = 1 }, spans = 2 } }`; of a
//! span: `trace_id = 1, span_id = 2, parent_span_id = 4, name = 5, kind = 6, start = 7, end = 8, attributes = 9,
//! status = 15 { message = 2, code = 3 }`; of an attribute: `key = 1, value = 2 { string = 1, int = 3 }`.

use std::collections::BTreeMap;

use super::{
    Load,
    recipe::Topic,
    trace::{TimedSpan, Trace, user},
};
use crate::{
    bench::push::Body,
    peer::{
        PeerError,
        protobuf::{bytes, fixed64, int64},
    },
};

/// About 1,000 spans.
const TRACES_PER_REQUEST: usize = 124;
const VERSIONS: [&str; 2] = ["1.14.2", "1.15.0"];
const INSTANCES: usize = 2;
const STATUS_ERROR: i64 = 2;

/// The lane's traces of `lanes`, which together hold every trace once.
pub fn bodies(load: Load, lane: usize, lanes: usize) -> impl Iterator<Item = Result<Body, PeerError>> {
    let requests = load.traces.div_ceil(TRACES_PER_REQUEST);
    (lane..requests).step_by(lanes).map(move |request| {
        let first = request * TRACES_PER_REQUEST;
        Ok(body(load, first..(first + TRACES_PER_REQUEST).min(load.traces)))
    })
}

/// Not compressed: senders on the same machine do not.
fn body(load: Load, traces: std::ops::Range<usize>) -> Body {
    let mut by_resource: BTreeMap<(&str, usize), Vec<u8>> = BTreeMap::new();
    let (mut items, mut span) = (0, Vec::new());
    for number in traces {
        let trace = load.trace(number);
        let (id, asker) = (trace.id, trace.user);
        for timed in Trace::spans(trace) {
            span.clear();
            encode(&mut span, &timed, number, &id.0, asker);
            bytes(by_resource.entry((timed.step.service, number % INSTANCES)).or_default(), 2, &span);
            items += 1;
        }
    }
    let mut message = Vec::new();
    for ((service, instance), spans) in &by_resource {
        bytes(&mut message, 1, &resource_spans(service, *instance, spans));
    }
    let raw_bytes = message.len() as u64;
    Body { bytes: message, items, raw_bytes }
}

fn resource_spans(service: &str, instance: usize, spans: &[u8]) -> Vec<u8> {
    let (mut resource, mut scope, mut scoped, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (key, value) in [
        ("service.name", service),
        ("service.version", VERSIONS[instance % VERSIONS.len()]),
        ("service.instance.id", &format!("{service}-{}", instance + 1)),
        ("deployment.environment.name", "production"),
    ] {
        attribute(&mut resource, 1, key, &Value::Text(value));
    }
    bytes(&mut scope, 1, b"shop");
    bytes(&mut scoped, 1, &scope);
    scoped.extend_from_slice(spans);
    bytes(&mut out, 1, &resource);
    bytes(&mut out, 2, &scoped);
    out
}

enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

fn attribute(out: &mut Vec<u8>, field: u8, key: &str, value: &Value<'_>) {
    let (mut any, mut pair) = (Vec::new(), Vec::new());
    match value {
        Value::Text(text) => bytes(&mut any, 1, text.as_bytes()),
        Value::Number(n) => int64(&mut any, 3, *n),
    }
    bytes(&mut pair, 1, key.as_bytes());
    bytes(&mut pair, 2, &any);
    bytes(out, field, &pair);
}

/// Of a span within its trace, never 0.
fn span_id(trace: usize, at: usize) -> [u8; 8] {
    (((trace as u64) << 8 | at as u64) + 1).to_be_bytes()
}

fn encode(out: &mut Vec<u8>, span: &TimedSpan, trace: usize, id: &[u8; 16], asker: u64) {
    bytes(out, 1, id);
    bytes(out, 2, &span_id(trace, span.at));
    if span.at > 0 {
        bytes(out, 4, &span_id(trace, span.step.parent));
    }
    bytes(out, 5, name(span.step.topic).as_bytes());
    int64(out, 6, span.step.kind as i64);
    fixed64(out, 7, span.start_ns.cast_unsigned());
    fixed64(out, 8, (span.start_ns + span.duration_ns).cast_unsigned());
    let mut add = |key: &str, value: Value<'_>| attribute(out, 9, key, &value);
    match span.step.topic {
        Topic::Http(method, route) => {
            add("http.request.method", Value::Text(method));
            add("http.route", Value::Text(route));
            add("url.path", Value::Text(&route.replace("{id}", &(trace % 10_000).to_string())));
            add("http.response.status_code", Value::Number(if span.failed { 503 } else { 200 }));
        }
        Topic::Postgres(table) => {
            add("db.system.name", Value::Text("postgresql"));
            add("db.collection.name", Value::Text(table));
            add("db.query.text", Value::Text(&format!("SELECT * FROM {table} WHERE id = $1")));
        }
        Topic::Redis(command) => {
            add("db.system.name", Value::Text("redis"));
            add("db.operation.name", Value::Text(command));
        }
        Topic::Messaging(destination) => add("messaging.destination.name", Value::Text(destination)),
    }
    if span.at == 0 {
        add("user.id", Value::Text(&user(asker)));
    }
    if span.failed {
        let mut status = Vec::new();
        bytes(&mut status, 2, b"upstream unavailable");
        int64(&mut status, 3, STATUS_ERROR);
        bytes(out, 15, &status);
    }
}

fn name(topic: Topic) -> String {
    match topic {
        Topic::Http(method, route) => format!("{method} {route}"),
        Topic::Postgres(table) => format!("SELECT {table}"),
        Topic::Redis(command) => command.to_owned(),
        Topic::Messaging(destination) => format!("process {destination}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any,
    };
    use prost::Message as _;

    use super::*;

    #[test]
    fn bodies_are_otlp() {
        let (mut items, mut failed) = (0, 0);
        let load = Load::new(20_000, 1_700_000_000_000);
        for body in bodies(load, 0, 1).map(Result::unwrap) {
            let request = ExportTraceServiceRequest::decode(body.bytes.as_slice()).unwrap();
            let services = request.resource_spans.iter().filter_map(|r| r.resource.as_ref());
            assert!(services.flat_map(|r| &r.attributes).any(|a| a.key == "service.name"));
            let spans: Vec<_> =
                request.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).collect();
            let ids: BTreeSet<_> = spans.iter().map(|s| (&s.trace_id, &s.span_id)).collect();
            assert_eq!((ids.len(), spans.len() as u64), (spans.len(), body.items));
            for span in &spans {
                assert!(span.end_time_unix_nano > span.start_time_unix_nano && span.kind > 0);
                if span.parent_span_id.is_empty() {
                    let asker = span.attributes.iter().find(|a| a.key == "user.id").unwrap().value.clone();
                    assert!(matches!(asker.unwrap().value, Some(Any::StringValue(u)) if u.starts_with("u-")));
                } else {
                    assert!(ids.contains(&(&span.trace_id, &span.parent_span_id)));
                }
            }
            items += body.items;
            failed += spans.iter().filter(|s| s.status.as_ref().is_some_and(|t| t.code == 2)).count();
        }
        assert_eq!(items, load.spans() as u64);
        assert!((50..1_000).contains(&failed), "{failed}");
    }
}
