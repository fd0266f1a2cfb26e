//! The store beside a list: whatever is written, flushed, merged and opened again, nothing that a search wants is missed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Trace, TraceId},
};
use console_storage::traces::{
    AttributeScope as Scope, ConditionOp as Op, SpanAppender, SpanCondition, SpanPattern, SpanReader,
};
use console_tracestore::{TraceStore, TraceStoreConfig};

use crate::{NOW_MS, config, span, trace_id};

/// Small numbers that look random, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

const KEYS: [&str; 5] = ["a", "b", "http.status", "user.id", "service.name"];

fn value(dice: &mut Dice) -> V {
    match dice.below(9) {
        0 => V::Bool(dice.below(2) == 0),
        1 => V::Int(dice.below(4) as i64 - 1),
        2 => V::Double(dice.below(4) as f64 - 1.0),
        3 => V::Double(if dice.below(2) == 0 { -0.0 } else { 0.5 }),
        4 => V::Array(vec![V::Int(dice.below(3) as i64), V::String("x".into())]),
        5 => V::String(format!("user-{}", dice.below(60))),
        _ => V::String((*dice.pick(&["1", "x", "", "é"])).to_owned()),
    }
}

fn attributes(dice: &mut Dice, most: u64) -> Vec<(String, V)> {
    (0..dice.below(most + 1)).map(|_| ((*dice.pick(&KEYS)).to_owned(), value(dice))).collect()
}

fn random_span(dice: &mut Dice, traces: u64) -> Span {
    let trace = 1 + dice.below(traces);
    let service = *dice.pick(&["orders", "payments", "edge"]);
    // A trace's spans are near each other, and now and then far away.
    let far = if dice.below(40) == 0 { 2_000_000 } else { 500 };
    let mut out =
        span(trace, 1 + dice.below(12), service, 10_000 * trace as i64 % 3_000_000 + dice.below(far) as i64);
    out.name = format!("op {}", dice.below(4));
    out.duration_ns = dice.below(1_000_000_000) as i64;
    out.kind = *dice.pick(&[SpanKind::Server, SpanKind::Client, SpanKind::Internal]);
    out.status = *dice.pick(&[SpanStatus::Unset, SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error]);
    out.status_message = (*dice.pick(&["", "", "declined"])).to_owned();
    out.parent_span_id = *dice.pick(&[None, Some(SpanId([9; 8])), out.parent_span_id]);
    out.attributes = attributes(dice, 4);
    if dice.below(3) == 0 {
        out.resource.extend(attributes(dice, 2));
    }
    out.scope_attributes = attributes(dice, 1);
    if dice.below(5) == 0 {
        let name = (*dice.pick(&["exception", "retry"])).to_owned();
        out.events = vec![SpanEvent { t_ns: out.start_ns + 5, name, attributes: attributes(dice, 2) }];
    }
    if dice.below(7) == 0 {
        let (trace_id, span_id) = (trace_id(dice.below(9)), SpanId([1; 8]));
        out.links = vec![SpanLink { trace_id, span_id, attributes: attributes(dice, 2) }];
    }
    out
}

