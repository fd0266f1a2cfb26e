//! What goes by age and by bytes.

use std::sync::Arc;

use console_blockkit::RetentionClock;
use console_logstore::LogStore;
use console_storage::logs::LogAppender;

use crate::{DAY_NS, NOW_MS, config, everything, open, stream};

const DAY_MS: i64 = DAY_NS / 1_000_000;

#[test]
fn a_part_goes_when_its_newest_line_is_past_the_retention() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![stream("a", &[(6 * DAY_MS, "old"), (DAY_MS, "newer"), (0, "new")])]).unwrap();
    store.flush().unwrap();
    // A part a day.
    assert_eq!((store.stats().parts, everything(&store).len()), (3, 3));
    store.maintain(NOW_MS + DAY_MS + 1);
    assert_eq!(everything(&store), ["newer", "new"]);
    assert_eq!((store.stats().dropped_parts, store.stats().entries), (1, 2));
    store.maintain(NOW_MS + 9 * DAY_MS);
    assert_eq!((everything(&store).len(), store.stats().streams), (0, 0));
}

#[test]
fn a_clock_that_jumps_ahead_drops_no_lines_and_refuses_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut jumping = config(dir.path());
    jumping.retention_clock = Arc::new(RetentionClock::guarded(DAY_MS, Some(NOW_MS)));
    jumping.clock = Arc::new(|| NOW_MS + 365 * DAY_MS);
    let store = LogStore::open(jumping).unwrap();
    let (taken, refused) = store.append(vec![stream("a", &[(DAY_MS, "old"), (0, "new")])]).unwrap();
    assert_eq!((taken.accepted, refused), (2, None));
    store.flush().unwrap();
    store.maintain(NOW_MS + 365 * DAY_MS);
    assert_eq!(everything(&store), ["old", "new"]);
}

#[test]
fn what_waited_for_long_leaves_memory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![stream("a", &[(1, "x")])]).unwrap();
    store.maintain(NOW_MS + 4 * 60_000);
    assert_eq!((store.stats().parts, store.stats().flushed_segments), (0, 0));
    store.maintain(NOW_MS + 6 * 60_000);
    let stats = store.stats();
    assert_eq!((stats.parts, stats.flushed_segments, stats.segments), (1, 1, 1));
}

#[test]
fn disk_and_memory_stay_inside_their_budgets_and_restart_holds_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    (small.max_head_bytes, small.max_bytes) = (60_000, 64 << 10);
    let store = LogStore::open(small.clone()).unwrap();
    for i in 0..5_000i64 {
        let line = format!("line number {i} {:x}", i.wrapping_mul(0x9e37_79b9_7f4a));
        store.append(vec![stream("a", &[(3_000_000 - i, &line)])]).unwrap();
        assert!(store.stats().memory_bytes < 200_000, "{:?}", store.stats());
        if i % 500 == 0 {
            store.maintain(NOW_MS);
        }
    }
    store.maintain(NOW_MS);
    let stats = store.stats();
    assert!(stats.disk_bytes <= 64 << 10 && stats.dropped_parts > 0, "{stats:?}");
    let held = everything(&store);
    assert!(held.len() > 100 && held.len() < 5_000 && held.last().unwrap().starts_with("line number 4999 "));
    drop(store);
    assert_eq!(everything(&LogStore::open(small).unwrap()), held);
}
