//! What lines cost: MB a CPU-second for 1, 4 and 16 senders, bytes on disk, and times of queries over the result.
//! `cargo run --release -p console-logstore --example log_cost -- 256` (MB for each number of senders).

use std::{
    error::Error,
    fs,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::logs::{LogAppender as _, LogReader as _, Windows};

const NOW_MS: i64 = 1_700_000_000_000;
const NOW_NS: i64 = NOW_MS * 1_000_000;
/// The lines lie in so much time before now.
const SPAN_NS: i64 = 3_600_000_000_000;
const STREAMS: u64 = 40;
const PUSH_BYTES: usize = 1 << 20;
const MINUTE_NS: i64 = 60_000_000_000;

/// A small generator: the same lines on every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (self.0 >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }
}

fn line(noise: &mut Noise) -> String {
    match noise.below(4) {
        0 => format!(
            "10.{}.{}.{} - - \"GET /api/v1/products/{} HTTP/1.1\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" {}ms",
            noise.below(4),
            noise.below(256),
            noise.below(256),
            noise.below(5000),
            [200, 200, 200, 404, 500][noise.below(5) as usize],
            noise.below(90_000),
            noise.below(800),
        ),
        1 => format!(
            "{{\"level\":\"info\",\"msg\":\"order placed\",\"order_id\":\"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}\",\"amount_minor\":{},\"currency\":\"EUR\",\"items\":{},\"customer\":\"c-{}\"}}",
            noise.below(1 << 32),
            noise.below(1 << 16),
            noise.below(1 << 12),
            noise.below(1 << 12),
            noise.below(1 << 48),
            noise.below(100_000),
            noise.below(12),
            noise.below(20_000),
        ),
        2 => format!(
            "level=debug component=cache msg=\"lookup finished\" key=product:{} hit={} duration_us={} shard={}",
            noise.below(5000),
            noise.below(2) == 1,
            noise.below(4000),
            noise.below(16),
        ),
        _ => format!(
            "level=warn msg=\"retrying payment provider\" attempt={} backoff_ms={} trace_id={:016x}{:016x} span_id={:016x} error=\"connection reset by peer\"",
            noise.below(5),
            noise.below(3000),
            noise.next(),
            noise.next(),
            noise.next(),
        ),
    }
}

/// About a megabyte of lines of some streams.
fn push(noise: &mut Noise, at_ns: i64) -> Vec<LogStream> {
    let mut streams = Vec::new();
    let mut bytes = 0;
    while bytes < PUSH_BYTES {
        let n = noise.below(STREAMS);
        let pairs = [
            ("service_name", format!("service-{}", n % 10)),
            ("pod", format!("pod-{n}")),
            ("level", "info".to_owned()),
        ];
        let entries: Vec<LogEntry> = (0..400)
            .map(|i| {
                let metadata =
                    vec![("trace_id".to_owned(), format!("{:016x}{:016x}", noise.next(), noise.next()))];
                LogEntry { t_ns: at_ns + i * 1_000 + noise.below(900) as i64, line: line(noise), metadata }
            })
            .collect();
        bytes += entries.iter().map(|e| e.line.len()).sum::<usize>();
        streams.push(LogStream { labels: Labels::from_pairs(pairs), entries });
    }
    streams
}

fn cpu_seconds() -> f64 {
    // utime and stime of the process, in hundredths of a second.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn resident_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn timed<T>(what: &str, work: impl Fn() -> T) -> T {
    let mut best = f64::MAX;
    let mut answer = work();
    for _ in 0..5 {
        let began = Instant::now();
        answer = work();
        best = best.min(began.elapsed().as_secs_f64() * 1e3);
    }
    println!("  {what}: {best:.1} ms");
    answer
}

fn queries(store: &LogStore) -> Result<(), Box<dyn Error>> {
    let from = NOW_NS - SPAN_NS;
    let count = |hints: &[String]| {
        let n = AtomicU64::new(0);
        store
            .scan_unordered(&[], from, NOW_NS, hints, &|_, lines| {
                n.fetch_add(lines.len() as u64, Ordering::Relaxed);
                ControlFlow::Continue(())
            })
            .map(|_| n.into_inner())
    };
    let mut id = None;
    store.scan(&[], from, NOW_NS, Direction::Forward, &["trace_id=".to_owned()], &mut |_, e| {
        id = e.line.split("trace_id=").nth(1).and_then(|rest| rest.get(..32)).map(str::to_owned);
        ControlFlow::Break(())
    })?;
    let id = id.ok_or("no line has a trace id")?;
    println!("  found {}", timed("one trace id", || count(std::slice::from_ref(&id)))?);
    println!(
        "  found {}",
        timed("an id that is not there", || count(&["0123456789abcdef0123456789abcdee".to_owned()]))?
    );
    println!("  found {}", timed("all lines with a word", || count(&["retrying payment".to_owned()]))?);
    println!("  found {}", timed("all lines", || count(&[]))?);
    let windows = Windows { start_ns: from, step_ns: MINUTE_NS, count: (SPAN_NS / MINUTE_NS) as usize };
    println!("  streams {}", timed("volumes by minute", || store.volumes(&[], windows))?.len());
    let newest = || {
        let mut left = 1000;
        store.scan(&[], from, NOW_NS, Direction::Backward, &[], &mut |_, _| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    timed("newest 1,000 lines", newest)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: u64 = std::env::args().nth(1).map_or(Ok(256), |n| n.parse())?;
    for senders in [1u64, 4, 16] {
        let dir = tempfile::tempdir()?;
        let config = LogStoreConfig {
            clock: Arc::new(|| NOW_MS),
            min_free_bytes: 0,
            ..LogStoreConfig::new(dir.path())
        };
        let store = LogStore::open(config.clone())?;
        let (sent, making) = (AtomicU64::new(0), AtomicU64::new(0));
        let (began, cpu) = (Instant::now(), cpu_seconds());
        thread::scope(|scope| {
            for sender in 0..senders {
                let (store, sent, making) = (&store, &sent, &making);
                scope.spawn(move || {
                    let mut noise = Noise(sender + 1);
                    let pushes = megabytes / senders;
                    for n in 0..pushes {
                        let made = thread_cpu_ns();
                        let push = push(&mut noise, NOW_NS - SPAN_NS + SPAN_NS / pushes as i64 * n as i64);
                        making.fetch_add(thread_cpu_ns() - made, Ordering::Relaxed);
                        let bytes: usize = push.iter().flat_map(|s| &s.entries).map(|e| e.line.len()).sum();
                        if let Err(error) = store.append(push) {
                            println!("  refused: {error}");
                            continue;
                        }
                        sent.fetch_add(bytes as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        let wall = began.elapsed().as_secs_f64();
        store.flush()?;
        store.maintain(NOW_MS);
        let made = making.into_inner() as f64 / 1e9;
        let (cpu, mb) = (cpu_seconds() - cpu - made, sent.into_inner() as f64 / 1e6);
        let stats = store.stats();
        println!(
            "{senders} senders: {mb:.0} MB in {wall:.1} s; {:.1} MB a CPU-second with flushes and merges; disk {:.3} of it; {} lines, \
             {} parts, resident {} MB",
            mb / cpu,
            stats.disk_bytes as f64 / mb / 1e6,
            stats.entries,
            stats.parts,
            resident_mb(),
        );
        queries(&store)?;
        drop(store);
        let began = Instant::now();
        drop(LogStore::open(config)?);
        println!("  opened in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Time of this thread on a processor.
fn thread_cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}
