//! What the three stores take together when all are under load and are read meanwhile, within one memory: the most that
//! they reserved, and the most that the process had resident.
//! `cargo run --release -p console-ingest --example stores_memory [seconds] [memory_mib] [series]`.

use std::{
    error::Error,
    fs,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use console_blockkit::{MemoryBudget, MemoryPool};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    clock::now_ms,
    log::{Direction, LogEntry, LogStream},
    metric::Sample,
    span::{AttributeValue, Span, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::{
    AppendError,
    logs::{LogAppender, LogReader},
    metrics::{SampleAppender, SeriesBatch, SeriesReader},
    traces::{SpanAppender, SpanReader},
};
use console_tracestore::{TraceStore, TraceStoreConfig};
use console_tsdb::{Tsdb, TsdbConfig};
use tikv_jemallocator::Jemalloc;

/// The console's own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// As the console shares it out.
const SHARES: u64 = 8;
const STEP_MS: i64 = 15_000;
const BATCH: usize = 2_000;

struct Stores {
    metrics: Tsdb,
    logs: LogStore,
    traces: TraceStore,
    /// Time of metrics, which goes faster than ours.
    now_ms: Arc<AtomicI64>,
    is_over: AtomicBool,
    /// Items taken, of metrics, logs and traces; and pushes refused.
    taken: [AtomicU64; 3],
    refused: [AtomicU64; 3],
}

impl Stores {
    fn note(&self, store: usize, pushed: Result<u64, AppendError>) -> Result<(), AppendError> {
        match pushed {
            Ok(n) => {
                self.taken[store].fetch_add(n, Ordering::Relaxed);
            }
            Err(AppendError::Busy { .. }) => {
                self.refused[store].fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(50));
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn push_metrics(&self, labels: &[Labels]) -> Result<(), AppendError> {
        while !self.is_over() {
            let t_ms = self.now_ms.fetch_add(STEP_MS, Ordering::Relaxed);
            for (round, part) in labels.chunks(BATCH).enumerate() {
                let sample = |n: usize| Sample {
                    t_ms,
                    v: ((t_ms / STEP_MS) as usize * (1 + (round + n) % 97)) as f64,
                };
                let batch: Vec<SeriesBatch> = (0..)
                    .zip(part)
                    .map(|(n, labels)| SeriesBatch::floats(labels.clone(), vec![sample(n)]))
                    .collect();
                let pushed = self.metrics.append(&batch).map(|(outcome, _)| outcome.accepted);
                self.note(0, pushed)?;
                if self.is_over() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn push_lines(&self) -> Result<(), AppendError> {
        for push in 0u64.. {
            if self.is_over() {
                break;
            }
            let now_ns = now_ms() * 1_000_000;
            let entry = |i: u64| LogEntry {
                t_ns: now_ns + i as i64,
                line: format!(
                    "{{\"level\":\"info\",\"push\":{push},\"n\":{i},\"path\":\"/cart/{}\",\"took_ms\":{}}}",
                    push * 7919 % 10_007,
                    (push * 31 + i * 17) % 977
                ),
                metadata: vec![("trace_id".to_owned(), format!("{:032x}", push * 1000 + i))],
            };
            let stream = |n: u64| LogStream {
                labels: Labels::from_pairs([("service_name", format!("service-{n}"))]),
                entries: (n * 100..n * 100 + 100).map(entry).collect(),
            };
            let pushed = self.logs.append((0..20).map(stream).collect()).map(|(outcome, _)| outcome.accepted);
            self.note(1, pushed)?;
        }
        Ok(())
    }

    fn push_spans(&self) -> Result<(), AppendError> {
        for push in 0u64.. {
            if self.is_over() {
                break;
            }
            let start_ns = now_ms() * 1_000_000;
            let span = |i: u64| {
                let (trace, id) = (push * 100 + i / 10, i % 10 + 1);
                let text = |text: String| AttributeValue::String(text);
                Span {
                    trace_id: TraceId((u128::from(trace) << 64 | 1).to_be_bytes()),
                    span_id: SpanId(id.to_be_bytes()),
                    parent_span_id: (id > 1).then_some(SpanId([0, 0, 0, 0, 0, 0, 0, 1])),
                    service: format!("service-{}", id % 5),
                    name: format!("operation {}", i % 30),
                    kind: SpanKind::Server,
                    start_ns: start_ns + i as i64,
                    duration_ns: 1_000_000 + (i * 7919 % 1_000_003) as i64,
                    status: SpanStatus::Unset,
                    status_message: String::new(),
                    attributes: vec![
                        ("http.route".to_owned(), text(format!("/things/{}", i % 40))),
                        ("user.id".to_owned(), text(format!("user-{}", trace * 31 % 100_003))),
                        ("http.response.status_code".to_owned(), AttributeValue::Int(200)),
                    ],
                    resource: vec![("service.name".to_owned(), text(format!("service-{}", id % 5)))],
                    scope_name: "shop".to_owned(),
                    scope_version: String::new(),
                    scope_attributes: Vec::new(),
                    events: Vec::new(),
                    links: Vec::new(),
                }
            };
            let pushed =
                self.traces.append((0..1000).map(span).collect()).map(|(outcome, _)| outcome.accepted);
            self.note(2, pushed)?;
        }
        Ok(())
    }

    /// Reads a little of everything, again and again.
    fn read(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        while !self.is_over() {
            let name = Matcher {
                name: "__name__".into(),
                op: MatchOp::Equal,
                value: "http_requests_total_7".into(),
            };
            let now_ms = self.now_ms.load(Ordering::Relaxed);
            self.metrics.select(&[name], now_ms - 3_600_000, now_ms, 5_000_000)?;
            let mut lines = 0;
            self.logs.scan(
                &[],
                i64::MIN,
                i64::MAX,
                Direction::Backward,
                &["took_ms\":976".into()],
                &mut |_, _| {
                    lines += 1;
                    if lines < 1000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                },
            )?;
            let mut traces = 0;
            let range = TimeRange { start_ms: 0, end_ms: i64::MAX / 2_000_000 };
            self.traces.scan(range, Some("service-3"), &mut |_| {
                traces += 1;
                if traces < 200 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

fn labels(series: usize) -> Vec<Labels> {
    let one = |n: usize| {
        Labels::from_pairs([
            ("__name__", format!("http_requests_total_{}", n % 50)),
            ("instance", format!("10.0.{}.{}:9090", n / 5000, n / 50 % 100)),
            ("path", format!("/api/v1/things/{}", n % 700)),
            ("job", "shop".to_owned()),
        ])
    };
    (0..series).map(one).collect()
}

/// Most kilobytes that the process had resident.
fn peak_kb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(30), |s| s.parse())?;
    let limit = arguments.next().map_or(Ok(192), |s| s.parse::<u64>())? << 20;
    let series: usize = arguments.next().map_or(Ok(50_000), |s| s.parse())?;
    let dir = tempfile::tempdir()?;
    let labels = labels(series);
    let before = peak_kb().unwrap_or(0);
    let pool = MemoryPool::new(limit);
    let share = || pool.share(limit / SHARES);
    let shares: [Arc<MemoryBudget>; 4] = [share()?, share()?, share()?, share()?];
    let now_ms = Arc::new(AtomicI64::new(now_ms()));
    let clock = now_ms.clone();
    let stores = Stores {
        metrics: Tsdb::open(TsdbConfig {
            budget: shares[0].clone(),
            query_budget: shares[3].clone(),
            retention_ms: 24 * 3_600_000,
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            ..TsdbConfig::new(dir.path().join("metrics"))
        })?,
        logs: LogStore::open(LogStoreConfig {
            budget: shares[1].clone(),
            ..LogStoreConfig::new(dir.path().join("logs"))
        })?,
        traces: TraceStore::open(TraceStoreConfig {
            budget: shares[2].clone(),
            ..TraceStoreConfig::new(dir.path().join("traces"))
        })?,
        now_ms,
        is_over: AtomicBool::new(false),
        taken: Default::default(),
        refused: Default::default(),
    };
    let mut most = [0u64; 4];
    thread::scope(|scope| {
        let (stores, labels) = (&stores, &labels);
        let pushers = [
            scope.spawn(move || stores.push_metrics(labels)),
            scope.spawn(|| stores.push_lines()),
            scope.spawn(|| stores.push_spans()),
        ];
        let reader = scope.spawn(|| stores.read());
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut maintain_at = Instant::now();
        while Instant::now() < end && !pushers.iter().any(thread::ScopedJoinHandle::is_finished) {
            for (most, share) in most.iter_mut().zip(&shares) {
                *most = share.used().max(*most);
            }
            most[3] = pool.used().max(most[3]);
            if Instant::now() >= maintain_at {
                stores.metrics.maintain(stores.now_ms.load(Ordering::Relaxed));
                stores.logs.maintain(console_model::clock::now_ms());
                stores.traces.maintain(console_model::clock::now_ms());
                maintain_at = Instant::now() + Duration::from_secs(5);
            }
            thread::sleep(Duration::from_millis(5));
        }
        stores.is_over.store(true, Ordering::Relaxed);
        for pusher in pushers {
            pusher.join().map_err(|_| "a pusher panicked")??;
        }
        reader.join().map_err(|_| "the reader panicked")?.map_err(|e| e.to_string())?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    for (n, store) in ["metrics", "logs", "traces"].into_iter().enumerate() {
        println!(
            "{store:<8} {:>10} taken, {:>4} pushes refused, {:>5.1} MiB reserved at most",
            stores.taken[n].load(Ordering::Relaxed),
            stores.refused[n].load(Ordering::Relaxed),
            most[n] as f64 / f64::from(1 << 20)
        );
    }
    println!(
        "together {:.1} of {} MiB reserved at most; {:.1} MiB resident at most, of which the sender's series {:.1}; {} blocks, \
         {} and {} parts",
        most[3] as f64 / f64::from(1 << 20),
        limit >> 20,
        peak_kb().unwrap_or(0) as f64 / 1024.0,
        before as f64 / 1024.0,
        stores.metrics.stats().blocks,
        stores.logs.stats().parts,
        stores.traces.stats().parts
    );
    Ok(())
}
