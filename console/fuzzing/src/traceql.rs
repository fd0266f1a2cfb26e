//! TraceQL: errors point into the query, and no query breaks a search.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Span, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId},
};
use console_storage::{
    source::TracesSource,
    traces::{SpanAppender, SpanReader},
};
use console_traceql::{Error, TraceqlConfig, TraceqlSource, parse, validate};
use console_tracestore::{TraceStore, TraceStoreConfig};

use crate::{
    NOW_MS, corpora,
    runtime::{answer, scratch},
    text,
};

pub const WORDS: &[&str] = &[
    "{ .b =~ \"((b{90}){90}){90}\" }",
    "{ .a = 1 }",
    "{ status = error }",
    "{ resource.service.name = \"shop\" }",
    " && ",
    " || ",
    " >> ",
    " > ",
    " ~ ",
    " !>> ",
    " &>> ",
    " | count() > 1",
    " | avg(duration) > 5ms",
    " | by(.a)",
    " | coalesce()",
    " | select(.a)",
    " | rate()",
    "span:duration",
    "trace:rootName",
    "event.name",
    "link.traceID",
    "kind = server",
    "=~ \".*\"",
    "!~ \"(\"",
    "nil",
    "true",
    "duration > 1h",
    "-",
    "^",
    "%",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "`",
    "\\",
    "é",
    "1e400",
    "9223372036854775808",
    "99999999999h",
    "parent.",
    ".\"quoted name\"",
    "with(a=1)",
    "\n",
];

const QUERIES: [&str; 14] = [
    "{}",
    "{ status = error && span:duration > 1ms }",
    r#"{ resource.service.name = "shop" } >> { name =~ "GET.*" }"#,
    "{ .code >= 500 || .retry } | count() > 0",
    "{ kind = client } | avg(duration) > 1us | select(.code)",
    "({ .a } && { .b }) ~ { .c != nil }",
    "{ -.code + 3 * 2 ^ 2 % 5 < 1e3 }",
    r#"{ event.name = "exception" } | by(resource.service.name)"#,
    "{ trace:rootName = `GET /` && rootServiceName != \"\" }",
    "{ parent.code = 1 } !> { true }",
    "{ .\"quoted name\" = 1 }",
    "{ span.tags = \"a\" } | max(.code) - min(.code) > 0",
    "{ } | rate() by (name)",
    "{ (1 + 2) * 3 = 9 } | coalesce()",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let own = QUERIES.iter().map(|q| q.as_bytes().to_vec());
    own.chain(corpora::listed("traceql")).collect()
}

pub fn parse_body(data: &[u8]) {
    let text = text::of(data);
    match parse(&text) {
        Ok(query) => drop(validate(&query)),
        Err(Error::Parse { position, .. }) => text::assert_in(position, &text),
        Err(_) => {}
    }
}

pub fn eval_body(data: &[u8]) {
    let text = text::of(data);
    if parse(&text).is_err() {
        return;
    }
    let range = TimeRange { start_ms: NOW_MS - 600_000, end_ms: NOW_MS + 1 };
    let _ = answer(source().search(&text, range, 5));
}

/// Over a store that lives in memory: its folder is gone before it is read.
fn source() -> &'static TraceqlSource {
    static SOURCE: OnceLock<TraceqlSource> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let dir = scratch();
        let config = TraceStoreConfig { clock: Arc::new(|| NOW_MS), ..TraceStoreConfig::new(dir.path()) };
        let store = TraceStore::open(config).expect("an empty folder can be opened");
        let (outcome, refused) = store.append(spans()).expect("the folder can be written");
        assert!(outcome.accepted > 0 && refused.is_none(), "{refused:?}");
        let reader: Arc<dyn SpanReader> = Arc::new(store);
        TraceqlSource::new(
            reader,
            TraceqlConfig { timeout: Duration::from_secs(2), ..TraceqlConfig::default() },
        )
    })
}

fn spans() -> Vec<Span> {
    let values = [
        V::Int(i64::MIN),
        V::Double(f64::NAN),
        V::String("é".into()),
        V::Bool(true),
        V::Array(vec![V::String("a".into()), V::Int(1)]),
        V::Bytes(vec![0, 255]),
        V::Map(vec![("k".into(), V::Int(3))]),
    ];
    let mut out = Vec::new();
    for trace in 1..4u8 {
        for (id, value) in (1u8..).zip(&values) {
            out.push(Span {
                trace_id: TraceId([trace; 16]),
                span_id: SpanId([id; 8]),
                parent_span_id: (id > 1).then_some(SpanId([id / 2; 8])),
                service: if id % 2 == 0 { "shop" } else { "edge" }.into(),
                name: format!("GET /{id}"),
                kind: if id % 2 == 0 { SpanKind::Server } else { SpanKind::Client },
                start_ns: (NOW_MS - 1000 * i64::from(trace)) * 1_000_000 + i64::from(id),
                duration_ns: 1_000_000 * i64::from(id),
                status: if id % 3 == 0 { SpanStatus::Error } else { SpanStatus::Unset },
                status_message: String::new(),
                attributes: vec![
                    ("code".into(), V::Int(500 + i64::from(id))),
                    ("a".into(), value.clone()),
                    ("quoted name".into(), V::Int(1)),
                ],
                resource: vec![("service.name".into(), V::String("shop".into()))],
                scope_name: "s".into(),
                scope_version: "1".into(),
                scope_attributes: vec![],
                events: vec![SpanEvent { t_ns: 1, name: "exception".into(), attributes: vec![] }],
                links: vec![],
            });
        }
    }
    out
}
