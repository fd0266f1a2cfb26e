//! Log records as JSON lines on standard output, each with the ids of the trace and span that it belongs to.

use std::fmt;
use std::io::Write as _;

use chrono::SecondsFormat;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::bootstrap::ServiceInfo;
use crate::clock;

/// Writes one line for each record.
pub(super) struct JsonLayer {
    service: &'static str,
    instance: String,
}

impl JsonLayer {
    pub(super) fn new(info: &ServiceInfo) -> Self {
        Self { service: info.service, instance: info.instance.clone() }
    }

    fn line(&self, event: &Event<'_>, span: Option<&str>) -> Vec<u8> {
        let mut record = Map::new();
        let metadata = event.metadata();
        record.insert("timestamp".into(), clock::now().to_rfc3339_opts(SecondsFormat::Micros, true).into());
        record.insert("level".into(), metadata.level().as_str().to_ascii_lowercase().into());
        record.insert("service".into(), self.service.into());
        record.insert("instance".into(), self.instance.as_str().into());
        record.insert("target".into(), metadata.target().into());
        if let Some(span) = span {
            record.insert("span".into(), span.into());
        }
        if let Some((trace_id, span_id)) = super::current_ids() {
            record.insert("trace_id".into(), trace_id.into());
            record.insert("span_id".into(), span_id.into());
        }
        event.record(&mut Fields(&mut record));
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let line = self.line(event, ctx.lookup_current().map(|span| span.name()));
        // A closed pipe is no reason to fail: there is nobody left to tell.
        let _ = std::io::stdout().lock().write_all(&line);
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
