//! The thread that counts, and the appender of spans before the store's that hands it what was stored.

use std::{
    collections::HashSet,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use console_model::span::Span;
use console_storage::{
    AppendError,
    metrics::{AppendOutcome, SampleAppender},
    traces::SpanAppender,
};
use parking_lot::Mutex;
use prometheus::Registry;

use crate::{
    batch::Batch,
    config::SpanMetricsConfig,
    generator::Generator,
    names,
    own::OwnMetrics,
    queue::{Next, Queue},
};

/// Milliseconds since the Unix epoch.
type Clock = fn() -> i64;

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("metrics about metrics derived from spans cannot be registered")]
    Metrics(#[from] prometheus::Error),
    #[error("metrics derived from spans have no thread")]
    Thread(#[from] std::io::Error),
}

/// Deriving metrics while the process lives. Cheap to clone.
#[derive(Clone)]
pub struct SpanMetrics {
    config: Arc<SpanMetricsConfig>,
    queue: Arc<Queue>,
    own: OwnMetrics,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl SpanMetrics {
    /// Begins to count, and to write samples to `samples`. `config` has no problems.
    pub fn start(
        config: SpanMetricsConfig,
        samples: Arc<dyn SampleAppender>,
        registry: &Registry,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let own = OwnMetrics::register(registry)?;
        let queue = Arc::new(Queue::new(config.max_queue_bytes));
        let interval = Duration::from_millis(config.interval_ms);
        let generator = Generator::new(&config, own.clone(), clock());
        let work = {
            let queue = queue.clone();
            move || run(generator, &queue, &*samples, interval, clock)
        };
        let thread = std::thread::Builder::new().name("spanmetrics".to_owned()).spawn(work)?;
        Ok(Self { config: Arc::new(config), queue, own, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// The store of traces with counting behind it: what it takes is counted.
    pub fn tap(&self, store: Arc<dyn SpanAppender>) -> Arc<dyn SpanAppender> {
        Arc::new(Tap { store, metrics: self.clone() })
    }

    /// Counts what was taken, writes everything once more, and ends. Blocks for as long as that takes.
    pub fn stop(&self) {
        self.queue.close();
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that derives metrics from spans had ended with a panic");
        }
    }

    fn offer(&self, batches: Vec<Batch>) {
        for batch in batches {
            if let Err(batch) = self.queue.push(batch) {
                self.own.queue_full.inc_by(batch.records.len() as u64);
            }
        }
    }
}

fn run(
    mut generator: Generator,
    queue: &Queue,
    samples: &dyn SampleAppender,
    interval: Duration,
    clock: Clock,
) {
    if let Err(error) = samples.put_metadata(&names::metadata()) {
        tracing::warn!(%error, "types and help of metrics derived from spans were not stored");
    }
    let mut flush_at = Instant::now() + interval;
    loop {
        match queue.next(flush_at) {
            Next::Batch(batch) => generator.take(&batch, clock()),
            Next::Idle => {}
            Next::Closed => break,
        }
        if Instant::now() >= flush_at {
            generator.flush(samples, clock());
            flush_at = Instant::now() + interval;
        }
    }
    generator.flush(samples, clock());
}

struct Tap {
    store: Arc<dyn SpanAppender>,
    metrics: SpanMetrics,
}

impl SpanAppender for Tap {
    fn append_telling(
        &self,
        spans: Vec<Span>,
        refused: &mut dyn FnMut(usize),
    ) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
        let n = spans.len() as u64;
        // The store takes the spans away, so that what is wanted of them is read before.
        let has_room = self.metrics.queue.has_room();
        let mut batches = if has_room { Batch::of(&spans, &self.metrics.config) } else { Vec::new() };
        let mut not_stored = HashSet::new();
        let stored = self.store.append_telling(spans, &mut |place| {
            not_stored.insert(place);
            refused(place);
        })?;
        if stored.0.accepted > 0 {
            if !has_room {
                self.metrics.own.queue_full.inc_by(n - not_stored.len() as u64);
            }
            if !not_stored.is_empty() {
                Batch::leave_out(&mut batches, &not_stored);
            }
            self.metrics.offer(batches);
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeStore, MemoryAppender, now_ms, span_at};

    fn start(
        config: SpanMetricsConfig,
        samples: &Arc<MemoryAppender>,
        store: &Arc<FakeStore>,
    ) -> (SpanMetrics, Arc<dyn SpanAppender>) {
        let metrics = SpanMetrics::start(config, samples.clone(), &Registry::new(), now_ms).unwrap();
        let tap = metrics.tap(store.clone());
        (metrics, tap)
    }

    #[test]
    fn what_was_taken_is_written_at_the_end() {
        let (samples, store) = (Arc::new(MemoryAppender::default()), Arc::new(FakeStore::default()));
        let (metrics, tap) = start(SpanMetricsConfig::default(), &samples, &store);
        for n in 0..1_500 {
            tap.append(vec![span_at(1, n + 1, None, now_ms())]).unwrap();
        }
        metrics.stop();
        assert_eq!(samples.sum("traces_spanmetrics_calls_total"), 1_500.0);
        assert_eq!(metrics.own.counted.get() + metrics.own.queue_full.get(), 1_500);
        assert!(samples.metadata().iter().any(|m| m == "traces_spanmetrics_latency"));
        tap.append(vec![span_at(1, 9_999, None, now_ms())]).unwrap();
        assert_eq!((store.spans(), metrics.own.queue_full.get()), (1_501, 1), "ingest goes on without");
    }

    #[test]
    fn what_the_store_refuses_is_not_counted() {
        let (samples, store) = (Arc::new(MemoryAppender::default()), Arc::new(FakeStore::default()));
        let (metrics, tap) = start(SpanMetricsConfig::default(), &samples, &store);
        store.set_failing(true);
        assert!(tap.append(vec![span_at(1, 1, None, now_ms())]).is_err());
        store.set_failing(false);
        tap.append(vec![span_at(1, 1, None, now_ms())]).unwrap();
        tap.append(vec![span_at(1, 1, None, now_ms())]).unwrap();
        metrics.stop();
        assert_eq!(samples.sum("traces_spanmetrics_calls_total"), 1.0);
        assert_eq!(metrics.own.duplicate.get(), 1);
    }

    #[test]
    fn of_a_request_that_is_refused_in_part_only_what_was_taken_is_counted() {
        let (samples, store) = (Arc::new(MemoryAppender::default()), Arc::new(FakeStore::default()));
        let (metrics, tap) = start(SpanMetricsConfig::default(), &samples, &store);
        store.refuse_named("bad");
        let spans = (0..1_200).map(|n| {
            let mut span = span_at(1, n + 1, None, now_ms());
            span.name = if n % 3 == 0 { "bad" } else { "good" }.to_owned();
            span
        });
        let (outcome, reason) = tap.append(spans.collect()).unwrap();
        assert_eq!((outcome.accepted, outcome.rejected, reason.is_some()), (800, 400, true));
        metrics.stop();
        assert_eq!(samples.sum("traces_spanmetrics_calls_total"), 800.0);
        assert!(!samples.all().keys().any(|series| series.contains("bad")), "{:?}", samples.all());
    }

    #[test]
    fn a_store_of_metrics_that_hangs_holds_nobody_up() {
        let (samples, store) = (Arc::new(MemoryAppender::default()), Arc::new(FakeStore::default()));
        let config = SpanMetricsConfig { max_queue_bytes: 64 << 10, interval_ms: 100, ..Default::default() };
        let (metrics, tap) = start(config, &samples, &store);
        let held = samples.hold();
        // Counting stops at its next flush at the latest; more than fits into the queue comes after it.
        let begun = Instant::now();
        while metrics.own.queue_full.get() == 0 {
            assert!(begun.elapsed() < Duration::from_mins(1), "the queue has no bound");
            tap.append((0..500).map(|n| span_at(store.spans() as u64, n + 1, None, now_ms())).collect())
                .unwrap();
        }
        drop(held);
        metrics.stop();
        let counted = samples.sum("traces_spanmetrics_calls_total") as u64;
        assert_eq!(counted + metrics.own.queue_full.get(), store.spans() as u64);
    }
}
