//! What a process keeps of traces that were not sampled from the start: those that turn out to be evidence.
//!
//! Spans of such a trace wait until its local root, the span under which this process works for it, ends. If one of them
//! failed, refused (409), told a warning, or took long, all of them are exported as if sampled; otherwise they are
//! dropped. What other processes did for the same trace is theirs to judge: a failure that travels makes each of them
//! keep its part. Bounded in traces, in spans a trace, and in traces kept a second: an outage must not become a flood.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceFlags, TraceId};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use parking_lot::Mutex;

use crate::metrics::IntCounter;

/// Traces that wait for their local root at most; of more, the oldest is dropped.
const MOST_TRACES: usize = 1024;
/// Spans of one trace that wait at most.
const MOST_SPANS: usize = 64;
/// Local roots kept a second at most.
const KEPT_PER_SECOND: u32 = 100;

/// Hands sampled spans, and evidence, to the next processor.
#[derive(Debug)]
pub(super) struct KeepEvidence<P> {
    next: P,
    slow: Duration,
    waiting: Mutex<Waiting>,
    /// How many traces wait, to be read without the lock: most requests have no other span than their root.
    traces: AtomicUsize,
    allowance: Mutex<Allowance>,
    dropped: IntCounter,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: HashMap<TraceId, Vec<SpanData>>,
    /// Oldest first.
    order: VecDeque<TraceId>,
}

#[derive(Debug)]
struct Allowance {
    left: u32,
    since: Instant,
}

impl<P: SpanProcessor> KeepEvidence<P> {
    /// Before `next`. Local roots that take `slow` or longer are evidence. `dropped` counts evidence over the bound.
    pub(super) fn new(next: P, slow: Duration, dropped: IntCounter) -> Self {
        Self {
            next,
            slow,
            waiting: Mutex::default(),
            traces: AtomicUsize::new(0),
            allowance: Mutex::new(Allowance { left: KEPT_PER_SECOND, since: Instant::now() }),
            dropped,
        }
    }

    fn end_local_root(&self, root: SpanData) {
        let inner = if self.traces.load(Ordering::Acquire) == 0 { Vec::new() } else { self.take(&root) };
        let is_slow = root.end_time.duration_since(root.start_time).is_ok_and(|took| took >= self.slow);
        if !is_slow && !is_evidence(&root) && !inner.iter().any(is_evidence) {
            return;
        }
        if !self.allowance.lock().take(Instant::now()) {
            self.dropped.inc_by(1 + inner.len() as u64);
            return;
        }
        for span in inner.into_iter().chain([root]) {
            self.next.on_end(sampled(span));
        }
    }

    fn take(&self, root: &SpanData) -> Vec<SpanData> {
        let mut waiting = self.waiting.lock();
        let taken = waiting.take_below(root);
        self.traces.store(waiting.spans.len(), Ordering::Release);
        taken
    }

    fn wait(&self, span: SpanData) {
        let mut waiting = self.waiting.lock();
        waiting.add(span);
        self.traces.store(waiting.spans.len(), Ordering::Release);
    }
}

