mod crash;
mod faults;
mod model;
mod store;
mod telling;
mod version_1;

use std::{path::Path, sync::Arc};

use console_model::span::{AttributeValue, Span, SpanId, SpanKind, SpanStatus, TraceId};
use console_tracestore::{TraceStore, TraceStoreConfig};

/// Tests live at this time, unless they say otherwise.
pub const NOW_MS: i64 = 1_700_000_000_000;

pub fn config(dir: &Path) -> TraceStoreConfig {
    TraceStoreConfig { clock: Arc::new(|| NOW_MS), background: false, ..TraceStoreConfig::new(dir) }
}

pub fn open(dir: &Path) -> TraceStore {
    TraceStore::open(config(dir)).unwrap()
}

/// A span of a numbered trace, `age_ms` old.
pub fn span(trace: u64, id: u64, service: &str, age_ms: i64) -> Span {
    let mut trace_id = [0; 16];
    trace_id[8..].copy_from_slice(&trace.to_be_bytes());
    Span {
        trace_id: TraceId(trace_id),
        span_id: SpanId(id.to_be_bytes()),
        parent_span_id: (id > 1).then(|| SpanId(1u64.to_be_bytes())),
        service: service.into(),
        name: format!("operation {}", id % 7),
        kind: SpanKind::Server,
        start_ns: (NOW_MS - age_ms) * 1_000_000,
        duration_ns: 5_000_000,
        status: if id.is_multiple_of(5) { SpanStatus::Error } else { SpanStatus::Unset },
        status_message: String::new(),
        attributes: vec![
            ("http.response.status_code".into(), AttributeValue::Int(200)),
            ("shop.order.id".into(), AttributeValue::String(format!("order-{trace}"))),
        ],
        resource: vec![("service.name".into(), AttributeValue::String(service.into()))],
        scope_name: "test".into(),
        scope_version: "1".into(),
        scope_attributes: vec![],
        events: vec![],
        links: vec![],
    }
}

pub fn trace_id(trace: u64) -> TraceId {
    span(trace, 1, "", 0).trace_id
}
