//! A list of Zipkin's spans, version 2, as spans of the store.
//!
//! Mapped as OpenTelemetry does ("OpenTelemetry to Zipkin Transformation", backwards): the local endpoint is the resource,
//! the remote one `peer.service` and `network.peer.*`, tags are attributes, annotations are events, the tag `error` is the
//! status. A span that a server shares with its client (`shared`) becomes the client's child, with an id of its own: two
//! spans of one id would be stored as one.

use std::collections::BTreeMap;

use console_model::span::{
    AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId,
};
use serde::Deserialize;

use crate::{
    json,
    limits::IngestLimits,
    otlp::{resource::UNKNOWN_SERVICE, value::ItemError},
    refusal::{Refusal, RefusalKind, Refused},
};

/// What sets the id of a server's half of a shared span apart from the client's.
const SHARED: u64 = 0x7a69_706b_696e_0001;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan {
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    /// Microseconds.
    #[serde(default)]
    timestamp: Option<u64>,
    /// Microseconds.
    #[serde(default)]
    duration: Option<u64>,
    #[serde(default)]
    local_endpoint: Option<Endpoint>,
    #[serde(default)]
    remote_endpoint: Option<Endpoint>,
    #[serde(default)]
    annotations: Option<Vec<Annotation>>,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    shared: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    service_name: Option<String>,
    #[serde(default)]
    ipv4: Option<String>,
    #[serde(default)]
    ipv6: Option<String>,
    #[serde(default)]
    port: Option<u16>,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    /// Microseconds.
    timestamp: u64,
    value: String,
}

/// The spans of a request, and what was refused of it.
pub fn from_json(bytes: &[u8], limits: &IngestLimits) -> Result<(Vec<Span>, Refused), Refusal> {
    let given: Vec<ZipkinSpan> = json::decode(bytes, limits.max_json_depth)?;
    let max = limits.max_items_per_request;
    if given.len() > max {
        let message =
            format!("{} spans in one request, more than max_items_per_request ({max})", given.len());
        return Err(Refusal {
            kind: RefusalKind::TooLarge,
            message,
            retry_after_s: None,
            reason: "too_many_items",
        });
    }
    let mut out = Vec::with_capacity(given.len());
    let mut refused = Refused::default();
    for (place, span) in given.into_iter().enumerate() {
        let name = span.name.as_deref().unwrap_or_default().chars().take(64).collect::<String>();
        match map(span, limits) {
            Ok(span) => out.push(span),
            Err(e) => refused.add(1, e.reason, || e.of(&format!("span {name:?} at [{place}]")).message),
        }
    }
    Ok((out, refused))
}

fn map(given: ZipkinSpan, limits: &IngestLimits) -> Result<Span, ItemError> {
    let trace_id: TraceId = id("traceId", &given.trace_id)?;
    let own: SpanId = id("id", &given.id)?;
    let parent = match given.parent_id.as_deref() {
        None | Some("") => None,
        Some(text) => Some(id::<SpanId>("parentId", text)?),
    };
    if trace_id.is_zero() || own.is_zero() {
        return Err(ItemError::new("invalid_id", "traceId or id is all zero"));
    }
    let is_shared = given.shared == Some(true);
    let start_ns = given.timestamp.filter(|t| *t > 0);
    let start_ns = start_ns.ok_or_else(|| ItemError::new("invalid_timestamp", "timestamp is missing"))?;
    let start_ns = time_ns("timestamp", start_ns)?;
    let duration_ns = time_ns("duration", given.duration.unwrap_or(0))?;
    start_ns.checked_add(duration_ns).ok_or_else(|| {
        ItemError::new("invalid_timestamp", "timestamp and duration are past what nanoseconds can count")
    })?;
    let tags = given.tags.unwrap_or_default();
    let annotations = given.annotations.unwrap_or_default();
    let bounded = |what: &str, n: usize, limit: &str, max: usize, reason| {
        let message = || format!("{n} {what}, more than {limit} ({max})");
        if n > max { Err(ItemError::new(reason, message())) } else { Ok(()) }
    };
    bounded("tags", tags.len(), "max_attributes", limits.max_attributes, "too_many_attributes")?;
    let max = limits.max_events_per_span;
    bounded("annotations", annotations.len(), "max_events_per_span", max, "too_many_events")?;
    let events = annotations.into_iter().map(event).collect::<Result<_, _>>()?;
    let local = given.local_endpoint.unwrap_or_default();
    let service = local.service_name.clone().filter(|s| !s.is_empty());
    let (status, status_message) = status(&tags);
    let scope = |names: [&str; 2]| names.into_iter().find_map(|n| tags.get(n).cloned()).unwrap_or_default();
    Ok(Span {
        trace_id,
        span_id: if is_shared { SpanId((u64::from_be_bytes(own.0) ^ SHARED).to_be_bytes()) } else { own },
        parent_span_id: if is_shared { Some(own) } else { parent.filter(|p| !p.is_zero()) },
        service: service.clone().unwrap_or_else(|| UNKNOWN_SERVICE.to_owned()),
        name: given.name.unwrap_or_default(),
        kind: kind(given.kind.as_deref())?,
        start_ns,
        duration_ns,
        status,
        status_message,
        scope_name: scope(["otel.scope.name", "otel.library.name"]),
        scope_version: scope(["otel.scope.version", "otel.library.version"]),
        attributes: attributes(tags, given.remote_endpoint),
        resource: resource(service, &local),
        scope_attributes: Attributes::new(),
        events,
        links: Vec::new(),
    })
}

