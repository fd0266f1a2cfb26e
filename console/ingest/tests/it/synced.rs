//! Stores that acknowledge what is on the disk, on disks that lose everything else, and on disks that fail.

use std::{
    collections::BTreeSet,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use console_blockkit::{SyncMode, SyncPolicy, SyncProbe};
use console_logstore::{LogStore, LogStoreConfig};
use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
    metric::Sample,
    span::{Span, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::{
    AppendError,
    logs::{LogAppender, LogReader},
    metrics::{SampleAppender, SeriesBatch, SeriesReader},
    traces::{SpanAppender, SpanReader},
};
use console_tracestore::{TraceStore, TraceStoreConfig};
use console_tsdb::{Tsdb, TsdbConfig};

const NOW_MS: i64 = 1_700_000_000_000;

/// A disk that has of a log only what was synced.
#[derive(Debug)]
struct Disk {
    image: PathBuf,
    syncs: AtomicUsize,
    is_failing: AtomicBool,
    /// One copy at a time: a later one has all of an earlier one.
    copying: Mutex<()>,
}

impl SyncProbe for Disk {
    fn before(&self, segment: &Path) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("told to fail"));
        }
        let _one = self.copying.lock().unwrap();
        let bytes = fs::read(segment)?;
        thread::sleep(Duration::from_millis(1));
        fs::write(self.image.join(segment.file_name().unwrap()), bytes)
    }
}

/// A store of numbers.
trait Numbers: Send + Sync {
    fn push(&self, number: i64) -> Result<(), AppendError>;
    fn all(&self) -> BTreeSet<i64>;
    /// As it is called once a second.
    fn sync(&self) -> bool;
}

impl Numbers for LogStore {
    fn push(&self, number: i64) -> Result<(), AppendError> {
        let entry =
            LogEntry { t_ns: (NOW_MS + number) * 1_000_000, line: number.to_string(), metadata: Vec::new() };
        let stream = LogStream { labels: Labels::from_pairs([("app", "shop")]), entries: vec![entry] };
        let (outcome, reason) = self.append(vec![stream])?;
        assert_eq!(outcome.accepted, 1, "{reason:?}");
        Ok(())
    }

    fn all(&self) -> BTreeSet<i64> {
        let mut out = BTreeSet::new();
        self.scan(&[], i64::MIN, i64::MAX, Direction::Forward, &[], &mut |_, entry| {
            assert!(out.insert(entry.line.parse().unwrap()), "a line is there twice");
            ControlFlow::Continue(())
        })
        .unwrap();
        out
    }

    fn sync(&self) -> bool {
        self.sync().is_ok()
    }
}

impl Numbers for Tsdb {
    fn push(&self, number: i64) -> Result<(), AppendError> {
        // Threads push numbers of their own hundred: a series each, or they would be late.
        let labels = Labels::from_pairs([("__name__", "n".to_owned()), ("of", (number / 100).to_string())]);
        let sample = Sample { t_ms: NOW_MS + number, v: number as f64 };
        let (outcome, reason) = self.append(&[SeriesBatch::floats(labels, vec![sample])])?;
        assert_eq!(outcome.accepted, 1, "{reason:?}");
        Ok(())
    }

    fn all(&self) -> BTreeSet<i64> {
        let name = Matcher { name: "__name__".into(), op: MatchOp::Equal, value: "n".into() };
        let series = self.select(&[name], i64::MIN, i64::MAX, 1_000_000).unwrap();
        let samples: Vec<i64> = series.iter().flat_map(|s| &s.samples).map(|s| s.v as i64).collect();
        let out: BTreeSet<i64> = samples.iter().copied().collect();
        assert_eq!(out.len(), samples.len(), "a sample is there twice");
        out
    }

    fn sync(&self) -> bool {
        self.sync().is_ok()
    }
}

impl Numbers for TraceStore {
    fn push(&self, number: i64) -> Result<(), AppendError> {
        let span = Span {
            trace_id: TraceId(u128::from(number as u64 + 1).to_be_bytes()),
            span_id: SpanId([1; 8]),
            parent_span_id: None,
            service: "shop".to_owned(),
            name: number.to_string(),
            kind: SpanKind::Server,
            start_ns: (NOW_MS + number) * 1_000_000,
            duration_ns: 1,
            status: SpanStatus::Unset,
            status_message: String::new(),
            attributes: Vec::new(),
            resource: Vec::new(),
            scope_name: String::new(),
            scope_version: String::new(),
            scope_attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        };
        let (outcome, reason) = self.append(vec![span])?;
        assert_eq!(outcome.accepted, 1, "{reason:?}");
        Ok(())
    }

    fn all(&self) -> BTreeSet<i64> {
        let mut out = BTreeSet::new();
        let range = TimeRange { start_ms: 0, end_ms: i64::MAX / 2_000_000 };
        self.scan(range, None, &mut |trace| {
            assert_eq!(trace.spans.len(), 1);
            assert!(out.insert(trace.spans[0].name.parse().unwrap()));
            ControlFlow::Continue(())
        })
        .unwrap();
        out
    }

    fn sync(&self) -> bool {
        self.sync().is_ok()
    }
}

type Open = fn(&Path, SyncPolicy) -> Box<dyn Numbers>;

