//! [`LogsSource`] over a store of lines.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use console_model::{
    Labels, TimeRange,
    log::{Direction, LogAnswer, TailFrame},
    metric::{QueryAnswer, QueryStats},
};
use console_storage::{SourceError, logs::LogReader, source::LogsSource};
use tokio::sync::mpsc;

use crate::{
    ast::{Expr, LogExpr},
    budget::Budget,
    eval::{self, Steps},
    parser::parse,
    tail,
};

#[derive(Clone, Debug)]
pub struct LogqlConfig {
    pub timeout: Duration,
    /// The largest `limit` of a log query.
    pub max_entries: usize,
    /// Lines and bytes that one query may read.
    pub max_lines: u64,
    pub max_bytes: u64,
    pub max_series: usize,
    /// Samples that one range aggregation may hold in memory (16 bytes each).
    pub max_samples: usize,
    /// Points a series.
    pub max_points: usize,
    /// Frames that wait for a slow reader of a tail; further lines are counted as dropped.
    pub tail_frames: usize,
}

impl Default for LogqlConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_entries: 5_000,
            max_lines: 50_000_000,
            max_bytes: 16 << 30,
            max_series: 1_000,
            max_samples: 4_000_000,
            max_points: 11_000,
            tail_frames: 64,
        }
    }
}

pub struct LogqlSource {
    reader: Arc<dyn LogReader>,
    config: LogqlConfig,
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl LogqlSource {
    pub fn new(reader: Arc<dyn LogReader>, config: LogqlConfig) -> Self {
        Self { reader, config }
    }

    /// Runs a read on a blocking thread; when the caller goes away, the read is told to stop.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn LogReader, &Budget) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<(T, QueryStats), SourceError> {
        let reader = Arc::clone(&self.reader);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let begun = Instant::now();
        let (flag, config) = (Arc::clone(&stop.0), self.config.clone());
        let done = tokio::task::spawn_blocking(move || {
            let budget = Budget {
                stop: flag,
                deadline: begun + config.timeout,
                max_lines: config.max_lines,
                max_bytes: config.max_bytes,
                max_series: config.max_series,
                max_samples: config.max_samples,
                lines: 0.into(),
                bytes: 0.into(),
            };
            let out = work(&*reader, &budget)?;
            let stats = QueryStats {
                series: 0,
                samples: budget.lines.get(),
                bytes: budget.bytes.get(),
                duration_us: begun.elapsed().as_micros() as u64,
            };
            Ok((out, stats))
        })
        .await;
        drop(stop);
        done.map_err(|e| SourceError::Internal(e.to_string()))?
    }

    async fn metric(&self, expr: Expr, steps: Steps) -> Result<LogAnswer, SourceError> {
        let (value, stats) =
            self.read(move |reader, budget| eval::metric(&expr, reader, &steps, budget)).await?;
        Ok(LogAnswer::Metric(QueryAnswer { value, warnings: Vec::new(), infos: Vec::new(), stats }))
    }

    fn steps(&self, start_ns: i64, end_ns: i64, step_ms: i64) -> Result<Steps, SourceError> {
        let invalid =
            |message: &str| Err(SourceError::Invalid { message: message.to_owned(), position: None });
        let step = match step_ms.checked_mul(1_000_000) {
            Some(step) if step > 0 => step,
            _ => return invalid("step must be above 0"),
        };
        let Some(length) = end_ns.checked_sub(start_ns).filter(|l| *l >= 0) else {
            return invalid("end must not be before start");
        };
        let points = length / step + 1;
        if points as u64 > self.config.max_points as u64 {
            return Err(SourceError::Limit(format!(
                "exceeded maximum resolution of {} points per time series; try a larger step",
                self.config.max_points
            )));
        }
        Ok(Steps { times: (0..points).map(|i| start_ns + i * step).collect(), instant: false })
    }
}

fn log_only(expr: Expr, what: &str) -> Result<LogExpr, SourceError> {
    match expr {
        Expr::Log(log) => Ok(log),
        _ => Err(SourceError::Invalid { message: format!("{what} needs a log selector"), position: Some(0) }),
    }
}

#[async_trait]
impl LogsSource for LogqlSource {
    async fn query(&self, expr: &str, at_ns: i64, _: usize, _: Direction) -> Result<LogAnswer, SourceError> {
        match parse(expr)? {
            Expr::Log(_) => Err(SourceError::Invalid {
                message: "log queries are not supported as an instant query type, please change your query to a range \
                          query type"
                    .into(),
                position: None,
            }),
            metric => self.metric(metric, Steps { times: vec![at_ns], instant: true }).await,
        }
    }

    async fn query_range(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        step_ms: i64,
        limit: usize,
        direction: Direction,
    ) -> Result<LogAnswer, SourceError> {
        let log = match parse(expr)? {
            Expr::Log(log) => log,
            metric => return self.metric(metric, self.steps(start_ns, end_ns, step_ms)?).await,
        };
        if limit > self.config.max_entries {
            return Err(SourceError::Limit(format!(
                "max entries limit per query exceeded, limit > max_entries ({limit} > {})",
                self.config.max_entries
            )));
        }
        let limit = limit.max(1);
        let (streams, mut stats) = self
            .read(move |reader, budget| {
                eval::logs(&log, reader, (start_ns, end_ns), direction, limit, budget)
            })
            .await?;
        stats.series = streams.len() as u64;
        Ok(LogAnswer::Streams { streams, stats })
    }

    async fn label_names(&self, range: TimeRange) -> Result<Vec<String>, SourceError> {
        Ok(self.read(move |reader, _| Ok(reader.label_names(&[], range)?)).await?.0)
    }

    async fn label_values(&self, name: &str, range: TimeRange) -> Result<Vec<String>, SourceError> {
        let name = name.to_owned();
        Ok(self.read(move |reader, _| Ok(reader.label_values(&name, &[], range)?)).await?.0)
    }

    async fn series(&self, matchers: &[String], range: TimeRange) -> Result<Vec<Labels>, SourceError> {
        let selectors = matchers
            .iter()
            .map(|m| Ok(log_only(parse(m)?, "a series query")?.matchers))
            .collect::<Result<Vec<_>, SourceError>>()?;
        let limit = self.config.max_series;
        let found = self.read(move |reader, _| {
            if selectors.is_empty() {
                return Ok(reader.streams(&[], range, limit)?);
            }
            let mut all = BTreeSet::new();
            for selector in &selectors {
                all.extend(reader.streams(selector, range, limit)?);
            }
            Ok(all.into_iter().take(limit).collect())
        });
        Ok(found.await?.0)
    }

    async fn tail(&self, expr: &str) -> Result<mpsc::Receiver<TailFrame>, SourceError> {
        let log = log_only(parse(expr)?, "a tail")?;
        tail::start(log, self.reader.subscribe(), self.config.tail_frames)
    }
}
