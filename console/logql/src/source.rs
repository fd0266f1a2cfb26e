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
    Labels, Matcher, TimeRange,
    log::{Direction, LogAnswer, TailFrame},
    metric::{QueryAnswer, QueryStats},
};
use console_storage::{
    SourceError,
    logs::{LogReader, StreamVolumes, Windows},
    source::{CategorizedStream, DetectedField, LogPattern, LogsSource, TailOptions},
};
use tokio::sync::mpsc;

use crate::{
    ast::{Expr, LogExpr},
    budget::Budget,
    eval::{self, Steps},
    explore::{fields, patterns},
    format::format,
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
    /// Values that one query may hold in memory (16 bytes each): those of quantiles and counters, and sums of windows.
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

/// Readings of one query at most.
const TRIES: usize = 4;

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

    /// Runs a read on a blocking thread; when the caller goes away, the read is told to stop. One that breaks off at a part
    /// of the store that is damaged begins anew, once for each such part of a few.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn LogReader, &Budget) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<(T, QueryStats), SourceError> {
        let reader = Arc::clone(&self.reader);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let begun = Instant::now();
        let (flag, config) = (Arc::clone(&stop.0), self.config.clone());
        let done = tokio::task::spawn_blocking(move || {
            let reading = || {
                let budget = Budget {
                    stop: Arc::clone(&flag),
                    deadline: begun + config.timeout,
                    max_lines: config.max_lines,
                    max_bytes: config.max_bytes,
                    max_series: config.max_series,
                    max_samples: config.max_samples,
                    lines: 0.into(),
                    bytes: 0.into(),
                    held: 0.into(),
                };
                work(&*reader, &budget).map(|out| (out, budget))
            };
            let mut done = reading();
            for _ in 1..TRIES {
                if done.as_ref().err() != Some(&SourceError::ReadAgain) {
                    break;
                }
                done = reading();
            }
            let (out, budget) = done.map_err(SourceError::at_last)?;
            let stats = QueryStats {
                series: 0,
                samples: budget.lines.load(Ordering::Relaxed),
                bytes: budget.bytes.load(Ordering::Relaxed),
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

    /// A limit of entries, above 0 and bearable.
    fn entries(&self, limit: usize) -> Result<usize, SourceError> {
        if limit > self.config.max_entries {
            return Err(SourceError::Limit(format!(
                "max entries limit per query exceeded, limit > max_entries ({limit} > {})",
                self.config.max_entries
            )));
        }
        Ok(limit.max(1))
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

/// The matchers of a selector that has no stages.
fn selector_only(text: &str, what: &str) -> Result<Vec<Matcher>, SourceError> {
    let log = log_only(parse(text)?, what)?;
    if !log.is_bare() {
        let message = format!("{what} takes a selector without stages");
        return Err(SourceError::Invalid { message, position: None });
    }
    Ok(log.matchers)
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
        let limit = self.entries(limit)?;
        let (streams, mut stats) = self
            .read(move |reader, budget| {
                eval::logs(&log, reader, (start_ns, end_ns), direction, limit, budget)
            })
            .await?;
        stats.series = streams.len() as u64;
        Ok(LogAnswer::Streams { streams, stats })
    }

    async fn query_categorized(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        limit: usize,
        direction: Direction,
    ) -> Result<Option<(Vec<CategorizedStream>, QueryStats)>, SourceError> {
        let Expr::Log(log) = parse(expr)? else { return Ok(None) };
        let limit = self.entries(limit)?;
        let range = (start_ns, end_ns);
        let found =
            self.read(move |reader, budget| eval::categorized(&log, reader, range, direction, limit, budget));
        let (streams, mut stats) = found.await?;
        stats.series = streams.len() as u64;
        Ok(Some((streams, stats)))
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
        self.tail_with(expr, TailOptions::default()).await
    }

    async fn tail_with(
        &self,
        expr: &str,
        options: TailOptions,
    ) -> Result<mpsc::Receiver<TailFrame>, SourceError> {
        let log = Arc::new(log_only(parse(expr)?, "a tail")?);
        self.entries(options.limit)?;
        // Before the store is read: what comes in between is told once, by either.
        let live = self.reader.subscribe();
        let history = match options.start_ns.filter(|_| options.limit > 0) {
            Some(start_ns) => {
                let wanted = Arc::clone(&log);
                let read = move |reader: &dyn LogReader, budget: &Budget| {
                    tail::history(&wanted, reader, start_ns, options.limit, budget)
                };
                self.read(read).await?.0
            }
            None => tail::History::default(),
        };
        let delay = Duration::from_millis(options.delay_ms);
        tail::start(log, live, history, delay, self.config.tail_frames)
    }

    async fn label_names_of(&self, selector: &str, range: TimeRange) -> Result<Vec<String>, SourceError> {
        let matchers = selector_only(selector, "a question for labels")?;
        Ok(self.read(move |reader, _| Ok(reader.label_names(&matchers, range)?)).await?.0)
    }

    async fn label_values_of(
        &self,
        name: &str,
        selector: &str,
        range: TimeRange,
    ) -> Result<Vec<String>, SourceError> {
        let matchers = selector_only(selector, "a question for values")?;
        let name = name.to_owned();
        Ok(self.read(move |reader, _| Ok(reader.label_values(&name, &matchers, range)?)).await?.0)
    }

    async fn volumes(&self, selector: &str, windows: Windows) -> Result<Vec<StreamVolumes>, SourceError> {
        let matchers = selector_only(selector, "a question for volumes")?;
        if windows.count == 0 || windows.count > self.config.max_points || windows.step_ns < 1 {
            return Err(SourceError::Limit(format!(
                "volumes take 1 to {} steps, got {}",
                self.config.max_points, windows.count
            )));
        }
        let most = self.config.max_samples / windows.count;
        let found = self.read(move |reader, budget| {
            let ms = |ns: i64| ns.div_euclid(1_000_000);
            let range = TimeRange { start_ms: ms(windows.start_ns), end_ms: ms(windows.end_ns()) + 1 };
            if reader.streams(&matchers, range, most + 1)?.len() > most {
                return Err(SourceError::Limit(format!(
                    "volumes of more than {most} streams in {} steps: take a narrower selector or a larger step",
                    windows.count
                )));
            }
            budget.time()?;
            Ok(reader.volumes(&matchers, windows)?)
        });
        Ok(found.await?.0)
    }

    async fn detected_fields(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        lines: usize,
        limit: usize,
        values: usize,
    ) -> Result<Vec<DetectedField>, SourceError> {
        let log = log_only(parse(expr)?, "a question for fields")?;
        let wanted = fields::Wanted { lines: lines.clamp(1, self.config.max_entries), fields: limit, values };
        let found =
            self.read(move |reader, budget| fields::detect(&log, reader, (start_ns, end_ns), wanted, budget));
        Ok(found.await?.0)
    }

    async fn patterns(
        &self,
        expr: &str,
        start_ns: i64,
        end_ns: i64,
        step_ns: i64,
    ) -> Result<Vec<LogPattern>, SourceError> {
        let log = log_only(parse(expr)?, "a question for patterns")?;
        let points = (end_ns.saturating_sub(start_ns)).max(0) / step_ns.max(1) + 1;
        if points as u64 > self.config.max_points as u64 {
            return Err(SourceError::Limit(format!(
                "exceeded maximum resolution of {} points per pattern; try a larger step",
                self.config.max_points
            )));
        }
        let found = self
            .read(move |reader, budget| patterns::find(&log, reader, (start_ns, end_ns), step_ns, budget));
        Ok(found.await?.0)
    }

    async fn format_query(&self, expr: &str) -> Result<String, SourceError> {
        Ok(format(expr)?)
    }
}
