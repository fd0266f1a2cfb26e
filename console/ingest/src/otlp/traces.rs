//! OTLP spans to the store's.

use console_model::span::{AttributeValue, Attributes, Span, SpanEvent, SpanKind, SpanLink, SpanStatus};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span as OtlpSpan, span, status::StatusCode},
};

use super::{
    resource::{Origin, UNKNOWN_SERVICE},
    value::{ItemError, attributes, span_id, time_ns, trace_id},
};
use crate::{
    limits::IngestLimits,
    refusal::{Refusal, Refused},
};

/// The spans of a request, and what was refused of it.
pub fn map(
    request: ExportTraceServiceRequest,
    limits: &IngestLimits,
) -> Result<(Vec<Span>, Refused), Refusal> {
    let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
    let total: usize = scopes.map(|s| s.spans.len()).sum();
    super::check_total("spans", total, limits)?;
    let mut out = Vec::with_capacity(total);
    let mut refused = Refused::default();
    for resource_spans in request.resource_spans {
        let resource = Origin::resource(resource_spans.resource, limits);
        for scope_spans in resource_spans.scope_spans {
            let origin = resource.clone().and_then(|o| o.with_scope(scope_spans.scope, limits));
            let origin = match origin {
                Ok(origin) => origin,
                Err(e) => {
                    refused.add(scope_spans.spans.len() as u64, e.reason, || e.message);
                    continue;
                }
            };
            for given in scope_spans.spans {
                match one(given, &origin, limits) {
                    Ok(span) => out.push(span),
                    Err(e) => refused.add(1, e.reason, || e.message),
                }
            }
        }
    }
    Ok((out, refused))
}

fn one(given: OtlpSpan, origin: &Origin, limits: &IngestLimits) -> Result<Span, ItemError> {
    let name = format!("span {:?}", given.name.chars().take(64).collect::<String>());
    let missing = |field: &str| ItemError::new("invalid_id", format!("{field} is missing or all zero"));
    let checked = || -> Result<Span, ItemError> {
        let trace = trace_id("traceId", &given.trace_id)?.ok_or_else(|| missing("traceId"))?;
        let id = span_id("spanId", &given.span_id)?.ok_or_else(|| missing("spanId"))?;
        let parent = span_id("parentSpanId", &given.parent_span_id)?;
        let (start_ns, duration_ns) = times(&given)?;
        let max = limits.max_events_per_span;
        for (field, n) in [("events", given.events.len()), ("links", given.links.len())] {
            if n > max {
                let message = format!("{n} {field}, more than max_events_per_span ({max})");
                return Err(ItemError::new("too_many_events", message));
            }
        }
        let mut own: Attributes = attributes("span", given.attributes, limits.max_attributes)?;
        if !given.trace_state.is_empty() {
            own.push(("w3c.tracestate".to_owned(), AttributeValue::String(given.trace_state)));
        }
        let (status, status_message) = given.status.map_or((SpanStatus::Unset, String::new()), |s| {
            let status = match s.code() {
                StatusCode::Unset => SpanStatus::Unset,
                StatusCode::Ok => SpanStatus::Ok,
                StatusCode::Error => SpanStatus::Error,
            };
            (status, s.message)
        });
        Ok(Span {
            trace_id: trace,
            span_id: id,
            parent_span_id: parent,
            service: origin.service().unwrap_or(UNKNOWN_SERVICE).to_owned(),
            name: given.name,
            kind: kind(given.kind),
            start_ns,
            duration_ns,
            status,
            status_message,
            attributes: own,
            resource: origin.attributes.clone(),
            scope_name: origin.scope_name.clone(),
            scope_version: origin.scope_version.clone(),
            scope_attributes: origin.scope_attributes.clone(),
            events: given.events.into_iter().map(|e| event(e, limits)).collect::<Result<_, _>>()?,
            links: given.links.into_iter().map(|l| link(l, limits)).collect::<Result<_, _>>()?,
        })
    };
    checked().map_err(|e| e.of(&name))
}

/// Start and duration. A span without end has none yet, which the protocol forbids.
fn times(given: &OtlpSpan) -> Result<(i64, i64), ItemError> {
    let start_ns = time_ns("startTimeUnixNano", given.start_time_unix_nano)?;
    let end_ns = time_ns("endTimeUnixNano", given.end_time_unix_nano)?;
    let invalid = |message: String| Err(ItemError::new("invalid_timestamp", message));
    if start_ns == 0 {
        return invalid("startTimeUnixNano is missing".to_owned());
    }
    if end_ns < start_ns {
        return invalid(format!("endTimeUnixNano {end_ns} is before startTimeUnixNano {start_ns}"));
    }
    Ok((start_ns, end_ns - start_ns))
}

fn kind(kind: i32) -> SpanKind {
    match span::SpanKind::try_from(kind).unwrap_or_default() {
        span::SpanKind::Unspecified => SpanKind::Unspecified,
        span::SpanKind::Internal => SpanKind::Internal,
        span::SpanKind::Server => SpanKind::Server,
        span::SpanKind::Client => SpanKind::Client,
        span::SpanKind::Producer => SpanKind::Producer,
        span::SpanKind::Consumer => SpanKind::Consumer,
    }
}

fn event(given: span::Event, limits: &IngestLimits) -> Result<SpanEvent, ItemError> {
    Ok(SpanEvent {
        t_ns: time_ns("event timeUnixNano", given.time_unix_nano)?,
        name: given.name,
        attributes: attributes("event", given.attributes, limits.max_attributes)?,
    })
}

/// A link without ids is kept with zero ids: its attributes may still help.
fn link(given: span::Link, limits: &IngestLimits) -> Result<SpanLink, ItemError> {
    Ok(SpanLink {
        trace_id: trace_id("link traceId", &given.trace_id)?.unwrap_or_default(),
        span_id: span_id("link spanId", &given.span_id)?.unwrap_or_default(),
        attributes: attributes("link", given.attributes, limits.max_attributes)?,
    })
}
