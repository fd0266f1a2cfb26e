//! What the store accepts, finds and drops.

use std::{ops::ControlFlow, sync::Arc};

use console_blockkit::RetentionClock;
use console_model::{
    TimeRange,
    span::{AttributeValue, SpanEvent, SpanId, SpanLink, TraceId},
};
use console_storage::{
    AppendError,
    traces::{AttributeScope, SpanAppender, SpanReader},
};
use console_tracestore::{TraceStore, TraceStoreConfig, codec};

use crate::{NOW_MS, config, open, span, trace_id};

fn scan(store: &TraceStore, range: TimeRange, service: Option<&str>) -> Vec<TraceId> {
    let mut out = Vec::new();
    store
        .scan(range, service, &mut |t| {
            out.push(t.trace_id);
            ControlFlow::Continue(())
        })
        .unwrap();
    out
}

#[test]
fn every_field_of_a_span_survives_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut full = span(1, 2, "orders", 1000);
    full.attributes.extend([
        ("b".into(), AttributeValue::Bool(true)),
        ("d".into(), AttributeValue::Double(-1.5)),
        ("bytes".into(), AttributeValue::Bytes(vec![0, 255])),
        ("list".into(), AttributeValue::Array(vec![AttributeValue::Int(i64::MIN)])),
        ("map".into(), AttributeValue::Map(vec![("k".into(), AttributeValue::String("v".into()))])),
    ]);
    full.events =
        vec![SpanEvent { t_ns: full.start_ns + 1, name: "e".into(), attributes: full.attributes.clone() }];
    full.links =
        vec![SpanLink { trace_id: trace_id(9), span_id: SpanId([7; 8]), attributes: full.resource.clone() }];
    full.status_message = "declined".into();
    full.scope_attributes = vec![("scope.key".into(), AttributeValue::Int(7))];
    // A key may come twice, and with another type.
    full.attributes.push(("d".into(), AttributeValue::String("again".into())));
    full.attributes.push(("b".into(), AttributeValue::Bool(false)));
    let store = open(dir.path());
    assert_eq!(store.append(vec![full.clone()]).unwrap().0.accepted, 1);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.trace(full.trace_id).unwrap().unwrap().spans, [full.clone()]);
    store.flush().unwrap();
    assert_eq!(store.stats().parts, 1);
    assert_eq!(store.trace(full.trace_id).unwrap().unwrap().spans, [full.clone()]);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.stats().spans, 1);
    assert_eq!(store.trace(full.trace_id).unwrap().unwrap().spans, [full]);
}

#[test]
fn a_span_that_comes_twice_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for _ in 0..3 {
        store.append(vec![span(1, 1, "a", 10), span(1, 2, "a", 9), span(1, 2, "a", 9)]).unwrap();
    }
    assert_eq!(store.trace(trace_id(1)).unwrap().unwrap().spans.len(), 2);
    drop(store);
    assert_eq!(open(dir.path()).stats().spans, 2);
}

#[test]
fn a_trace_that_arrives_in_many_pieces_is_read_whole_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for i in (1..=40).rev() {
        store.append(vec![span(1, i, "a", 1000 - i as i64)]).unwrap();
    }
    let spans = store.trace(trace_id(1)).unwrap().unwrap().spans;
    assert_eq!(spans.len(), 40);
    assert!(spans.is_sorted_by_key(|s| s.start_ns));
}

#[test]
fn scans_are_newest_first_and_keep_to_range_and_service() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![span(1, 1, "a", 5000), span(1, 2, "b", 1000)]).unwrap();
    store.append(vec![span(2, 1, "a", 3000)]).unwrap();
    store.append(vec![span(3, 1, "b", 2000)]).unwrap();
    let all = TimeRange { start_ms: NOW_MS - 10_000, end_ms: NOW_MS };
    assert_eq!(scan(&store, all, None), [trace_id(3), trace_id(2), trace_id(1)]);
    assert_eq!(scan(&store, all, Some("b")), [trace_id(3), trace_id(1)]);
    // Trace 1 began before this range, but one of its spans starts inside.
    let late = TimeRange { start_ms: NOW_MS - 1500, end_ms: NOW_MS };
    assert_eq!(scan(&store, late, None), [trace_id(1)]);
    // Between its spans there is nothing.
    let between = TimeRange { start_ms: NOW_MS - 4500, end_ms: NOW_MS - 4000 };
    assert_eq!(scan(&store, between, None), []);
}

#[test]
fn tags_name_scopes_and_list_values() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![span(1, 1, "a", 10), span(2, 1, "b", 10)]).unwrap();
    let range = TimeRange { start_ms: NOW_MS - 100, end_ms: NOW_MS };
    let names = store.tag_names(range).unwrap();
    assert!(names.contains(&(AttributeScope::Resource, "service.name".into())));
    assert!(names.contains(&(AttributeScope::Span, "shop.order.id".into())));
    assert!(names.contains(&(AttributeScope::Intrinsic, "status".into())));
    assert_eq!(store.tag_values(None, "service.name", range, 10).unwrap(), ["a", "b"]);
    assert_eq!(store.tag_values(Some(AttributeScope::Span), "service.name", range, 10).unwrap(), [""; 0]);
    assert_eq!(store.tag_values(Some(AttributeScope::Intrinsic), "kind", range, 10).unwrap(), ["server"]);
    assert_eq!(store.tag_values(None, "shop.order.id", range, 1).unwrap().len(), 1);
}

