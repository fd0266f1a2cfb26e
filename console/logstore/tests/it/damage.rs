//! Flipped bits on disk: each is found, named and counted; no line is ever wrong.

use std::{collections::BTreeSet, fs, ops::ControlFlow};

use console_logstore::LogStore;
use console_model::log::{Direction, LogEntry, LogStream};
use console_storage::{StorageError, logs::LogAppender, logs::LogReader};

use crate::{NOW_MS, NOW_NS, config, copy, everything, files, open, stream};

/// Lines of the store, or that it must be asked again.
fn read(store: &LogStore) -> Result<BTreeSet<String>, StorageError> {
    let mut out = BTreeSet::new();
    store.scan(&[], 0, i64::MAX, Direction::Forward, &[], &mut |_, e| {
        out.insert(format!("{} {:?}", e.line, e.metadata));
        ControlFlow::Continue(())
    })?;
    Ok(out)
}

fn fill(store: &LogStore) {
    for part in 0..2 {
        let mut push = stream("a", &[]);
        push.entries = (0..40i64)
            .map(|i| LogEntry {
                t_ns: NOW_NS - (part * 100 + i) * 1_000_000,
                line: format!("line {part} {i}"),
                metadata: vec![("n".into(), (i * 7919).to_string())],
            })
            .collect();
        store.append(vec![push, stream("b", &[(part * 100, "other")])]).unwrap();
        store.flush().unwrap();
    }
    store.append(vec![stream("a", &[(500, "in the log")])]).unwrap();
}

#[test]
fn a_flipped_bit_in_any_byte_costs_no_more_than_its_file_and_changes_no_line() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let whole = read(&open(dir.path())).unwrap();
    assert_eq!(whole.len(), 82);
    let part = files(dir.path(), "part").remove(0);
    let good = fs::read(&part).unwrap();
    for at in 0..good.len() {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(copied.path().join("parts").join(part.file_name().unwrap()), bad).unwrap();
        let store = open(copied.path());
        // A reading that has visited something before it meets the damage says so; the next one is whole.
        let found = read(&store)
            .or_else(|e| if e == StorageError::ReadAgain { read(&store) } else { Err(e) })
            .unwrap();
        assert!(found.is_subset(&whole) && found.contains("in the log []"), "byte {at}");
        store.maintain(NOW_MS);
        if found.len() < whole.len() {
            assert_eq!((found.len(), store.stats().damaged_parts), (42, 1), "byte {at}");
            assert_eq!(files(copied.path(), "damaged").len(), 1, "byte {at}");
        } else {
            // Only the filters are not read by a search for everything; nor for a block that is decoded already.
            drop(store);
            let store = open(copied.path());
            let hints = ["no such line anywhere".to_owned()];
            let mut seen = 0;
            let mut count = |_: &_, _: &_| {
                seen += 1;
                ControlFlow::Continue(())
            };
            store.scan(&[], 0, i64::MAX, Direction::Forward, &hints, &mut count).unwrap();
            store.maintain(NOW_MS);
            assert_eq!((seen, store.stats().damaged_parts), (0, 1), "byte {at}");
        }
    }
}

#[test]
fn a_flipped_bit_in_the_log_costs_what_lies_behind_it_at_most() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let log = files(dir.path(), "wal").pop().unwrap();
    let good = fs::read(&log).unwrap();
    for at in 8..good.len() {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(copied.path().join(log.file_name().unwrap()), bad).unwrap();
        let store = open(copied.path());
        let lines = everything(&store);
        assert!(lines.len() == 82 && !lines.contains(&"in the log".to_owned()), "byte {at}");
        store.append(vec![stream("a", &[(1, "after")])]).unwrap();
        drop(store);
        assert_eq!(everything(&open(copied.path())).len(), 83);
    }
}

#[test]
fn a_torn_end_of_the_log_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let log = files(dir.path(), "wal").pop().unwrap();
    let good = fs::read(&log).unwrap();
    for length in 0..good.len() {
        fs::write(&log, &good[..length]).unwrap();
        assert_eq!(everything(&LogStore::open(config(dir.path())).unwrap()).len(), 82, "cut at {length}");
    }
}

#[test]
fn damage_while_reading_is_told_once_and_then_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let push = |age: i64, n: i64| LogStream {
        entries: (0..n).map(|i| stream("a", &[(age - i, &format!("{age} {i}"))]).entries.remove(0)).collect(),
        ..stream("a", &[])
    };
    store.append(vec![push(9_000, 50)]).unwrap();
    store.flush().unwrap();
    store.append(vec![push(1_000, 50)]).unwrap();
    store.flush().unwrap();
    let newer = files(dir.path(), "part").pop().unwrap();
    let mut bytes = fs::read(&newer).unwrap();
    bytes[12] ^= 1;
    fs::write(&newer, bytes).unwrap();
    assert_eq!(read(&store), Err(StorageError::ReadAgain));
    assert_eq!(read(&store).unwrap().len(), 50);
    store.maintain(NOW_MS);
    assert_eq!(store.stats().damaged_parts, 1);
}