fn logs(dir: &Path, sync: SyncPolicy) -> Box<dyn Numbers> {
    let clock: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(|| NOW_MS);
    Box::new(LogStore::open(LogStoreConfig { sync, clock, ..LogStoreConfig::new(dir) }).unwrap())
}

fn metrics(dir: &Path, sync: SyncPolicy) -> Box<dyn Numbers> {
    Box::new(Tsdb::open(TsdbConfig { sync, clock: Arc::new(|| NOW_MS), ..TsdbConfig::new(dir) }).unwrap())
}

fn traces(dir: &Path, sync: SyncPolicy) -> Box<dyn Numbers> {
    let clock: Arc<dyn Fn() -> i64 + Send + Sync> = Arc::new(|| NOW_MS);
    Box::new(TraceStore::open(TraceStoreConfig { sync, clock, ..TraceStoreConfig::new(dir) }).unwrap())
}

/// Every store, where it keeps what it does not keep in its log.
const STORES: [(&str, Open, &str); 3] =
    [("logs", logs, "parts"), ("metrics", metrics, "blocks"), ("traces", traces, "parts")];

struct Machine {
    dir: tempfile::TempDir,
    image: tempfile::TempDir,
    disk: Arc<Disk>,
    open: Open,
    parts: &'static str,
    store: Box<dyn Numbers>,
}

impl Machine {
    fn new((_, open, parts): (&str, Open, &'static str), mode: SyncMode) -> Self {
        let (dir, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (syncs, is_failing) = (0.into(), false.into());
        let disk =
            Arc::new(Disk { image: image.path().to_owned(), syncs, is_failing, copying: Mutex::default() });
        let probe: Arc<dyn SyncProbe> = disk.clone();
        let store = open(dir.path(), SyncPolicy { mode, probe });
        Self { dir, image, disk, open, parts, store }
    }

    fn fail(&self, is_failing: bool) {
        self.disk.is_failing.store(is_failing, Ordering::SeqCst);
    }

    /// What is there after a power cut. Parts and blocks are synced before they have their names.
    fn after_power_cut(&self) -> BTreeSet<i64> {
        let parts = self.image.path().join(self.parts);
        fs::create_dir_all(&parts).unwrap();
        for file in fs::read_dir(self.dir.path().join(self.parts)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), parts.join(file.file_name())).unwrap();
        }
        (self.open)(self.image.path(), SyncPolicy::default()).all()
    }
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged_and_pushes_share_syncs() {
    for store in STORES {
        let machine = Machine::new(store, SyncMode::Always);
        let before = machine.disk.syncs.load(Ordering::SeqCst);
        thread::scope(|scope| {
            for thread in 0..8 {
                let store = &machine.store;
                scope.spawn(move || (0..50).for_each(|i| store.push(thread * 100 + i).unwrap()));
            }
        });
        let wanted: BTreeSet<i64> = (0..8).flat_map(|t| (0..50).map(move |i| t * 100 + i)).collect();
        let syncs = machine.disk.syncs.load(Ordering::SeqCst) - before;
        assert_eq!(machine.after_power_cut(), wanted, "{}", store.0);
        assert!(syncs < 300, "{}: {syncs} syncs for 400 pushes", store.0);
    }
}

#[test]
fn with_an_interval_a_power_cut_takes_what_came_since_the_last_sync() {
    for store in STORES {
        let machine = Machine::new(store, SyncMode::Interval);
        machine.store.push(1).unwrap();
        assert!(machine.store.sync());
        machine.store.push(2).unwrap();
        assert_eq!(machine.after_power_cut(), BTreeSet::from([1]), "{}", store.0);
    }
}

#[test]
fn a_failed_sync_refuses_the_push_and_what_is_sent_again_is_really_there() {
    for store in STORES {
        let name = store.0;
        let machine = Machine::new(store, SyncMode::Always);
        (0..10).for_each(|n| machine.store.push(n).unwrap());
        machine.fail(true);
        for _ in 0..3 {
            let refused = machine.store.push(10);
            assert!(
                matches!(&refused, Err(AppendError::Busy { reason, .. }) if reason.contains("told to fail")),
                "{name}: {refused:?}"
            );
        }
        machine.fail(false);
        // The store has it in memory: that alone must not be a reason to acknowledge it.
        machine.store.push(10).unwrap();
        machine.store.push(11).unwrap();
        let wanted: BTreeSet<i64> = (0..12).collect();
        assert_eq!(machine.store.all(), wanted, "{name}");
        assert_eq!(machine.after_power_cut(), wanted, "{name}");
    }
}

#[test]
fn a_sync_that_fails_once_is_told_and_loses_nothing_that_comes_before_the_next() {
    for store in STORES {
        let name = store.0;
        let machine = Machine::new(store, SyncMode::Interval);
        (0..5).for_each(|n| machine.store.push(n).unwrap());
        machine.fail(true);
        assert!(!machine.store.sync(), "{name}");
        machine.fail(false);
        (5..8).for_each(|n| machine.store.push(n).unwrap());
        assert!(machine.store.sync(), "{name}");
        assert_eq!(machine.after_power_cut(), (0..8).collect(), "{name}");
    }
}
