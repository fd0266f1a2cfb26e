//! What the store accepts, finds and drops.

use std::ops::ControlFlow;

use console_model::{
    TimeRange,
    span::{AttributeValue, SpanEvent, SpanId, SpanLink, TraceId},
};
use console_storage::{
    AppendError,
    traces::{AttributeScope, SpanAppender, SpanReader},
};
use console_tracestore::{TraceStore, codec};

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
    let store = open(dir.path());
    assert_eq!(store.append(vec![full.clone()]).unwrap().0.accepted, 1);
    drop(store);
    let found = open(dir.path()).trace(full.trace_id).unwrap().unwrap();
    assert_eq!(found.spans, [full]);
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
    let old = span(1, 5, "a", 7 * 3_600_000);
    let (outcome, reason) =
        store.append(vec![no_id, backwards, huge, future, old, span(1, 6, "a", 10)]).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 5));
    assert_eq!(reason, Some(AppendError::Invalid("span without trace id or span id".into())));
}

#[test]
fn memory_stays_inside_its_budget_and_the_newest_traces_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.max_memory_bytes = 100_000;
    let store = TraceStore::open(small.clone()).unwrap();
    for t in 0..500u64 {
        store.append((1..=5).map(|i| span(t, i, "a", 1_000_000 - t as i64)).collect()).unwrap();
    }
    let stats = store.stats();
    assert!(stats.memory_bytes <= 100_000 && stats.traces > 10, "{stats:?}");
    assert!(store.trace(trace_id(499)).unwrap().is_some());
    assert!(store.trace(trace_id(1)).unwrap().is_none());
    drop(store);
    let again = TraceStore::open(small).unwrap();
    assert!(again.stats().memory_bytes <= 100_000);
    assert!(again.trace(trace_id(499)).unwrap().is_some());
}

#[test]
fn disk_stays_inside_its_budget() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    (small.segment_bytes, small.max_bytes) = (8 << 10, 32 << 10);
    let store = TraceStore::open(small).unwrap();
    for t in 0..500u64 {
        store.append((1..=5).map(|i| span(t, i, "a", 1_000_000 - t as i64)).collect()).unwrap();
    }
    assert!(store.stats().disk_bytes > 64 << 10);
    store.maintain(NOW_MS);
    assert!(store.stats().disk_bytes <= 40 << 10, "{:?}", store.stats());
    let held = store.stats().traces;
    assert!(store.trace(trace_id(499)).unwrap().is_some());
    drop(store);
    assert_eq!(open(dir.path()).stats().traces, held);
}

#[test]
fn traces_past_the_retention_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(vec![span(1, 1, "a", 5 * 3_600_000), span(2, 1, "a", 0)]).unwrap();
    store.maintain(NOW_MS + 2 * 3_600_000);
    assert!(store.trace(trace_id(1)).unwrap().is_none());
    assert!(store.trace(trace_id(2)).unwrap().is_some());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(0u8.., 0..300), flip in 0usize..200) {
        let _ = codec::decode(&bytes);
        let mut good = codec::encode([span(1, 1, "a", 0)].iter());
        let at = flip % good.len();
        good[at] ^= 0x55;
        let _ = codec::decode(&good);
    }
}
