//! What it costs to acknowledge a push only once it is on the disk: pushes a second and their latency with both modes of
//! `sync`, by how many push at once. `cargo run --release -p console-logstore --example sync_cost [seconds] [folder]`; the
//! folder should be on the disk that is asked about.

use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use console_blockkit::{SyncMode, SyncPolicy, SyncProbe};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    clock::now_ns,
    log::{LogEntry, LogStream},
};
use console_storage::{AppendError, logs::LogAppender};

const LINES: u64 = 20;

/// Counts syncs of the log.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl SyncProbe for Counter {
    fn before(&self, _: &std::path::Path) -> std::io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn push(store: &LogStore, pusher: usize) -> Result<(), AppendError> {
    let now = now_ns();
    let entry = |i: u64| LogEntry {
        t_ns: now + i as i64,
        line: format!("pusher {pusher} served request {i} of {now} in {} ms", now % 977),
        metadata: Vec::new(),
    };
    let labels = Labels::from_pairs([("app", "shop".to_owned()), ("pusher", pusher.to_string())]);
    store.append(vec![LogStream { labels, entries: (0..LINES).map(entry).collect() }]).map(|_| ())
}

/// Pushes for a while; answers the latencies of all pushes, rising, and the syncs.
fn run(
    parent: Option<&PathBuf>,
    mode: SyncMode,
    pushers: usize,
    seconds: f64,
) -> Result<(Vec<Duration>, u64), Box<dyn Error>> {
    let dir = match parent {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let counter = Arc::new(Counter::default());
    let sync = SyncPolicy { mode, probe: counter.clone() };
    let store = LogStore::open(LogStoreConfig { sync, ..LogStoreConfig::new(dir.path()) })?;
    let is_over = AtomicBool::new(false);
    let mut all = thread::scope(|scope| {
        let (store, is_over) = (&store, &is_over);
        let threads: Vec<_> = (0..pushers)
            .map(|pusher| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    while !is_over.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        push(store, pusher)?;
                        took.push(begun.elapsed());
                    }
                    Ok::<_, AppendError>(took)
                })
            })
            .collect();
        // As the console does once a second.
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < end {
            thread::sleep(Duration::from_secs(1).min(end.saturating_duration_since(Instant::now())));
            let _ = store.sync();
        }
        is_over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a pusher panicked")??);
        }
        Ok::<_, Box<dyn Error>>(all)
    })?;
    all.sort_unstable();
    Ok((all, counter.0.load(Ordering::Relaxed)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().map_or(Ok(5.0), |s| s.parse())?;
    let parent = arguments.next().map(PathBuf::from);
    println!("pushes of {LINES} lines, {seconds} s each");
    println!(
        "{:<9} {:>7} {:>10} {:>9} {:>13} {:>10} {:>10}",
        "sync", "at once", "pushes/s", "syncs/s", "pushes/sync", "median", "p99"
    );
    for mode in [SyncMode::Interval, SyncMode::Always] {
        for pushers in [1, 4, 16, 64] {
            let (took, syncs) = run(parent.as_ref(), mode, pushers, seconds)?;
            let at = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default();
            println!(
                "{:<9} {pushers:>7} {:>10.0} {:>9.1} {:>13.1} {:>10.1?} {:>10.1?}",
                format!("{mode:?}").to_lowercase(),
                took.len() as f64 / seconds,
                syncs as f64 / seconds,
                took.len() as f64 / syncs.max(1) as f64,
                at(0.5),
                at(0.99)
            );
        }
    }
    Ok(())
}