impl<P: SpanProcessor> SpanProcessor for KeepEvidence<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.next.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.next.on_end(span);
        } else if span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote {
            self.end_local_root(span);
        } else {
            self.wait(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

impl Waiting {
    fn add(&mut self, span: SpanData) {
        let trace = span.span_context.trace_id();
        if let Some(spans) = self.spans.get_mut(&trace) {
            if spans.len() < MOST_SPANS {
                spans.push(span);
            }
            return;
        }
        if self.spans.len() >= MOST_TRACES
            && let Some(oldest) = self.order.pop_front()
        {
            self.spans.remove(&oldest);
        }
        self.order.push_back(trace);
        self.spans.insert(trace, vec![span]);
    }

    /// The spans below this root; another root of the same trace may still be at work beside it.
    fn take_below(&mut self, root: &SpanData) -> Vec<SpanData> {
        let trace = root.span_context.trace_id();
        let Some(spans) = self.spans.get_mut(&trace) else { return Vec::new() };
        let mut above = vec![root.span_context.span_id()];
        let mut taken = Vec::new();
        // Inner spans end before outer ones as a rule: from the last to the first, parents come before children.
        loop {
            let before = taken.len();
            for at in (0..spans.len()).rev() {
                if above.contains(&spans[at].parent_span_id) {
                    let span = spans.remove(at);
                    above.push(span.span_context.span_id());
                    taken.push(span);
                }
            }
            if taken.len() == before {
                break;
            }
        }
        if spans.is_empty() {
            self.spans.remove(&trace);
            self.order.retain(|waiting| *waiting != trace);
        }
        taken
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self { left: KEPT_PER_SECOND, since: now };
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

/// Whether a span shows something that went wrong.
fn is_evidence(span: &SpanData) -> bool {
    let is_refusal = |(key, value): (&str, &Value)| {
        key == "http.response.status_code" && matches!(value, Value::I64(409 | 500..))
    };
    let is_warning =
        |(key, value): (&str, &Value)| key == "level" && matches!(value.as_str().as_ref(), "WARN" | "ERROR");
    matches!(span.status, Status::Error { .. })
        || span.attributes.iter().any(|field| is_refusal((field.key.as_str(), &field.value)))
        || span
            .events
            .iter()
            .any(|event| event.attributes.iter().any(|field| is_warning((field.key.as_str(), &field.value))))
}

fn sampled(mut span: SpanData) -> SpanData {
    let context = &span.span_context;
    span.span_context = SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | TraceFlags::SAMPLED,
        context.is_remote(),
        context.trace_state().clone(),
    );
    span
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{
        Span as _, TraceContextExt as _, TraceState, Tracer as _, TracerProvider as _,
    };
    use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

    use super::super::exported::Exported;
    use super::super::sampling::Sampling;
    use super::*;
    use crate::config::Env;
    use crate::metrics::Metrics;

    fn service() -> (SdkTracer, Exported, IntCounter) {
        let dropped = Metrics::new("orders", "1").unwrap().dropped("traces");
        let exported = Exported::default();
        let slow = Duration::from_secs(1);
        let mut env = Env::from_pairs([("OTEL_TRACES_SAMPLER", "parentbased_always_off")]);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampling::from_env(&mut env))
            .with_span_processor(KeepEvidence::new(exported.clone(), slow, dropped.clone()))
            .build();
        (provider.tracer("test"), exported, dropped)
    }

    /// A request of a caller that did not sample, with one call below it; `work` does something to both.
    fn request(
        tracer: &SdkTracer,
        name: &str,
        work: impl FnOnce(&mut dyn FnMut(Status), &mut dyn FnMut(i64)),
    ) {
        let remote = SpanContext::new(
            TraceId::from(9),
            SpanId::from(9),
            TraceFlags::default(),
            true,
            TraceState::default(),
        );
        let caller = Context::new().with_remote_span_context(remote);
        let root = tracer.start_with_context(name.to_owned(), &caller);
        let within = caller.with_span(root);
        let mut inner = tracer.start_with_context(format!("{name} inner"), &within);
        let mut fail = |status| inner.set_status(status);
        let mut answer = |status: i64| {
            within.span().set_attribute(opentelemetry::KeyValue::new("http.response.status_code", status));
        };
        work(&mut fail, &mut answer);
        inner.end();
        within.span().end();
    }

    #[test]
    fn failure_anywhere_keeps_the_whole_local_trace_and_success_none_of_it() {
        let (tracer, exported, _) = service();
        request(&tracer, "fine", |_, answer| answer(200));
        assert!(exported.names().is_empty());
        request(&tracer, "inside", |fail, answer| {
            fail(Status::error("lost"));
            answer(200);
        });
        assert_eq!(exported.names(), ["inside", "inside inner"]);
        request(&tracer, "refused", |_, answer| answer(409));
        request(&tracer, "broken", |_, answer| answer(503));
        assert_eq!(exported.names().len(), 6);
    }

    #[test]
    fn slow_request_is_kept() {
        let (tracer, exported, _) = service();
        let started = std::time::UNIX_EPOCH;
        for seconds in [0, 2] {
            let mut span = tracer.span_builder(seconds.to_string()).with_start_time(started).start(&tracer);
            span.end_with_timestamp(started + Duration::from_secs(seconds));
        }
        assert_eq!(exported.names(), ["2"]);
    }

    #[test]
    fn one_trace_with_two_requests_at_a_time_is_judged_request_by_request() {
        let (tracer, exported, _) = service();
        request(&tracer, "outer", |fail, _| {
            request(&tracer, "other", |_, _| ());
            fail(Status::error("lost"));
        });
        assert_eq!(exported.names(), ["outer", "outer inner"]);
    }

    #[test]
    fn an_outage_is_no_flood_and_what_never_ends_does_not_grow() {
        let (tracer, exported, dropped) = service();
        for _ in 0..300 {
            request(&tracer, "broken", |_, answer| answer(500));
        }
        let kept = exported.names().len();
        // A second may begin meanwhile.
        assert!((200..=400).contains(&kept), "{kept}");
        assert_eq!(dropped.get() as usize, 600 - kept);
        let mut waiting = Waiting::default();
        request(&tracer, "template", |fail, _| fail(Status::error("lost")));
        let template = exported.spans()[0].clone();
        for trace in 1..=3_000_u128 {
            let mut span = template.clone();
            let context = &span.span_context;
            span.span_context = SpanContext::new(
                TraceId::from(trace),
                context.span_id(),
                TraceFlags::default(),
                false,
                TraceState::default(),
            );
            (0..100).for_each(|_| waiting.add(span.clone()));
        }
        assert_eq!((waiting.spans.len(), waiting.order.len()), (MOST_TRACES, MOST_TRACES));
        assert!(waiting.spans.values().all(|spans| spans.len() == MOST_SPANS));
    }
}