#[test]
fn wrong_spans_are_refused_with_a_reason_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut no_id = span(1, 1, "a", 10);
    no_id.span_id = SpanId::default();
    let mut backwards = span(1, 2, "a", 10);
    backwards.duration_ns = -1;
    let mut huge = span(1, 3, "a", 10);
    huge.attributes.push(("x".into(), AttributeValue::String("x".repeat(300_000))));
    let future = span(1, 4, "a", -3_600_000);
    let old = span(1, 5, "a", 8 * 24 * 3_600_000);
    let (outcome, reason) =
        store.append(vec![no_id, backwards, huge, future, old, span(1, 6, "a", 10)]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 5));
    assert_eq!(reason, Some(AppendError::Invalid("span without trace id or span id".into())));
}

#[test]
fn memory_stays_inside_its_bound_and_everything_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.max_head_bytes = 200_000;
    let store = TraceStore::open(small.clone()).unwrap();
    for t in 1..1000u64 {
        store.append((1..=5).map(|i| span(t, i, "a", 1_000_000 - t as i64)).collect()).unwrap();
        assert!(store.stats().memory_bytes < 64 << 20);
    }
    assert!(store.stats().parts > 0, "{:?}", store.stats());
    drop(store);
    let again = TraceStore::open(small).unwrap();
    for t in [1, 2, 500, 998, 999] {
        assert_eq!(again.trace(trace_id(t)).unwrap().map(|t| t.spans.len()), Some(5), "trace {t}");
    }
}

#[test]
fn disk_stays_inside_its_budget() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    (small.segment_bytes, small.max_bytes) = (8 << 10, 20 << 10);
    let store = TraceStore::open(small.clone()).unwrap();
    for t in 0..2000u64 {
        store.append((1..=5).map(|i| span(t, i, "a", 1_000_000 - t as i64)).collect()).unwrap();
        if t % 250 == 249 {
            store.maintain(NOW_MS);
            assert!(store.stats().disk_bytes <= 20 << 10, "{:?}", store.stats());
        }
    }
    let held = store.stats();
    assert!(held.dropped_traces > 0 && held.spans > 0, "{held:?}");
    assert!(store.trace(trace_id(1999)).unwrap().is_some());
    assert!(store.trace(trace_id(1)).unwrap().is_none());
    drop(store);
    assert_eq!(TraceStore::open(small).unwrap().stats().spans, held.spans);
}

#[test]
fn a_clock_that_jumps_ahead_drops_no_traces_and_refuses_none() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let dir = tempfile::tempdir().unwrap();
    let mut jumping = config(dir.path());
    jumping.retention_clock = Arc::new(RetentionClock::guarded(DAY_MS, Some(NOW_MS)));
    jumping.clock = Arc::new(|| NOW_MS + 365 * DAY_MS);
    let store = TraceStore::open(jumping).unwrap();
    let (taken, refused) = store.append(vec![span(1, 1, "a", DAY_MS)]).unwrap();
    assert_eq!((taken.accepted, refused), (1, None));
    store.flush().unwrap();
    store.maintain(NOW_MS + 365 * DAY_MS);
    assert!(store.trace(trace_id(1)).unwrap().is_some());
}

#[test]
fn traces_past_the_retention_go() {
    for flushed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        const DAY_MS: i64 = 24 * 3_600_000;
        store.append(vec![span(1, 1, "a", 6 * DAY_MS)]).unwrap();
        if flushed {
            store.flush().unwrap();
        }
        store.append(vec![span(2, 1, "a", 0)]).unwrap();
        if flushed {
            store.flush().unwrap();
        }
        store.maintain(NOW_MS + 2 * DAY_MS);
        assert!(store.trace(trace_id(1)).unwrap().is_none());
        assert!(store.trace(trace_id(2)).unwrap().is_some());
        let all = TimeRange { start_ms: NOW_MS - 30 * DAY_MS, end_ms: NOW_MS + 1 };
        assert_eq!(scan(&store, all, None), [trace_id(2)]);
        assert_eq!(store.stats().dropped_traces, u64::from(flushed));
    }
}

#[test]
fn a_trace_takes_no_more_spans_than_its_limit_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let store = TraceStore::open(TraceStoreConfig { max_spans_per_trace: 10, ..config(dir.path()) }).unwrap();
    let add = |ids: std::ops::Range<u64>| store.append(ids.map(|i| span(1, i, "a", 10)).collect()).unwrap().0;
    assert_eq!(add(1..9).accepted, 8);
    store.flush().unwrap();
    // What parts have counts from the first span on that is in memory again.
    assert_eq!(add(9..10).accepted, 1);
    let more = add(10..13);
    assert_eq!((more.accepted, more.rejected), (1, 2));
    assert_eq!(store.trace(trace_id(1)).unwrap().unwrap().spans.len(), 10);
    store.flush().unwrap();
    assert_eq!((add(20..25).rejected, store.trace(trace_id(1)).unwrap().unwrap().spans.len()), (5, 10));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(0u8.., 0..300), flip in 0usize..200) {
        let _ = codec::decode(&bytes);
        let mut good = codec::encode(&[span(1, 1, "a", 0)]);
        let at = flip % good.len();
        good[at] ^= 0x55;
        let _ = codec::decode(&good);
    }
}

#[test]
fn what_comes_after_the_log_of_parts_was_lost_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for trace in 1..=3 {
        store.append(vec![span(trace, 1, "orders", 1000)]).unwrap();
        store.flush().unwrap();
    }
    drop(store);
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "wal") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let store = open(dir.path());
    store.append(vec![span(4, 1, "orders", 1000)]).unwrap();
    drop(store);
    let store = open(dir.path());
    assert!((1..=4).all(|trace| store.trace(trace_id(trace)).unwrap().is_some()));
}
