//! What the store accepts, finds and drops.

use std::ops::ControlFlow;

use console_logstore::{LogStore, codec};
use console_model::{
    Labels, MatchOp, Matcher, TimeRange,
    log::{Direction, LogEntry, LogStream},
};
use console_storage::{
    AppendError, StorageError,
    logs::{LogAppender, LogReader},
};

use crate::{NOW_MS, NOW_NS, config, everything, open, stream};

fn lines(store: &LogStore, matchers: &[Matcher], direction: Direction, hints: &[&str]) -> Vec<String> {
    let hints: Vec<String> = hints.iter().map(|h| (*h).to_owned()).collect();
    let mut out = Vec::new();
    store
        .scan(matchers, NOW_NS - 3_600_000_000_000, NOW_NS, direction, &hints, &mut |_, e| {
            out.push(e.line.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    out
}

#[test]
fn lines_of_all_streams_come_in_one_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store
        .append(vec![stream("orders", &[(50, "o1"), (30, "o2")]), stream("payments", &[(40, "p1")])])
        .unwrap();
    // Late, and at the same time as another line.
    store.append(vec![stream("orders", &[(45, "o3"), (40, "o4")])]).unwrap();
    let forward = ["o1", "o3", "o4", "p1", "o2"];
    assert_eq!(everything(&store), forward);
    let backward = lines(&store, &[], Direction::Backward, &[]);
    assert_eq!(backward, ["o2", "o4", "p1", "o3", "o1"]);
    drop(store);
    assert_eq!(everything(&open(dir.path())), forward);
}

#[test]
fn blocks_and_heads_merge_in_both_directions() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    (small.max_head_bytes, small.segment_bytes) = (20_000, 2_000);
    let store = LogStore::open(small).unwrap();
    // Every push jumps between now and long ago, so that blocks overlap in time.
    for i in 0..200i64 {
        let (a, b) = (1_000_000 - i * 37 % 1000, 2_000_000 - i * 91 % 1000);
        store.append(vec![stream("a", &[(a, &format!("a{i}")), (b, &format!("b{i}"))])]).unwrap();
    }
    let mut times = Vec::new();
    for direction in [Direction::Forward, Direction::Backward] {
        times.clear();
        store
            .scan(&[], NOW_NS - 3_600_000_000_000, NOW_NS, direction, &[], &mut |_, e| {
                times.push(e.t_ns);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(times.len(), 400);
        assert!(match direction {
            Direction::Forward => times.is_sorted(),
            Direction::Backward => times.is_sorted_by(|a, b| a >= b),
        });
    }
}

#[test]
fn the_range_is_half_open_and_the_visitor_may_stop() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![stream("a", &[(30, "1"), (20, "2"), (10, "3")])]).unwrap();
    let mut seen = Vec::new();
    let at = |age: i64| NOW_NS - age * 1_000_000;
    let bytes = store
        .scan(&[], at(30), at(10), Direction::Forward, &[], &mut |_, e| {
            seen.push(e.line.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((seen.as_slice(), bytes), (["1".to_owned(), "2".to_owned()].as_slice(), 2));
    seen.clear();
    store
        .scan(&[], at(100), at(0), Direction::Backward, &[], &mut |_, e| {
            seen.push(e.line.clone());
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(seen, ["3"]);
}

#[test]
fn the_same_line_at_the_same_time_is_stored_once_even_after_compression_and_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.max_head_bytes = 5_000;
    let push: Vec<(i64, String)> = (0..50).map(|i| (1000 - i, format!("line {i}"))).collect();
    let push: Vec<(i64, &str)> = push.iter().map(|(t, l)| (*t, l.as_str())).collect();
    let store = LogStore::open(small.clone()).unwrap();
    for _ in 0..3 {
        store.append(vec![stream("a", &push)]).unwrap();
    }
    assert_eq!(everything(&store).len(), 50);
    drop(store);
    let store = LogStore::open(small).unwrap();
    store.append(vec![stream("a", &push)]).unwrap();
    assert_eq!(everything(&store).len(), 50);
}

#[test]
fn matchers_choose_streams() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![stream("orders", &[(1, "o")]), stream("payments", &[(2, "p")])]).unwrap();
    let m = |op, value: &str| vec![Matcher { name: "service_name".into(), op, value: value.into() }];
    let find = |matchers: &[Matcher]| lines(&store, matchers, Direction::Forward, &[]);
    assert_eq!(find(&m(MatchOp::Equal, "orders")), ["o"]);
    assert_eq!(find(&m(MatchOp::NotEqual, "orders")), ["p"]);
    assert_eq!(find(&m(MatchOp::Regex, "ord.*")), ["o"]);
    assert_eq!(find(&m(MatchOp::Regex, "ord")), [""; 0]);
    assert_eq!(find(&m(MatchOp::NotRegex, "ord.*|x")), ["p"]);
    let absent = [Matcher { name: "nothing".into(), op: MatchOp::Equal, value: String::new() }];
    assert_eq!(find(&absent), ["p", "o"]);
    let bad = store
        .scan(&m(MatchOp::Regex, "("), 0, 1, Direction::Forward, &[], &mut |_, _| ControlFlow::Continue(()));
    assert!(matches!(bad, Err(StorageError::InvalidMatcher(_))));
}

#[test]
fn labels_are_listed_for_the_range() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![stream("orders", &[(1_000_000, "o")]), stream("payments", &[(2, "p")])]).unwrap();
    let recent = TimeRange { start_ms: NOW_MS - 1000, end_ms: NOW_MS };
    let all = TimeRange { start_ms: NOW_MS - 10_000_000, end_ms: NOW_MS };
    assert_eq!(store.label_names(&[], recent).unwrap(), ["level", "service_name"]);
    assert_eq!(store.label_values("service_name", &[], recent).unwrap(), ["payments"]);
    assert_eq!(store.label_values("service_name", &[], all).unwrap(), ["orders", "payments"]);
    assert_eq!(store.streams(&[], all, 1).unwrap().len(), 1);
    let only = [Matcher::equal("service_name", "orders")];
    assert_eq!(store.label_values("service_name", &only, all).unwrap(), ["orders"]);
}

#[test]
fn limits_refuse_the_offender_and_keep_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.limits.max_streams = 2;
    small.limits.max_line_bytes = 10;
    let store = LogStore::open(small).unwrap();
    let refused = |streams: Vec<LogStream>| {
        let (outcome, reason) = store.append(streams).unwrap();
        (outcome.accepted, outcome.rejected, reason.map(|r| r.to_string()).unwrap_or_default())
    };
    let (ok, no, why) = refused(vec![stream("a", &[(1, "short"), (1, "longer than ten")])]);
    assert!(ok == 1 && no == 1 && why.contains("max_line_bytes (10)"), "{why}");
    let (ok, no, why) = refused(vec![stream("a", &[(-3_600_000, "f"), (8 * 24 * 3_600_000, "o")])]);
    assert!(ok == 0 && no == 2 && why.contains("too new"), "{why}");
    let (ok, no, why) = refused(vec![stream("b", &[(1, "x")]), stream("c", &[(1, "x"), (2, "y")])]);
    assert!(ok == 1 && no == 2 && why.contains("max_streams (2)"), "{why}");
    let empty = LogStream { labels: Labels::default(), entries: stream("a", &[(1, "x")]).entries };
    let named = LogStream { labels: Labels::from_pairs([("a-b", "c")]), entries: empty.entries.clone() };
    assert_eq!(
        store.append(vec![empty]).unwrap().1,
        Some(AppendError::Invalid("a stream needs at least one label".into()))
    );
    assert!(refused(vec![named]).2.contains("invalid label name"));
    assert_eq!(everything(&store).len(), 2);
}