/// Hexadecimal, shorter ones as if zeros came before.
fn id<T: std::str::FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, ItemError> {
    text.parse().map_err(|e| ItemError::new("invalid_id", format!("{field}: {e}")))
}

fn time_ns(field: &str, us: u64) -> Result<i64, ItemError> {
    let ns = i64::try_from(us).ok().and_then(|us| us.checked_mul(1000));
    ns.ok_or_else(|| {
        ItemError::new("invalid_timestamp", format!("{field} {us} is past what nanoseconds can count"))
    })
}

fn kind(text: Option<&str>) -> Result<SpanKind, ItemError> {
    Ok(match text {
        None | Some("") => SpanKind::Internal,
        Some("CLIENT") => SpanKind::Client,
        Some("SERVER") => SpanKind::Server,
        Some("PRODUCER") => SpanKind::Producer,
        Some("CONSUMER") => SpanKind::Consumer,
        Some(other) => {
            let shown: String = other.chars().take(32).collect();
            let message = format!("kind {shown:?} is none of CLIENT, SERVER, PRODUCER, CONSUMER");
            return Err(ItemError::new("invalid_kind", message));
        }
    })
}

fn event(given: Annotation) -> Result<SpanEvent, ItemError> {
    let t_ns = time_ns("annotation timestamp", given.timestamp)?;
    Ok(SpanEvent { t_ns, name: given.value, attributes: Attributes::new() })
}

/// What OpenTelemetry's exporter wrote, else the tag `error`, whatever it says.
fn status(tags: &BTreeMap<String, String>) -> (SpanStatus, String) {
    let error = || match tags.get("error").map(String::as_str) {
        None | Some("true" | "false") => String::new(),
        Some(message) => message.to_owned(),
    };
    match tags.get("otel.status_code").map(String::as_str) {
        Some("ERROR") => (SpanStatus::Error, error()),
        Some("OK") => (SpanStatus::Ok, String::new()),
        _ if tags.get("error").is_some_and(|e| e != "false") => (SpanStatus::Error, error()),
        _ => (SpanStatus::Unset, String::new()),
    }
}

fn attributes(tags: BTreeMap<String, String>, remote: Option<Endpoint>) -> Attributes {
    let told = |name: &str| name.starts_with("otel.");
    let text = |(name, value): (String, String)| (name, AttributeValue::String(value));
    let mut out: Attributes =
        tags.into_iter().filter(|(name, _)| !name.is_empty() && !told(name)).map(text).collect();
    let Some(remote) = remote else { return out };
    let mut put = |name: &str, value: AttributeValue| {
        if out.iter().all(|(n, _)| n != name) {
            out.push((name.to_owned(), value));
        }
    };
    if let Some(service) = remote.service_name.filter(|s| !s.is_empty()) {
        put("peer.service", AttributeValue::String(service));
    }
    if let Some(address) = remote.ipv4.or(remote.ipv6).filter(|a| !a.is_empty()) {
        put("network.peer.address", AttributeValue::String(address));
    }
    if let Some(port) = remote.port.filter(|p| *p > 0) {
        put("network.peer.port", AttributeValue::Int(port.into()));
    }
    out
}

