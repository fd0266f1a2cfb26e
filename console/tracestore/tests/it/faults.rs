//! Damage, a full disk, a kill between any two steps, and many at once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use console_blockkit::part::{PartProbe, PartStep};
use console_model::TimeRange;
use console_storage::{
    AppendError,
    traces::{SpanAppender, SpanReader},
};
use console_tracestore::{TraceStore, TraceStoreConfig};
use parking_lot::Mutex;

use crate::{NOW_MS, config, open, span, trace_id};

fn fill(store: &TraceStore, traces: std::ops::Range<u64>) {
    for t in traces {
        store.append((1..=5).map(|i| span(t, i, "a", 100_000 - t as i64)).collect()).unwrap();
    }
}

fn assert_whole(store: &TraceStore, traces: std::ops::Range<u64>, when: &str) {
    for t in traces {
        let spans = store.trace(trace_id(t)).unwrap().map(|t| t.spans.len());
        assert_eq!(spans, Some(5), "trace {t} {when}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Copies the store's folder before each step.
struct Snapshots {
    of: PathBuf,
    to: PathBuf,
    steps: Mutex<Vec<PartStep>>,
}

impl PartProbe for Snapshots {
    fn before(&self, step: PartStep) -> io::Result<()> {
        let mut steps = self.steps.lock();
        // Writes are many and alike.
        if step != PartStep::Write || !steps.len().is_multiple_of(7) {
            copy(&self.of, &self.to.join(steps.len().to_string()));
        }
        steps.push(step);
        Ok(())
    }
}

#[test]
fn a_kill_between_any_two_steps_loses_nothing_and_doubles_nothing() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let probe = Arc::new(Snapshots {
        of: dir.path().to_owned(),
        to: copies.path().to_owned(),
        steps: Mutex::default(),
    });
    let own = Arc::clone(&probe) as Arc<dyn PartProbe>;
    let store = TraceStore::open(TraceStoreConfig { probe: own, ..config(dir.path()) }).unwrap();
    for round in 0..4 {
        fill(&store, round * 10 + 1..round * 10 + 11);
        store.flush().unwrap();
    }
    store.maintain(NOW_MS);
    assert_eq!(store.stats().parts, 1, "four small parts are merged");
    drop(store);
    let steps = probe.steps.lock().clone();
    let mut rounds = 0;
    for (n, step) in steps.iter().enumerate() {
        let copy = copies.path().join(n.to_string());
        if copy.exists() {
            let begun = steps[..=n].iter().filter(|s| **s == PartStep::Create).count() as u64;
            rounds = begun.min(4);
            let store = open(&copy);
            assert_whole(&store, 1..rounds * 10 + 1, &format!("before step {n}, {step:?}"));
            assert_eq!(store.stats().spans, rounds * 50, "before step {n}, {step:?}");
        }
    }
    assert_eq!(rounds, 4);
    assert!(steps.contains(&PartStep::RemovePart) && steps.contains(&PartStep::RemoveSegments));
}

/// The disk is full while the switch is on.
#[derive(Default)]
struct Full(AtomicBool);

impl PartProbe for Full {
    fn before(&self, step: PartStep) -> io::Result<()> {
        if step == PartStep::Write && self.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

#[test]
fn a_full_disk_refuses_pushes_with_the_reason_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let full = Arc::new(Full::default());
    let probe = Arc::clone(&full) as Arc<dyn PartProbe>;
    let small = TraceStoreConfig { probe, max_head_bytes: 50_000, ..config(dir.path()) };
    let store = TraceStore::open(small).unwrap();
    full.0.store(true, Ordering::Relaxed);
    let mut refused = None;
    let mut taken = 0;
    for t in 1..500u64 {
        match store.append((1..=5).map(|i| span(t, i, "a", 100)).collect()) {
            Ok(_) => taken = t,
            Err(e) => {
                refused = Some(e);
                break;
            }
        }
    }
    let Some(AppendError::Busy { reason, retry_after_s }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("the disk is full") && reason.contains("max_head_bytes"), "{reason}");
    assert!(retry_after_s > 0 && taken > 10);
    assert_whole(&store, 1..taken + 1, "while the disk is full");
    full.0.store(false, Ordering::Relaxed);
    fill(&store, 1000..1010);
    assert!(store.stats().parts > 0);
    assert_whole(&store, 1..taken + 1, "afterwards");
    drop(store);
    assert_whole(&open(dir.path()), 1..taken + 1, "after a start");
}

fn only_part(dir: &Path) -> PathBuf {
    let parts = fs::read_dir(dir.join("parts")).unwrap().map(|e| e.unwrap().path());
    let mut parts: Vec<PathBuf> = parts.filter(|p| p.extension().is_some_and(|e| e == "part")).collect();
    assert_eq!(parts.len(), 1);
    parts.remove(0)
}

#[test]
fn a_flipped_byte_anywhere_costs_that_part_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1..30);
    store.flush().unwrap();
    fill(&store, 100..110);
    drop(store);
    let path = only_part(dir.path());
    let good = fs::read(&path).unwrap();
    let range = TimeRange { start_ms: NOW_MS - 200_000, end_ms: NOW_MS + 1 };
    let (mut whole, mut lost) = (0, 0);
    for at in (0..good.len()).step_by(good.len() / 150 + 1) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let store = open(dir.path());
        for t in 1..30 {
            // Nothing, or all of it: never something else.
            if let Some(trace) = store.trace(trace_id(t)).unwrap() {
                let mut expected: Vec<_> = (1..=5).map(|i| span(t, i, "a", 100_000 - t as i64)).collect();
                expected.sort_by_key(|s| (s.start_ns, s.span_id));
                assert_eq!(trace.spans, expected, "byte {at}");
                whole += 1;
            }
        }
        let mut seen = 0;
        store
            .scan(range, Some("a"), &mut |trace| {
                seen += 1;
                assert_eq!(trace.spans.len(), 5);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert!(seen >= 10, "byte {at}");
        store.tag_names(range).unwrap();
        assert_whole(&store, 100..110, "beside a damaged part");
        store.maintain(NOW_MS);
        if store.stats().damaged_parts > 0 {
            lost += 1;
            assert_eq!(store.stats().parts, 0);
            assert!(!path.exists());
            let aside = path.with_extension("damaged");
            assert!(aside.exists());
            fs::remove_file(aside).unwrap();
        }
        assert_whole(&store, 100..110, "after a damaged part is gone");
    }
    assert!(lost > 100, "{lost} damaged, {whole} whole");
}

#[test]
fn appenders_readers_and_the_threads_of_the_store_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let small = TraceStoreConfig {
        background: true,
        max_head_bytes: 150_000,
        segment_bytes: 32 << 10,
        max_wait_ms: 60_000,
        ..config(dir.path())
    };
    let store = TraceStore::open(small).unwrap();
    let range = TimeRange { start_ms: NOW_MS - 200_000, end_ms: NOW_MS + 1 };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3u64)
            .map(|w| {
                let store = &store;
                // Each trace comes in two pushes: some halves meet only on disk.
                scope.spawn(move || {
                    for t in 0..150 {
                        let t = 1 + w * 1000 + t;
                        store.append((1..=3).map(|i| span(t, i, "a", 100_000)).collect()).unwrap();
                        if t > 20 {
                            store.append((4..=5).map(|i| span(t - 20, i, "a", 100_000)).collect()).unwrap();
                        }
                    }
                })
            })
            .collect();
        while !writers.iter().all(|w| w.is_finished()) {
            let mut last = 0;
            store
                .scan(range, None, &mut |trace| {
                    assert!(trace.spans.len() <= 5);
                    last += 1;
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            store.maintain(NOW_MS);
        }
    });
    assert!(store.stats().parts > 0);
    for w in 0..3 {
        for t in 0..130 {
            let t = 1 + w * 1000 + t;
            assert_eq!(store.trace(trace_id(t)).unwrap().unwrap().spans.len(), 5, "trace {t}");
        }
    }
}
