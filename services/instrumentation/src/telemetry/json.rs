//! Log records as JSON lines on standard output, each with the ids of the trace and span that it belongs to.

use std::cell::Cell;
use std::fmt;
use std::io::Write as _;

use chrono::SecondsFormat;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::stdout::{Weight, Writer};
use crate::bootstrap::ServiceInfo;
use crate::clock;

/// What every line has; a record's own field of such a name is written as `field.<name>`.
const RESERVED: [&str; 8] =
    ["timestamp", "level", "service", "instance", "target", "span", "trace_id", "span_id"];

thread_local! {
    /// Taken while a line is written, so that a value that logs while it is printed gets one of its own.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes one line for each record.
pub(super) struct JsonLayer {
    /// `,"service":"orders","instance":"orders-1"`
    origin: Vec<u8>,
    out: Writer,
}

impl JsonLayer {
    pub(super) fn new(info: &ServiceInfo, out: Writer) -> Self {
        let mut origin = Vec::new();
        put(&mut origin, "service", info.service);
        put(&mut origin, "instance", info.instance.as_str());
        Self { origin, out }
    }

    fn write(&self, line: &mut Vec<u8>, event: &Event<'_>, span: Option<&str>) {
        let metadata = event.metadata();
        let now = clock::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let _ = write!(line, "{{\"timestamp\":\"{now}\",\"level\":\"{}\"", level_name(*metadata.level()));
        line.extend_from_slice(&self.origin);
        put(line, "target", metadata.target());
        if let Some(span) = span {
            put(line, "span", span);
        }
        if let Some(current) = super::current_span() {
            let (trace_id, span_id) = (current.trace_id(), current.span_id());
            let _ = write!(line, ",\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\"");
        }
        event.record(&mut Fields(line));
        line.extend_from_slice(b"}\n");
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut line = LINE.take();
        line.clear();
        self.write(&mut line, event, ctx.lookup_current().map(|span| span.name()));
        let is_error = *event.metadata().level() == Level::ERROR;
        self.out.push(&line, if is_error { Weight::Error } else { Weight::Ordinary });
        LINE.set(line);
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// `,"name":value`
fn put<T: Serialize + ?Sized>(line: &mut Vec<u8>, name: &str, value: &T) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    let before = line.len();
    // Texts and numbers always serialise.
    if serde_json::to_writer(&mut *line, value).is_err() {
        line.truncate(before);
        line.extend_from_slice(b"null");
    }
}

struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn put<T: Serialize + ?Sized>(&mut self, field: &Field, value: &T) {
        if RESERVED.contains(&field.name()) {
            put(self.0, &format!("field.{}", field.name()), value);
        } else {
            put(self.0, field.name(), value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;
    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::metrics::Metrics;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<Value> {
        let info = ServiceInfo {
            service: "orders",
            version: "1".to_owned(),
            instance: "orders-\"1\"".to_owned(),
            environment: "test".to_owned(),
        };
        let text = Shared::default();
        let dropped = Metrics::new("orders", "1").unwrap().dropped("stdout");
        let out = Writer::start(text.clone(), dropped).unwrap();
        let subscriber = tracing_subscriber::registry().with(JsonLayer::new(&info, out.clone()));
        tracing::subscriber::with_default(subscriber, log);
        assert!(out.flush(Duration::from_secs(30)));
        let text = String::from_utf8(text.0.lock().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn record_is_one_line_of_json_with_its_fields() {
        let records = lines(|| {
            tracing::info_span!("http request").in_scope(|| {
                tracing::warn!(status = 503_u16, took = 1.5, ok = false, text = "a \"b\"\n", "gone");
            });
        });
        let [record] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!(record["message"], "gone");
        assert_eq!((record["level"].as_str(), record["span"].as_str()), (Some("warn"), Some("http request")));
        assert_eq!(
            (record["service"].as_str(), &record["instance"]),
            (Some("orders"), &"orders-\"1\"".into())
        );
        assert_eq!((&record["status"], &record["took"]), (&503.into(), &1.5.into()));
        assert_eq!((&record["ok"], &record["text"]), (&false.into(), &"a \"b\"\n".into()));
    }

    #[test]
    fn field_cannot_pass_for_what_every_line_has() {
        let records = lines(|| tracing::info!(trace_id = "forged", level = "error", "hello"));
        assert_eq!((&records[0]["level"], &records[0]["field.level"]), (&"info".into(), &"error".into()));
        assert_eq!(
            (&records[0]["trace_id"], &records[0]["field.trace_id"]),
            (&Value::Null, &"forged".into())
        );
    }

    #[test]
    fn value_that_logs_while_it_is_printed_breaks_no_line() {
        struct Talkative;
        impl fmt::Debug for Talkative {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                tracing::info!("inner");
                f.write_str("outer")
            }
        }
        let records = lines(|| tracing::info!(value = ?Talkative, "message"));
        assert!(records.iter().any(|record| record["value"] == "outer"), "{records:?}");
    }
}
