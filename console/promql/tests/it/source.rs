//! The source as pages, rules and APIs see it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use console_model::{
    Labels, Matcher, TimeRange,
    metric::{MetricMetadata, QueryValue, Series},
};
use console_promql::{PromqlLimits, PromqlSource};
use console_storage::{SourceError, StorageError, metrics::SeriesReader, source::MetricsSource};

use crate::reader::{Memory, at};

const ALL: TimeRange = TimeRange { start_ms: 0, end_ms: 1_000_000 };

fn source() -> PromqlSource {
    let mut m = Memory::default();
    at(&mut m, "up job=a", 30, &[1.0, 1.0, 0.0]);
    at(&mut m, "up job=b", 30, &[1.0, 1.0, 1.0]);
    PromqlSource::new(Arc::new(m), PromqlLimits::default())
}

#[tokio::test]
async fn answers_carry_value_and_cost() {
    let answer = source().query("up == 0", 60_000).await.unwrap();
    let QueryValue::Vector(elements) = answer.value else { panic!("no vector") };
    assert_eq!(elements.len(), 1);
    assert_eq!((elements[0].0.get("job"), elements[0].1.t_ms), (Some("a"), 60_000));
    assert_eq!((answer.stats.series, answer.stats.samples), (2, 6));
    assert!(answer.stats.bytes > 0);
    let answer = source().query_range("sum(up)", 0, 60_000, 30_000).await.unwrap();
    let QueryValue::Matrix(series) = answer.value else { panic!("no matrix") };
    assert_eq!(series[0].samples.iter().map(|s| s.v).collect::<Vec<_>>(), [2.0, 2.0, 1.0]);
}

#[tokio::test]
async fn wrong_queries_are_invalid_and_experimental_ones_off() {
    let source = source();
    assert!(matches!(source.query("up{", 0).await, Err(SourceError::Invalid { position: Some(_), .. })));
    assert!(matches!(source.query("mad_over_time(up[5m])", 0).await, Err(SourceError::Invalid { .. })));
    let got = source.query_range("up[5m]", 0, 60_000, 30_000).await;
    assert!(matches!(got, Err(SourceError::Invalid { .. })), "{got:?}");
}

#[tokio::test]
async fn selectors_are_alternatives() {
    let source = source();
    let both = [r#"up{job="a"}"#.to_owned(), "up".to_owned()];
    assert_eq!(source.series(&both, ALL, 0).await.unwrap().len(), 2);
    assert_eq!(source.series(&both, ALL, 1).await.unwrap().len(), 1);
    assert!(matches!(source.series(&["sum(up)".to_owned()], ALL, 0).await, Err(SourceError::Invalid { .. })));
}

/// A reader that waits in its first read until it is told to go on, and says when it is no longer in use.
struct Slow {
    reads: Arc<AtomicUsize>,
    begun: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
    gone: SyncSender<()>,
}

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = self.gone.try_send(());
    }
}

impl SeriesReader for Slow {
    fn select(&self, _: &[Matcher], _: i64, _: i64, _: usize) -> Result<Vec<Series>, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let _ = self.begun.try_send(());
        let wait = self.go_on.lock().expect("no panic inside").recv_timeout(Duration::from_secs(20));
        wait.map_err(|e| StorageError::Storage(e.to_string()))?;
        Ok(Vec::new())
    }

    fn series(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<Labels>, StorageError> {
        Ok(Vec::new())
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Matcher],
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: Option<&str>, _: usize) -> Result<Vec<MetricMetadata>, StorageError> {
        Ok(Vec::new())
    }
}

#[test]
fn a_caller_that_leaves_stops_its_query() {
    let (begun, has_begun) = sync_channel(1);
    let (go, go_on) = sync_channel(1);
    let (gone, is_gone) = sync_channel(1);
    let reads = Arc::new(AtomicUsize::new(0));
    let reader = Slow { reads: Arc::clone(&reads), begun, go_on: Mutex::new(go_on), gone };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let source = PromqlSource::new(Arc::new(reader), PromqlLimits::default());
    let task = runtime.spawn(async move { source.query("a or b or c", 0).await });
    has_begun.recv_timeout(Duration::from_secs(20)).expect("the first read");
    task.abort();
    let left = runtime.block_on(task).expect_err("aborted");
    assert!(left.is_cancelled());
    go.send(()).unwrap();
    is_gone.recv_timeout(Duration::from_secs(20)).expect("the evaluation ended");
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}