#[tokio::test]
async fn subscribers_get_new_lines_once_and_learn_how_many_they_missed() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.subscriber_capacity = 2;
    let store = LogStore::open(small).unwrap();
    let mut live = store.subscribe();
    store.append(vec![stream("a", &[(1, "x"), (1, "x")])]).unwrap();
    store.append(vec![stream("a", &[(1, "x")])]).unwrap();
    assert_eq!(live.recv().await.unwrap().entries.len(), 1);
    assert!(live.try_recv().is_err());
    for i in 0..5i64 {
        store.append(vec![stream("a", &[(i + 10, "y")])]).unwrap();
    }
    assert!(matches!(live.recv().await, Err(tokio::sync::broadcast::error::RecvError::Lagged(3))));
}

#[test]
fn a_hint_skips_lines_and_never_wanted_ones_in_memory_and_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for i in 0..100i64 {
        store.append(vec![stream("a", &[(1000 - i, &format!("line <{i}>"))])]).unwrap();
        if i == 60 {
            store.flush().unwrap();
        }
    }
    for wanted in ["<42>", "<77>"] {
        let found = lines(&store, &[], Direction::Forward, &[wanted]);
        assert_eq!(found, [format!("line {wanted}")]);
    }
    assert_eq!(lines(&store, &[], Direction::Forward, &["<42>", "<77>"]).len(), 0);
    assert_eq!(lines(&store, &[], Direction::Backward, &[""]).len(), 100);
}

#[test]
fn the_newest_lines_of_a_large_stream_are_read_without_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.limits.max_line_bytes = 1 << 20;
    let store = LogStore::open(config).unwrap();
    let long = "x".repeat(100_000);
    for i in 0..60i64 {
        store.append(vec![stream("a", &[(1000 - i, &format!("{i} {long}"))])]).unwrap();
    }
    store.flush().unwrap();
    // The oldest block is no longer readable: whoever reads it says so.
    let part = crate::files(dir.path(), "part").remove(0);
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let mut newest = None;
    store
        .scan(&[], NOW_NS - 3_600_000_000_000, NOW_NS, Direction::Backward, &[], &mut |_, e| {
            newest = e.line.split(' ').next().map(str::to_owned);
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(newest.as_deref(), Some("59"));
    assert_eq!(store.stats().damaged_parts, 0);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(0u8.., 0..300), flip in 0usize..200) {
        let _ = codec::decode(&bytes);
        let entry = LogEntry { t_ns: 1, line: "x".into(), metadata: vec![("a".into(), "b".into())] };
        let mut good = codec::encode(&[LogStream { labels: Labels::from_pairs([("a", "b")]), entries: vec![entry] }]);
        let at = flip % good.len();
        good[at] ^= 0x55;
        let _ = codec::decode(&good);
    }
}