/// What the engine says of a value: the strictest reading of the language.
fn compares(op: Op, value: &V, wanted: &V) -> bool {
    let number = |v: &V| match v {
        V::Int(i) => Some(*i as f64),
        V::Double(d) => Some(*d),
        _ => None,
    };
    if let V::Array(items) = value {
        return items.iter().any(|i| compares(op, i, wanted));
    }
    let order = match (value, wanted) {
        (V::String(a), V::String(b)) => Some(a.cmp(b)),
        (V::Bool(a), V::Bool(b)) => Some(a.cmp(b)),
        _ => number(value).zip(number(wanted)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    let Some(order) = order else { return false };
    match op {
        Op::Equal => order.is_eq(),
        Op::NotEqual => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        Op::Exists => true,
    }
}

fn meets(span: &Span, c: &SpanCondition) -> bool {
    let holds = |v: &V| c.op == Op::Exists || c.value.as_ref().is_some_and(|w| compares(c.op, v, w));
    let text = |s: &str| holds(&V::String(s.to_owned()));
    let any = |list: &[(String, V)]| list.iter().any(|(k, v)| *k == c.name && holds(v));
    match c.scope {
        None => any(&span.attributes) || any(&span.resource),
        Some(Scope::Span) => any(&span.attributes),
        Some(Scope::Resource) => any(&span.resource),
        Some(Scope::Event) => span.events.iter().any(|e| any(&e.attributes)),
        Some(Scope::Link) => span.links.iter().any(|l| any(&l.attributes)),
        Some(Scope::Instrumentation) => any(&span.scope_attributes),
        Some(Scope::Intrinsic) => match c.name.as_str() {
            "name" => text(&span.name),
            "statusMessage" => text(&span.status_message),
            "status" => text(&format!("{:?}", span.status).to_lowercase()),
            "kind" => text(&format!("{:?}", span.kind).to_lowercase()),
            "duration" => holds(&V::Int(span.duration_ns)),
            "event:name" => span.events.iter().any(|e| text(&e.name)),
            "rootName" => true,
            other => panic!("no condition on {other}"),
        },
    }
}

fn condition(dice: &mut Dice) -> SpanCondition {
    let ops = [
        Op::Equal,
        Op::Equal,
        Op::NotEqual,
        Op::Less,
        Op::LessOrEqual,
        Op::Greater,
        Op::GreaterOrEqual,
        Op::Exists,
    ];
    let op = *dice.pick(&ops);
    let scopes = [
        None,
        Some(Scope::Span),
        Some(Scope::Resource),
        Some(Scope::Event),
        Some(Scope::Link),
        Some(Scope::Instrumentation),
        Some(Scope::Intrinsic),
        Some(Scope::Intrinsic),
    ];
    let scope = *dice.pick(&scopes);
    let word = |dice: &mut Dice, of: &[&str]| V::String((*dice.pick(of)).to_owned());
    let (name, wanted) = if scope == Some(Scope::Intrinsic) {
        let name =
            *dice.pick(&["name", "status", "kind", "duration", "statusMessage", "event:name", "rootName"]);
        let wanted = match name {
            "duration" => V::Int(dice.below(1_000_000_000) as i64),
            "status" => word(dice, &["unset", "ok", "error"]),
            "kind" => word(dice, &["server", "client", "producer"]),
            "event:name" => word(dice, &["exception", "retry", "none"]),
            _ => word(dice, &["op 1", "op 9", "declined"]),
        };
        (name, wanted)
    } else {
        let name = *dice.pick(&["a", "b", "http.status", "user.id", "service.name", "nowhere"]);
        let wanted =
            if name == "service.name" { word(dice, &["orders", "payments", "nobody"]) } else { value(dice) };
        (name, wanted)
    };
    let wanted = if matches!(wanted, V::Array(_)) { V::Int(1) } else { wanted };
    SpanCondition { scope, name: name.to_owned(), op, value: (op != Op::Exists).then_some(wanted) }
}

#[derive(Default)]
struct Model {
    spans: BTreeMap<(TraceId, i64, SpanId), Span>,
}

impl Model {
    fn traces(&self) -> BTreeMap<TraceId, Vec<Span>> {
        let mut out: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
        self.spans.values().for_each(|s| out.entry(s.trace_id).or_default().push(s.clone()));
        out
    }
}

fn visited(store: &TraceStore, range: TimeRange, patterns: &[SpanPattern]) -> Vec<Trace> {
    let mut out: Vec<Trace> = Vec::new();
    store
        .scan_matching(range, patterns, &mut |t| {
            out.push(t.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    out
}

fn compare(store: &TraceStore, model: &Model, dice: &mut Dice, searches: usize) {
    let traces = model.traces();
    for (id, spans) in &traces {
        assert_eq!(&store.trace(*id).unwrap().unwrap().spans, spans, "trace {id}");
    }
    assert_eq!(store.trace(TraceId([0xee; 16])).unwrap(), None);
    for _ in 0..searches {
        let end_ms = NOW_MS - dice.below(3_000_000) as i64 + 1;
        let length = *dice.pick(&[4_000_000, 600_000, 20_000]);
        let range = TimeRange { start_ms: end_ms - length, end_ms };
        let inside = |s: &Span| s.start_ns >= range.start_ns() && s.start_ns < range.end_ns();
        let patterns: Vec<SpanPattern> =
            (0..dice.below(3)).map(|_| (0..=dice.below(3)).map(|_| condition(dice)).collect()).collect();
        let seen = visited(store, range, &patterns);
        let firsts: Vec<i64> = seen.iter().map(|t| t.spans[0].start_ns).collect();
        assert!(firsts.is_sorted_by(|a, b| a >= b), "newest first: {firsts:?}");
        let ids: BTreeSet<TraceId> = seen.iter().map(|t| t.trace_id).collect();
        assert_eq!(ids.len(), seen.len(), "each once");
        for trace in &seen {
            assert_eq!(&trace.spans, &traces[&trace.trace_id], "whole");
            assert!(trace.spans.iter().any(inside));
        }
        for (id, spans) in &traces {
            let wanted = spans.iter().any(inside)
                && patterns.iter().all(|p| spans.iter().any(|s| p.iter().all(|c| meets(s, c))));
            assert!(!wanted || ids.contains(id), "missed {id} for {patterns:?} in {range:?}");
            if patterns.is_empty() {
                assert_eq!(wanted, ids.contains(id));
            }
        }
    }
    tags(store, model);
}

fn tags(store: &TraceStore, model: &Model) {
    let range = TimeRange { start_ms: NOW_MS - 7_000_000, end_ms: NOW_MS + 1 };
    let mut expected: BTreeMap<(Scope2, String), BTreeSet<String>> = BTreeMap::new();
    for span in model.spans.values() {
        let events = span.events.iter().flat_map(|e| &e.attributes);
        let links = span.links.iter().flat_map(|l| &l.attributes);
        let all = (span.attributes.iter().map(|a| (0, a)))
            .chain(span.resource.iter().map(|a| (1, a)))
            .chain(events.map(|a| (2, a)))
            .chain(links.map(|a| (3, a)))
            .chain(span.scope_attributes.iter().map(|a| (4, a)));
        for (scope, (key, value)) in all {
            expected.entry((scope, key.clone())).or_default().insert(value.to_string());
        }
    }
    let scopes = [Scope::Span, Scope::Resource, Scope::Event, Scope::Link, Scope::Instrumentation];
    let names: BTreeSet<(usize, String)> = store
        .tag_names(range)
        .unwrap()
        .into_iter()
        .filter_map(|(scope, name)| Some((scopes.iter().position(|s| *s == scope)?, name)))
        .collect();
    assert_eq!(names, expected.keys().cloned().collect());
    for ((scope, key), values) in &expected {
        let found = store.tag_values(Some(scopes[*scope]), key, range, 10_000).unwrap();
        assert_eq!(&found.into_iter().collect::<BTreeSet<_>>(), values, "{scope} {key}");
        assert_eq!(store.tag_values(Some(scopes[*scope]), key, range, 1).unwrap().len(), 1);
    }
    let names: BTreeSet<String> = model.spans.values().map(|s| s.name.clone()).collect();
    let found = store.tag_values(Some(Scope::Intrinsic), "name", range, 100).unwrap();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), names);
}

type Scope2 = usize;

fn run(seed: u64, traces: u64, steps: usize, searches: usize) {
    let dir = tempfile::tempdir().unwrap();
    let small = TraceStoreConfig { segment_bytes: 16 << 10, ..config(dir.path()) };
    let mut store = TraceStore::open(small.clone()).unwrap();
    let (mut model, mut dice) = (Model::default(), Dice(seed));
    for step in 0..steps {
        let spans: Vec<Span> = (0..dice.below(60)).map(|_| random_span(&mut dice, traces)).collect();
        for span in &spans {
            model.spans.entry((span.trace_id, span.start_ns, span.span_id)).or_insert_with(|| span.clone());
        }
        // What a part has already is told apart by id and start: the same span again is the same.
        let repeated: Vec<Span> = spans.iter().filter(|_| dice.below(10) == 0).cloned().collect();
        let fresh = spans.iter().map(|s| model.spans[&(s.trace_id, s.start_ns, s.span_id)].clone()).collect();
        store.append(fresh).unwrap();
        match dice.below(8) {
            0..=2 => store.flush().unwrap(),
            3 => store.maintain(NOW_MS),
            4 => {
                drop(store);
                store = TraceStore::open(small.clone()).unwrap();
            }
            _ => {}
        }
        let repeated =
            repeated.iter().map(|s| model.spans[&(s.trace_id, s.start_ns, s.span_id)].clone()).collect();
        store.append(repeated).unwrap();
        if step % 8 == 7 {
            compare(&store, &model, &mut dice, searches);
        }
    }
    assert_eq!(store.stats().damaged_parts, 0);
    compare(&store, &model, &mut dice, searches);
}

#[test]
fn nothing_is_missed_in_few_traces_with_many_late_spans() {
    run(0x9e37_79b9, 8, 32, 40);
}

#[test]
fn nothing_is_missed_in_many_traces() {
    run(0x1234_5678, 200, 40, 30);
}

#[test]
fn rows_of_many_groups_and_thousands_of_keys_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = TraceStore::open(config(dir.path())).unwrap();
    let mut wide = span(1, 1, "a", 5);
    wide.attributes.extend((0..3000).map(|n| (format!("key {n}"), V::Int(n))));
    store.append(vec![wide.clone()]).unwrap();
    for t in 2..1200u64 {
        store.append((1..=8).map(|i| span(t, i, "a", 1000 + 10 * t as i64)).collect()).unwrap();
    }
    store.flush().unwrap();
    assert_eq!(store.trace(trace_id(1)).unwrap().unwrap().spans, [wide]);
    let all = TimeRange { start_ms: NOW_MS - 100_000, end_ms: NOW_MS + 1 };
    assert_eq!(visited(&store, all, &[]).len(), 1199);
    let of = |name: &str, value| SpanCondition {
        scope: Some(Scope::Span),
        name: name.into(),
        op: Op::Equal,
        value: Some(value),
    };
    let one = |c| visited(&store, all, &[vec![c]]).iter().map(|t| t.trace_id).collect::<Vec<_>>();
    assert_eq!(one(of("shop.order.id", V::String("order-777".into()))), [trace_id(777)]);
    // Beyond the columns of a group.
    assert_eq!(one(of("key 2999", V::Double(2999.0))), [trace_id(1)]);
    assert_eq!(one(of("key 2999", V::String("2999".into()))), []);
    assert_eq!(one(of("key 3000", V::Int(3000))), []);
}
