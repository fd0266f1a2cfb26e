//! Pushes, readings, flushes and merges at once.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use console_logstore::LogStore;
use console_model::log::Direction;
use console_storage::logs::{LogAppender, LogReader};

use crate::{NOW_MS, NOW_NS, config, everything, stream};

const SENDERS: i64 = 4;
const PUSHES: i64 = 300;

#[test]
fn a_reading_among_pushes_sees_what_was_acknowledged_before_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.max_head_bytes = 100_000;
    let store = LogStore::open(small.clone()).unwrap();
    let (acknowledged, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (store, acknowledged) = (&store, &acknowledged);
                scope.spawn(move || {
                    for i in 0..PUSHES {
                        // Two senders share a stream.
                        let line = format!("{sender} {i} {}", "x".repeat(100));
                        let push = || vec![stream(&(sender % 2).to_string(), &[(10_000 - i * 7, &line)])];
                        store.append(push()).unwrap();
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        if i % 10 == 0 {
                            // A retry.
                            store.append(push()).unwrap();
                        }
                    }
                })
            })
            .collect();
        let maintenance = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                store.maintain(NOW_MS);
            }
        });
        while senders.iter().any(|s| !s.is_finished()) {
            let before = acknowledged.load(Ordering::SeqCst);
            let mut lines = everything(&store);
            let counted = AtomicU64::new(0);
            store
                .scan_unordered(&[], 0, NOW_NS + 1, &[], &|_, lines| {
                    counted.fetch_add(lines.len() as u64, Ordering::Relaxed);
                    ControlFlow::Continue(())
                })
                .unwrap();
            let n = lines.len() as u64;
            assert!(n >= before && counted.load(Ordering::Relaxed) >= n);
            lines.sort();
            lines.dedup();
            assert_eq!(lines.len() as u64, n, "a line came twice");
        }
        done.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.join().unwrap();
        }
        maintenance.join().unwrap();
    });
    let total = (SENDERS * PUSHES) as usize;
    assert_eq!(everything(&store).len(), total);
    assert!(store.stats().parts > 0);
    drop(store);
    let store = LogStore::open(small).unwrap();
    let mut backward = 0;
    store
        .scan(&[], 0, NOW_NS + 1, Direction::Backward, &[], &mut |_, _| {
            backward += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(backward, total);
}
