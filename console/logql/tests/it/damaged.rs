//! A store of which a part turns out to be damaged while it is read.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use console_logql::{LogqlConfig, LogqlSource};
use console_model::{
    Labels, Matcher, TimeRange,
    log::{Direction, LogAnswer, LogEntry, LogStream},
    metric::QueryValue,
};
use console_storage::{SourceError, StorageError, logs::LogReader, source::LogsSource};

use crate::EPOCH_NS;

const LINES: i64 = 10;

/// So many readings break off in the middle; later ones have all lines.
struct Damaged(AtomicUsize);

impl LogReader for Damaged {
    fn scan(
        &self,
        _: &[Matcher],
        _: i64,
        _: i64,
        _: Direction,
        _: &[String],
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<u64, StorageError> {
        let breaks =
            self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let labels = Labels::from_pairs([("app", "a")]);
        for i in 0..LINES {
            if breaks && i == LINES / 2 {
                return Err(StorageError::ReadAgain);
            }
            let entry = LogEntry { t_ns: EPOCH_NS + i, line: format!("line {i}"), metadata: Vec::new() };
            if visit(&labels, &entry).is_break() {
                break;
            }
        }
        Ok(0)
    }

    fn streams(&self, _: &[Matcher], _: TimeRange, _: usize) -> Result<Vec<Labels>, StorageError> {
        Ok(vec![Labels::from_pairs([("app", "a")])])
    }

    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }

    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Arc<LogStream>> {
        tokio::sync::broadcast::channel(1).1
    }
}

fn source(breaks: usize) -> LogqlSource {
    LogqlSource::new(Arc::new(Damaged(breaks.into())), LogqlConfig::default())
}

#[tokio::test]
async fn a_reading_that_breaks_off_begins_anew_and_counts_nothing_twice() {
    let end = EPOCH_NS + 1_000_000_000;
    let found = source(1).query_range(r#"{app="a"}"#, EPOCH_NS, end, 1000, 100, Direction::Forward).await;
    let LogAnswer::Streams { streams, stats } = found.unwrap() else { panic!("no streams") };
    assert_eq!(streams.iter().map(|s| s.entries.len()).sum::<usize>(), LINES as usize);
    assert_eq!(stats.samples, LINES as u64);
    let count = r#"sum(count_over_time({app="a"} |= "line" [1m]))"#;
    let found = source(2).query(count, EPOCH_NS + 60_000_000_000 - 1, 0, Direction::Forward).await.unwrap();
    let LogAnswer::Metric(answer) = found else { panic!("no number") };
    let QueryValue::Vector(vector) = answer.value else { panic!("no vector") };
    assert_eq!(vector[0].1.v, LINES as f64);
}

#[tokio::test]
async fn a_store_that_is_never_read_whole_is_an_error() {
    let end = EPOCH_NS + 1_000_000_000;
    let found = source(99).query_range(r#"{app="a"}"#, EPOCH_NS, end, 1000, 100, Direction::Forward).await;
    assert!(matches!(found, Err(SourceError::Internal(_))), "{found:?}");
}
