//! Stores that share one memory.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use console_blockkit::{MemoryBudget, MemoryPool};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels,
    clock::now_ms,
    log::{LogEntry, LogStream},
    metric::Sample,
    span::{Span, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::{
    AppendError,
    logs::LogAppender,
    metrics::{SampleAppender, SeriesBatch},
    traces::SpanAppender,
};
use console_tracestore::{TraceStore, TraceStoreConfig};
use console_tsdb::{
    Tsdb, TsdbConfig,
    block::{BlockProbe, BlockStep},
};

const MIB: u64 = 1 << 20;

struct Stores {
    pool: Arc<MemoryPool>,
    /// Of metrics, logs and traces.
    shares: [Arc<MemoryBudget>; 3],
    metrics: Tsdb,
    logs: LogStore,
    traces: TraceStore,
    _dir: tempfile::TempDir,
}

/// Bounds of their own are far away.
fn stores(limit: u64, share: u64) -> Stores {
    let dir = tempfile::tempdir().unwrap();
    let pool = MemoryPool::new(limit);
    let shares: [Arc<MemoryBudget>; 3] = std::array::from_fn(|_| pool.share(share).unwrap());
    let metrics = TsdbConfig {
        budget: shares[0].clone(),
        min_flush_ms: 0,
        ..TsdbConfig::new(dir.path().join("metrics"))
    };
    let logs = LogStoreConfig {
        budget: shares[1].clone(),
        max_head_bytes: 1 << 40,
        ..LogStoreConfig::new(dir.path().join("logs"))
    };
    let traces = TraceStoreConfig {
        budget: shares[2].clone(),
        max_head_bytes: 1 << 40,
        ..TraceStoreConfig::new(dir.path().join("traces"))
    };
    Stores {
        metrics: Tsdb::open(metrics).unwrap(),
        logs: LogStore::open(logs).unwrap(),
        traces: TraceStore::open(traces).unwrap(),
        pool,
        shares,
        _dir: dir,
    }
}

/// Numbers that no compressor makes smaller.
fn noise(n: u64) -> u64 {
    let x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Stores {
    /// About 100 kB of lines.
    fn push_lines(&self, n: u64) -> Result<u64, AppendError> {
        let entry = |i: u64| LogEntry {
            t_ns: now_ms() * 1_000_000 + i as i64,
            line: format!("{n} {i} {}", "x".repeat(900)),
            metadata: Vec::new(),
        };
        let entries = (0..100).map(entry).collect();
        let stream = LogStream { labels: Labels::from_pairs([("app", "shop")]), entries };
        Ok(self.logs.append(vec![stream])?.0.accepted)
    }

    /// As many spans as lines.
    fn push_spans(&self, n: u64) -> Result<u64, AppendError> {
        let span = |i: u64| Span {
            trace_id: TraceId(u128::from(n * 1000 + i + 1).to_be_bytes()),
            span_id: SpanId([1; 8]),
            parent_span_id: None,
            service: "shop".to_owned(),
            name: "x".repeat(400),
            kind: SpanKind::Server,
            start_ns: now_ms() * 1_000_000,
            duration_ns: 1,
            status: SpanStatus::Unset,
            status_message: format!("{i} {}", "y".repeat(400)),
            attributes: Vec::new(),
            resource: Vec::new(),
            scope_name: String::new(),
            scope_version: String::new(),
            scope_attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        };
        Ok(self.traces.append((0..100).map(span).collect())?.0.accepted)
    }

    /// Samples that take about 100 kB.
    fn push_samples(&self, n: u64) -> Result<u64, AppendError> {
        let base = now_ms() - 3_000_000;
        let part = |series: u64| {
            let labels =
                Labels::from_pairs([("__name__", "noise".to_owned()), ("series", series.to_string())]);
            let sample = |i: u64| Sample {
                t_ms: base + (n * 100 + i) as i64,
                v: f64::from_bits(noise(n * 10_000 + series * 100 + i) >> 3 | 1 << 62),
            };
            SeriesBatch::floats(labels, (0..100).map(sample).collect())
        };
        Ok(self.metrics.append(&(0..100).map(part).collect::<Vec<_>>())?.0.accepted)
    }
}

#[test]
fn a_store_without_room_writes_what_it_has_and_goes_on() {
    let stores = stores(6 * MIB, MIB);
    for n in 0..120 {
        assert_eq!(stores.push_lines(n).unwrap(), 100);
        assert_eq!(stores.push_spans(n).unwrap(), 100);
        assert_eq!(stores.push_samples(n).unwrap(), 10_000);
        // Series are counted when they are there, and one push may be over.
        assert!(stores.pool.used() <= 7 * MIB, "push {n}: {} bytes", stores.pool.used());
    }
    let (m, l, t) = (stores.metrics.stats(), stores.logs.stats(), stores.traces.stats());
    assert!(m.blocks > 0 && l.parts > 0 && t.parts > 0, "{m:?} {l:?} {t:?}");
    assert_eq!((m.samples, l.entries, t.spans), (1_200_000, 12_000, 12_000));
    let Stores { pool, shares, metrics, logs, traces, .. } = stores;
    drop((metrics, logs, traces));
    assert_eq!((pool.used(), shares.map(|s| s.used())), (0, [0; 3]), "given back with the stores");
}

#[test]
fn a_store_that_holds_all_that_is_left_over_keeps_no_other_from_its_part() {
    let stores = stores(6 * MIB, MIB);
    for greedy in 0..3 {
        // Its own, and what nobody was promised.
        let held = stores.shares[greedy].reserve_over(4 * MIB);
        for n in 0..30 {
            let n = n + 1000 * greedy as u64;
            if greedy != 1 {
                assert_eq!(stores.push_lines(n).unwrap(), 100);
            }
            if greedy != 2 {
                assert_eq!(stores.push_spans(n).unwrap(), 100);
            }
            if greedy != 0 {
                assert_eq!(stores.push_samples(n).unwrap(), 10_000);
            }
        }
        drop(held);
    }
}

#[test]
fn many_writers_of_all_stores_never_wait_for_each_other_for_ever() {
    let stores = stores(6 * MIB, MIB);
    let (done, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..9u64 {
            let (stores, done, refused) = (&stores, &done, &refused);
            scope.spawn(move || {
                for n in 0..30 {
                    let n = thread * 1000 + n;
                    let pushed = match thread % 3 {
                        0 => stores.push_lines(n),
                        1 => stores.push_spans(n),
                        // Late samples of other threads are refused one by one.
                        _ => stores.push_samples(n % 30).map(|_| 1),
                    };
                    match pushed {
                        Ok(_) => done.fetch_add(1, Ordering::Relaxed),
                        Err(AppendError::Busy { retry_after_s, .. }) if retry_after_s > 0 => {
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(e) => panic!("{e}"),
                    };
                }
            });
        }
    });
    assert_eq!(done.load(Ordering::Relaxed) + refused.load(Ordering::Relaxed), 270);
    assert!(done.load(Ordering::Relaxed) >= 200, "{refused:?} of 270 were refused");
    assert!(stores.pool.used() <= 8 * MIB);
}

/// Blocks cannot be written while told so.
#[derive(Default)]
struct Full(AtomicBool);

impl BlockProbe for Full {
    fn before(&self, step: BlockStep) -> std::io::Result<()> {
        let is_write = matches!(step, BlockStep::Create | BlockStep::Write);
        if is_write && self.0.load(Ordering::Relaxed) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

#[test]
fn a_write_that_finds_no_room_and_can_make_none_is_told_to_come_again() {
    let mut stores = stores(6 * MIB, MIB);
    let probe = Arc::new(Full::default());
    probe.0.store(true, Ordering::Relaxed);
    let dir = tempfile::tempdir().unwrap();
    stores.metrics = Tsdb::open(TsdbConfig {
        budget: stores.shares[0].clone(),
        min_flush_ms: 0,
        probe: probe.clone(),
        ..TsdbConfig::new(dir.path())
    })
    .unwrap();
    let refused = (0..1000).find_map(|n| stores.push_samples(n).err());
    let Some(AppendError::Busy { reason, retry_after_s }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("memory of all stores (6291456 bytes)") && reason.contains("block"), "{reason}");
    assert!(retry_after_s > 0);
    probe.0.store(false, Ordering::Relaxed);
    assert_eq!(stores.push_samples(1000).unwrap(), 10_000);
}
