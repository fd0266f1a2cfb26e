//! Tempo over its HTTP API (OTLP JSON for whole traces).

use async_trait::async_trait;
use console_model::{
    TimeRange,
    span::{
        AttributeValue, Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Trace, TraceId,
        TraceSummary,
    },
};
use console_storage::{
    SourceError,
    source::TracesSource,
    trace_query::{
        Inspected, MetricsRange, SearchAnswer, SearchOptions, SpanExemplar, SpanMetrics, SpanSeries, Tag,
        TagQuery,
    },
    traces::AttributeScope,
};
use serde_json::Value;

use crate::http::{Remote, RemoteConfig};

/// Traces over Tempo's HTTP API.
#[derive(Clone, Debug)]
pub struct TempoSource {
    remote: Remote,
}

impl TempoSource {
    pub fn new(config: RemoteConfig) -> Result<Self, SourceError> {
        Ok(Self { remote: Remote::new("Tempo", config)? })
    }

    /// `None` for 404.
    async fn ask(&self, path: &str, query: &[(&str, String)]) -> Result<Option<Value>, SourceError> {
        let (status, body) = self.remote.get(path, query).await?;
        let message = || String::from_utf8_lossy(&body).trim().chars().take(1000).collect::<String>();
        match status {
            200 => self.remote.decode(&body).map(Some),
            404 => Ok(None),
            400 | 422 => Err(SourceError::Invalid { message: message(), position: None }),
            _ => Err(self.remote.unavailable(format!("{status} {}", message()))),
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Numbers come as numbers or as strings (protobuf's JSON writes 64-bit integers as strings).
fn integer(value: &Value, key: &str) -> i64 {
    match value.get(key) {
        Some(Value::String(s)) => s.parse().unwrap_or_default(),
        Some(v) => v.as_i64().or_else(|| v.as_f64().map(|f| f as i64)).unwrap_or_default(),
        None => 0,
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Ids are hex, or base64 as protobuf's JSON writes bytes.
fn id_bytes(encoded: &str, length: usize) -> Vec<u8> {
    if encoded.len() == length * 2 && encoded.bytes().all(|b| b.is_ascii_hexdigit()) {
        return (0..length).filter_map(|i| u8::from_str_radix(&encoded[i * 2..i * 2 + 2], 16).ok()).collect();
    }
    let mut bytes = Vec::with_capacity(length);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in encoded.bytes().filter(|c| *c != b'=') {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return Vec::new(),
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}

fn trace_id(value: &Value, key: &str) -> TraceId {
    TraceId(id_bytes(&text(value, key), 16).try_into().unwrap_or_default())
}

fn span_id(value: &Value, key: &str) -> SpanId {
    SpanId(id_bytes(&text(value, key), 8).try_into().unwrap_or_default())
}

fn any_value(value: &Value) -> AttributeValue {
    let Some((kind, inner)) = value.as_object().and_then(|o| o.iter().next()) else {
        return AttributeValue::String(String::new());
    };
    match kind.as_str() {
        "boolValue" => AttributeValue::Bool(inner.as_bool().unwrap_or_default()),
        "intValue" => AttributeValue::Int(integer(value, "intValue")),
        "doubleValue" => AttributeValue::Double(inner.as_f64().unwrap_or_default()),
        "arrayValue" => AttributeValue::Array(list(inner, "values").iter().map(any_value).collect()),
        "kvlistValue" => AttributeValue::Map(attributes(list(inner, "values"))),
        _ => AttributeValue::String(inner.as_str().unwrap_or_default().to_owned()),
    }
}

fn attributes(rows: &[Value]) -> Attributes {
    rows.iter().map(|r| (text(r, "key"), any_value(r.get("value").unwrap_or(&Value::Null)))).collect()
}

fn kind(value: &Value) -> SpanKind {
    match value.get("kind") {
        Some(Value::String(s)) => match s.as_str() {
            "SPAN_KIND_INTERNAL" => SpanKind::Internal,
            "SPAN_KIND_SERVER" => SpanKind::Server,
            "SPAN_KIND_CLIENT" => SpanKind::Client,
            "SPAN_KIND_PRODUCER" => SpanKind::Producer,
            "SPAN_KIND_CONSUMER" => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        },
        Some(v) => match v.as_i64() {
            Some(1) => SpanKind::Internal,
            Some(2) => SpanKind::Server,
            Some(3) => SpanKind::Client,
            Some(4) => SpanKind::Producer,
            Some(5) => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        },
        None => SpanKind::Unspecified,
    }
}

fn status(value: &Value) -> SpanStatus {
    match value.get("code") {
        Some(Value::String(s)) if s == "STATUS_CODE_ERROR" => SpanStatus::Error,
        Some(Value::String(s)) if s == "STATUS_CODE_OK" => SpanStatus::Ok,
        Some(v) if v.as_i64() == Some(2) => SpanStatus::Error,
        Some(v) if v.as_i64() == Some(1) => SpanStatus::Ok,
        _ => SpanStatus::Unset,
    }
}

fn span(value: &Value, resource: &Attributes, scope: &Value) -> Span {
    let start_ns = integer(value, "startTimeUnixNano");
    let parent = span_id(value, "parentSpanId");
    let service = resource.iter().find(|(k, _)| k == "service.name").map(|(_, v)| v.to_string());
    let state = value.get("status").unwrap_or(&Value::Null);
    let event = |e: &Value| SpanEvent {
        t_ns: integer(e, "timeUnixNano"),
        name: text(e, "name"),
        attributes: attributes(list(e, "attributes")),
    };
    let link = |l: &Value| SpanLink {
        trace_id: trace_id(l, "traceId"),
        span_id: span_id(l, "spanId"),
        attributes: attributes(list(l, "attributes")),
    };
    Span {
        trace_id: trace_id(value, "traceId"),
        span_id: span_id(value, "spanId"),
        parent_span_id: (!parent.is_zero()).then_some(parent),
        service: service.unwrap_or_else(|| "unknown_service".to_owned()),
        name: text(value, "name"),
        kind: kind(value),
        start_ns,
        duration_ns: integer(value, "endTimeUnixNano").saturating_sub(start_ns).max(0),
        status: status(state),
        status_message: text(state, "message"),
        attributes: attributes(list(value, "attributes")),
        resource: resource.clone(),
        scope_name: text(scope, "name"),
        scope_version: text(scope, "version"),
        scope_attributes: attributes(list(scope, "attributes")),
        events: list(value, "events").iter().map(event).collect(),
        links: list(value, "links").iter().map(link).collect(),
    }
}

/// OTLP JSON: `batches` in Tempo's first API, `resourceSpans` in OTLP.
fn trace(id: TraceId, body: &Value) -> Trace {
    let body = body.get("trace").unwrap_or(body);
    let batches = if body.get("batches").is_some() { "batches" } else { "resourceSpans" };
    let mut spans = Vec::new();
    for batch in list(body, batches) {
        let resource = batch.get("resource").map(|r| attributes(list(r, "attributes"))).unwrap_or_default();
        for scoped in list(batch, "scopeSpans") {
            let scope = scoped.get("scope").unwrap_or(&Value::Null);
            spans.extend(list(scoped, "spans").iter().map(|s| span(s, &resource, scope)));
        }
    }
    spans.sort_by_key(|s| s.start_ns);
    Trace { trace_id: id, spans }
}

fn summary(row: &Value) -> TraceSummary {
    let stats = row.get("serviceStats").and_then(Value::as_object);
    let services: Vec<(String, u32)> = stats
        .map(|s| s.iter().map(|(name, v)| (name.clone(), integer(v, "spanCount") as u32)).collect())
        .unwrap_or_default();
    let errors: i64 = stats.map(|s| s.values().map(|v| integer(v, "errorCount")).sum()).unwrap_or_default();
    let set = row.get("spanSet").or_else(|| row.get("spanSets").and_then(|s| s.get(0)));
    TraceSummary {
        trace_id: text(row, "traceID").parse().unwrap_or_default(),
        root_service: text(row, "rootServiceName"),
        root_name: text(row, "rootTraceName"),
        start_ns: integer(row, "startTimeUnixNano"),
        duration_ns: integer(row, "durationMs") * 1_000_000,
        span_count: services.iter().map(|(_, n)| n).sum(),
        error_count: errors as u32,
        services,
        matched: Vec::new(),
        matched_count: set.map(|s| integer(s, "matched") as u32).unwrap_or_default(),
    }
}

fn span_of(range: TimeRange) -> [(&'static str, String); 2] {
    let seconds = |ms: i64| ms.div_euclid(1000).to_string();
    [("start", seconds(range.start_ms)), ("end", seconds(range.end_ms + 999))]
}

#[async_trait]
impl TracesSource for TempoSource {
    async fn trace(&self, id: TraceId) -> Result<Option<Trace>, SourceError> {
        let body = self.ask(&format!("/api/traces/{id}"), &[]).await?;
        Ok(body.map(|b| trace(id, &b)).filter(|t| !t.spans.is_empty()))
    }

    async fn search(
        &self,
        query: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<TraceSummary>, SourceError> {
        let mut parameters = vec![("q", query.to_owned()), ("limit", limit.to_string())];
        parameters.extend(span_of(range));
        let body = self.ask("/api/search", &parameters).await?.unwrap_or_default();
        let mut found: Vec<TraceSummary> = list(&body, "traces").iter().map(summary).collect();
        found.sort_by_key(|t| std::cmp::Reverse(t.start_ns));
        Ok(found)
    }

    async fn tag_names(&self, range: TimeRange) -> Result<Vec<(AttributeScope, String)>, SourceError> {
        let body = self.ask("/api/v2/search/tags", &span_of(range)).await?.unwrap_or_default();
        Ok(scopes(&body))
    }

    async fn tag_values(
        &self,
        scope: Option<AttributeScope>,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, SourceError> {
        let tag = tag_path(scope, name)?;
        let body =
            self.ask(&format!("/api/v2/search/tag/{tag}/values"), &span_of(range)).await?.unwrap_or_default();
        let mut values: Vec<String> = list(&body, "tagValues").iter().map(|v| text(v, "value")).collect();
        values.sort();
        values.dedup();
        values.truncate(limit);
        Ok(values)
    }

    async fn search_with(
        &self,
        query: &str,
        range: TimeRange,
        options: SearchOptions,
    ) -> Result<SearchAnswer, SourceError> {
        let spss = options.spans_per_trace.max(1).to_string();
        let mut parameters =
            vec![("q", query.to_owned()), ("limit", options.limit.to_string()), ("spss", spss)];
        parameters.extend(span_of(range));
        let body = self.ask("/api/search", &parameters).await?.unwrap_or_default();
        let mut traces: Vec<TraceSummary> = list(&body, "traces").iter().map(summary).collect();
        traces.sort_by_key(|t| std::cmp::Reverse(t.start_ns));
        Ok(SearchAnswer { traces, inspected: inspected(&body) })
    }

    async fn tag_names_of(&self, tags: &TagQuery) -> Result<Vec<(AttributeScope, String)>, SourceError> {
        let body = self.ask("/api/v2/search/tags", &tag_parameters(tags)).await?.unwrap_or_default();
        Ok(scopes(&body))
    }

    async fn tag_values_of(&self, tag: &Tag, tags: &TagQuery) -> Result<Vec<AttributeValue>, SourceError> {
        let path = format!("/api/v2/search/tag/{}/values", tag_path(tag.scope, &tag.name)?);
        let body = self.ask(&path, &tag_parameters(tags)).await?.unwrap_or_default();
        let mut values: Vec<AttributeValue> = list(&body, "tagValues").iter().map(typed).collect();
        values.truncate(tags.limit);
        Ok(values)
    }

    async fn metrics_range(&self, query: &str, range: MetricsRange) -> Result<SpanMetrics, SourceError> {
        let mut parameters = vec![
            ("q", query.to_owned()),
            ("start", range.start_ns.to_string()),
            ("end", range.end_ns.to_string()),
        ];
        let path = match range.step_ns {
            None => "/api/metrics/query",
            Some(step) => {
                parameters.push(("step", format!("{step}ns")));
                parameters.push(("exemplars", range.exemplars.to_string()));
                "/api/metrics/query_range"
            }
        };
        let body = self.ask(path, &parameters).await?.unwrap_or_default();
        let end_ms = range.end_ns.div_euclid(1_000_000);
        let mut series: Vec<SpanSeries> =
            list(&body, "series").iter().map(|s| one_series(s, end_ms)).collect();
        for one in &mut series {
            one.exemplars.truncate(range.exemplars);
        }
        Ok(SpanMetrics { series, inspected: inspected(&body) })
    }
}

/// A tag as Tempo's paths name it.
fn tag_path(scope: Option<AttributeScope>, name: &str) -> Result<String, SourceError> {
    let unfit = |c: char| c == '/' || c == '?' || c == '#' || c == '%' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name.contains(unfit) {
        return Err(SourceError::Invalid { message: format!("invalid tag name: {name:?}"), position: None });
    }
    Ok(match scope {
        Some(AttributeScope::Span) => format!("span.{name}"),
        Some(AttributeScope::Resource) => format!("resource.{name}"),
        Some(AttributeScope::Event) => format!("event.{name}"),
        Some(AttributeScope::Link) => format!("link.{name}"),
        Some(AttributeScope::Instrumentation) => format!("instrumentation.{name}"),
        Some(AttributeScope::Intrinsic) => name.to_owned(),
        None => format!(".{name}"),
    })
}

fn tag_parameters(tags: &TagQuery) -> Vec<(&'static str, String)> {
    let mut out = Vec::from(span_of(tags.range));
    out.push(("limit", tags.limit.to_string()));
    out.extend(tags.matching.iter().map(|q| ("q", q.clone())));
    out
}

fn scopes(body: &Value) -> Vec<(AttributeScope, String)> {
    let mut names = Vec::new();
    for scope in list(body, "scopes") {
        let kind = match text(scope, "name").as_str() {
            "resource" => AttributeScope::Resource,
            "intrinsic" => AttributeScope::Intrinsic,
            "event" => AttributeScope::Event,
            "link" => AttributeScope::Link,
            "instrumentation" => AttributeScope::Instrumentation,
            _ => AttributeScope::Span,
        };
        names.extend(list(scope, "tags").iter().filter_map(|t| Some((kind, t.as_str()?.to_owned()))));
    }
    names
}

/// `{"type":"int","value":"200"}`
fn typed(value: &Value) -> AttributeValue {
    let written = text(value, "value");
    let parsed = match text(value, "type").as_str() {
        "int" => written.parse().ok().map(AttributeValue::Int),
        "float" => written.parse().ok().map(AttributeValue::Double),
        "bool" => written.parse().ok().map(AttributeValue::Bool),
        _ => None,
    };
    parsed.unwrap_or(AttributeValue::String(written))
}

fn inspected(body: &Value) -> Option<Inspected> {
    let metrics = body.get("metrics")?;
    metrics.get("inspectedTraces")?;
    let count = |name| u64::try_from(integer(metrics, name)).unwrap_or(0);
    Some(Inspected { traces: count("inspectedTraces"), spans: count("inspectedSpans") })
}

/// With samples, or with one value for the whole range, which ends at `end_ms`.
fn one_series(value: &Value, end_ms: i64) -> SpanSeries {
    let number = |v: &Value| v.get("value").and_then(Value::as_f64).unwrap_or_default();
    let samples = match value.get("samples") {
        Some(_) => list(value, "samples").iter().map(|s| (integer(s, "timestampMs"), number(s))).collect(),
        None => vec![(end_ms, number(value))],
    };
    let exemplar = |e: &Value| {
        let labels = attributes(list(e, "labels"));
        let id = |name: &str| labels.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string());
        SpanExemplar {
            at_ns: integer(e, "timestampMs").saturating_mul(1_000_000),
            value: number(e),
            trace_id: id("trace:id").and_then(|t| t.parse().ok()).unwrap_or_default(),
            span_id: id("span:id").and_then(|t| t.parse().ok()).unwrap_or_default(),
        }
    };
    SpanSeries {
        labels: attributes(list(value, "labels")),
        samples,
        exemplars: list(value, "exemplars").iter().map(exemplar).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_as_hex_or_base64() {
        assert_eq!(id_bytes("0102030405060708", 8), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(id_bytes("AQIDBAUGBwg=", 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn metrics_come_as_samples_or_as_one_value() {
        let labels = serde_json::json!([{"key": "kind", "value": {"stringValue": "client"}}]);
        let over_time = serde_json::json!({"labels": labels, "samples": [{"timestampMs": "5000", "value": 1.5}],
            "exemplars": [{"labels": [{"key": "trace:id", "value": {"stringValue": "07"}}], "timestampMs": "4000", "value": 2}]});
        let s = one_series(&over_time, 9000);
        assert_eq!(s.labels, [("kind".to_owned(), AttributeValue::String("client".into()))]);
        assert_eq!(s.samples, [(5000, 1.5)]);
        assert_eq!((s.exemplars[0].at_ns, s.exemplars[0].trace_id.0[15]), (4_000_000_000, 7));
        assert_eq!(one_series(&serde_json::json!({"value": 3}), 9000).samples, [(9000, 3.0)]);
    }

    #[test]
    fn values_come_with_types_and_answers_with_their_cost() {
        let typed =
            |kind: &str, value: &str| super::typed(&serde_json::json!({"type": kind, "value": value}));
        assert_eq!(typed("int", "200"), AttributeValue::Int(200));
        assert_eq!(typed("keyword", "error"), AttributeValue::String("error".into()));
        assert_eq!(typed("int", "x"), AttributeValue::String("x".into()));
        let cost = serde_json::json!({"metrics": {"inspectedTraces": 4, "inspectedSpans": "9"}});
        assert_eq!(inspected(&cost), Some(Inspected { traces: 4, spans: 9 }));
        assert_eq!(inspected(&serde_json::json!({"metrics": {}})), None);
    }

    #[test]
    fn a_trace_folds_resource_and_scope_into_its_spans() {
        let body = serde_json::json!({"batches": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]},
            "scopeSpans": [{"scope": {"name": "s"}, "spans": [{
                "traceId": "AQIDBAUGBwgBAgMEBQYHCA==", "spanId": "AQIDBAUGBwg=", "name": "POST",
                "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": "1000", "endTimeUnixNano": "3000",
                "status": {"code": "STATUS_CODE_ERROR"},
                "attributes": [{"key": "n", "value": {"intValue": "7"}}]}]}]}]});
        let t = trace(TraceId::default(), &body);
        let s = &t.spans[0];
        assert_eq!(
            (s.service.as_str(), s.duration_ns, s.status, s.kind),
            ("orders", 2000, SpanStatus::Error, SpanKind::Server)
        );
        assert_eq!(s.attribute("n"), Some(&AttributeValue::Int(7)));
    }
}