fn resource(service: Option<String>, local: &Endpoint) -> Attributes {
    let address = local.ipv4.clone().or_else(|| local.ipv6.clone()).filter(|a| !a.is_empty());
    let named = [("service.name", service), ("host.ip", address)];
    named.into_iter().filter_map(|(n, v)| Some((n.to_owned(), AttributeValue::String(v?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(span: Value) -> Result<Span, String> {
        let (mut spans, refused) = from_json(json!([span]).to_string().as_bytes(), &IngestLimits::default())
            .map_err(|r| r.message)?;
        spans.pop().ok_or(refused.message)
    }

    fn good() -> Value {
        json!({"traceId": "5982fe77008310cc80f1da5e10147517", "id": "90394f6bcffb5d13", "timestamp": 1_500_000})
    }

    #[test]
    fn a_span_of_brave_is_mapped() {
        let span = of(json!({
            "traceId": "5af7183fb1d4cf5f", "parentId": "6b221d5bc9e6496c", "id": "352bff9a74ca9ad2",
            "kind": "CLIENT", "name": "get /api", "timestamp": 1_556_604_172_355_737u64, "duration": 1431,
            "localEndpoint": {"serviceName": "frontend", "ipv4": "192.168.99.1", "port": 3306},
            "remoteEndpoint": {"serviceName": "backend", "ipv4": "172.19.0.2", "port": 9000},
            "annotations": [{"timestamp": 1_556_604_172_355_800u64, "value": "ws"}],
            "tags": {"http.method": "GET", "error": "500"},
        }))
        .unwrap();
        assert_eq!(span.trace_id.to_string(), "00000000000000005af7183fb1d4cf5f");
        assert_eq!((&*span.service, &*span.name, span.kind), ("frontend", "get /api", SpanKind::Client));
        assert_eq!((span.start_ns, span.duration_ns), (1_556_604_172_355_737_000, 1_431_000));
        assert_eq!((span.status, &*span.status_message), (SpanStatus::Error, "500"));
        let shown = |a: &Attributes| a.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
        let want = [
            "error=500",
            "http.method=GET",
            "peer.service=backend",
            "network.peer.address=172.19.0.2",
            "network.peer.port=9000",
        ];
        assert_eq!(shown(&span.attributes), want);
        assert_eq!(shown(&span.resource), ["service.name=frontend", "host.ip=192.168.99.1"]);
        assert_eq!((&*span.events[0].name, span.events[0].t_ns), ("ws", 1_556_604_172_355_800_000));
    }

    #[test]
    fn both_halves_of_a_shared_span_are_kept() {
        let mut server = good();
        server["shared"] = json!(true);
        let (client, server) = (of(good()).unwrap(), of(server).unwrap());
        assert_eq!(server.parent_span_id, Some(client.span_id));
        assert_ne!(server.span_id, client.span_id);
    }

    #[test]
    fn what_is_wrong_with_a_span_is_named() {
        let with = |field: &str, value: Value| {
            let mut span = good();
            span[field] = value;
            of(span).unwrap_err()
        };
        let cases = [
            (with("traceId", json!("xyz")), "traceId: trace id must be 1 to 32 hex digits"),
            (with("id", json!("")), "id: span id must be 1 to 16 hex digits"),
            (with("id", json!("0")), "all zero"),
            (with("parentId", json!("12345678901234567")), "parentId: span id"),
            (with("timestamp", Value::Null), "timestamp is missing"),
            (with("timestamp", json!(u64::MAX)), "past what nanoseconds can count"),
            (with("duration", json!(i64::MAX)), "past what nanoseconds can count"),
            (with("kind", json!("BOTH")), "kind \"BOTH\" is none of"),
            (
                with("tags", json!((0..300).map(|i| (i.to_string(), "x")).collect::<BTreeMap<_, _>>())),
                "max_attributes (256)",
            ),
            (with("tags", json!({"a": 1})), "invalid JSON body"),
        ];
        for (told, want) in cases {
            assert!(told.contains(want), "{told}");
        }
    }
}
