//! A folder of the first version: a log alone, whose records know no scopes' attributes.

use console_blockkit::{
    Wal, WalConfig,
    record::{self, TableBuilder, Writer},
};
use console_model::span::{AttributeValue, Attributes, Span, SpanKind};
use console_storage::traces::SpanReader;
use console_tracestore::TraceStore;

use crate::{config, span, trace_id};

fn attributes(out: &mut Writer, table: &mut TableBuilder, list: &Attributes) {
    out.uint(list.len() as u64);
    for (key, value) in list {
        out.uint(table.id(key));
        match value {
            AttributeValue::String(s) => {
                out.u8(0);
                out.uint(table.id(s));
            }
            AttributeValue::Int(i) => {
                out.u8(3);
                out.int(*i);
            }
            other => panic!("the fixture has no {other:?}"),
        }
    }
}

/// A record as the first version wrote it.
fn record_1(spans: &[Span]) -> Vec<u8> {
    let (mut table, mut out) = (TableBuilder::default(), Writer::default());
    out.uint(spans.len() as u64);
    for span in spans {
        assert_eq!(span.kind, SpanKind::Server);
        out.raw(&span.trace_id.0);
        out.raw(&span.span_id.0);
        out.u8(u8::from(span.parent_span_id.is_some()) | 2 << 1 | (span.status as u8) << 4);
        if let Some(parent) = span.parent_span_id {
            out.raw(&parent.0);
        }
        out.int(span.start_ns);
        out.int(span.duration_ns);
        for text in [&span.service, &span.name, &span.status_message, &span.scope_name, &span.scope_version] {
            out.uint(table.id(text));
        }
        attributes(&mut out, &mut table, &span.attributes);
        attributes(&mut out, &mut table, &span.resource);
        out.uint(0);
        out.uint(0);
    }
    record::seal(1, &table.finish(&out.bytes))
}

#[test]
fn a_folder_of_the_first_version_opens_and_becomes_parts() {
    let dir = tempfile::tempdir().unwrap();
    let traces: Vec<Vec<Span>> =
        (1..=300).map(|t| (1..=4).map(|i| span(t, i, "orders", 100_000 - t as i64)).collect()).collect();
    {
        let log = WalConfig { segment_bytes: 8 << 10, max_record_bytes: 64 << 20 };
        let (wal, _) = Wal::open(dir.path(), log, &mut |_, _| ()).unwrap();
        for trace in &traces {
            wal.append(&record_1(trace)).unwrap();
        }
    }
    let mut small = config(dir.path());
    small.max_head_bytes = 100_000;
    let check = |store: &TraceStore| {
        for (n, spans) in (1..).zip(&traces) {
            let mut expected = spans.clone();
            expected.sort_by_key(|s| (s.start_ns, s.span_id));
            assert_eq!(store.trace(trace_id(n)).unwrap().unwrap().spans, expected, "trace {n}");
        }
    };
    let store = TraceStore::open(small.clone()).unwrap();
    assert_eq!((store.stats().spans, store.stats().damaged_records), (1200, 0));
    // The log was longer than what memory may hold.
    assert!(store.stats().parts > 0);
    check(&store);
    store.flush().unwrap();
    drop(store);
    let store = TraceStore::open(small).unwrap();
    assert_eq!(store.stats().spans, 1200);
    check(&store);
}
