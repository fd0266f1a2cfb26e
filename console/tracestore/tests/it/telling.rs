//! Which spans of a push were not stored.

use console_storage::{AppendError, traces::SpanAppender};
use console_tracestore::{TraceStore, TraceStoreConfig};

use crate::{NOW_MS, config, span};

#[test]
fn the_places_of_refused_spans_are_told_whatever_they_were_refused_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = TraceStore::open(TraceStoreConfig { max_spans_per_trace: 3, ..config(dir.path()) }).unwrap();
    let mut push = Vec::new();
    for id in 1..=5 {
        // The fourth and the fifth of the first trace are too many, and one of the other traces is too old.
        push.push(span(1, id, "shop", 0));
        push.push(span(10 + id, 1, "shop", if id == 2 { NOW_MS } else { 0 }));
    }
    let mut refused = Vec::new();
    let (outcome, reason) = store.append_telling(push, &mut |place| refused.push(place)).unwrap();
    refused.sort_unstable();
    assert_eq!(refused, [3, 6, 8]);
    assert_eq!((outcome.accepted, outcome.rejected), (7, 3));
    assert!(matches!(reason, Some(AppendError::Limit(_) | AppendError::Invalid(_))), "{reason:?}");
}
