//! What metrics queries keep and tell beside their numbers.

use std::{ops::ControlFlow, sync::Arc};

use console_model::{
    TimeRange,
    span::{AttributeValue as V, Trace},
};
use console_storage::{
    SourceError,
    source::TracesSource,
    trace_query::{MetricsRange, SearchOptions, SpanMetrics, Tag, TagQuery},
    traces::{AttributeScope, ConditionOp, SpanPattern, SpanReader},
};
use console_traceql::{TraceqlConfig, TraceqlSource};

use crate::{memory::Memory, spans};

const SHOP: &str = include_str!("../evaluation/shop.spans");

fn source(config: TraceqlConfig) -> TraceqlSource {
    TraceqlSource::new(Arc::new(Memory { traces: spans::traces(SHOP), skips: true }), config)
}

async fn asked(config: TraceqlConfig, query: &str, exemplars: usize) -> Result<SpanMetrics, SourceError> {
    let ns = |ms: i64| ms * 1_000_000;
    let range = MetricsRange { start_ns: 0, end_ns: ns(10_000), step_ns: Some(ns(5000)), exemplars };
    source(config).metrics_range(query, range).await
}

#[tokio::test]
async fn exemplars_are_spans_that_count_and_stand_on_the_points() {
    let query = "{ status = error } | count_over_time()";
    let found = asked(TraceqlConfig::default(), query, 10).await.unwrap();
    let told: Vec<(u8, u8, f64)> =
        found.series[0].exemplars.iter().map(|e| (e.trace_id.0[15], e.span_id.0[7], e.value)).collect();
    assert_eq!(told, [(2, 3, 1.0), (1, 3, 1.0)]);
    let measured = asked(TraceqlConfig::default(), "{ .n = 2 } | max_over_time(duration)", 1).await.unwrap();
    assert_eq!(measured.series[0].exemplars[0].value, 1.5);
    for (hint, wanted) in [("exemplars=false", 0), ("exemplars=1", 1), ("exemplars=true", 2)] {
        let found = asked(TraceqlConfig::default(), &format!("{query} with ({hint})"), 2).await.unwrap();
        assert_eq!(found.series[0].exemplars.len(), wanted, "{hint}");
    }
    assert_eq!(found.inspected.map(|i| i.traces), Some(2), "a trace without an error is not looked at");
}

#[tokio::test]
async fn compare_counts_each_value_in_both_groups() {
    let found =
        asked(TraceqlConfig::default(), "{ .n > 0 } | compare({ status = error }, 1)", 0).await.unwrap();
    let of = |kind: &str, name: &str, value: V| {
        let labels = vec![("__meta_type".to_owned(), V::String(kind.into())), (name.to_owned(), value)];
        let series = found.series.iter().find(|s| s.labels == labels);
        series.map(|s| s.samples.iter().map(|(_, v)| *v).sum::<f64>())
    };
    let text = |s: &str| V::String(s.into());
    assert_eq!(of("selection", "name", text("step")), Some(1.0));
    assert_eq!(of("selection", "span.n", V::Int(2)), Some(1.0));
    assert_eq!(of("baseline", "resource.service.name", text("batch")), Some(1.0));
    assert_eq!(of("baseline_total", "resource.service.name", text("nil")), Some(2.0));
    assert_eq!(of("selection_total", "span.n", text("nil")), Some(1.0));
    // Of two services in the baseline one is told, and that there are more.
    assert_eq!(of("baseline", "resource.service.name", text("worker")), None);
    let more = vec![
        ("__meta_error".to_owned(), text("__too_many_values__")),
        ("resource.service.name".to_owned(), text("nil")),
    ];
    assert!(found.series.iter().any(|s| s.labels == more), "{:?}", found.series);
}

#[tokio::test]
async fn a_query_that_needs_too_much_is_refused_by_the_limit() {
    let query = "{ } | count_over_time() by (name)";
    let few = TraceqlConfig { max_series: 3, ..TraceqlConfig::default() };
    let e = asked(few, query, 0).await.unwrap_err();
    assert!(matches!(&e, SourceError::Limit(m) if m.contains("max_series")), "{e:?}");
    let small = TraceqlConfig { max_numbers: 10, ..TraceqlConfig::default() };
    let e = asked(small, query, 0).await.unwrap_err();
    assert!(matches!(&e, SourceError::Limit(m) if m.contains("max_numbers")), "{e:?}");
    let short = TraceqlConfig { max_points: 1, ..TraceqlConfig::default() };
    let e = asked(short, query, 0).await.unwrap_err();
    assert!(matches!(&e, SourceError::Invalid { message, .. } if message.contains("2 steps")), "{e:?}");
    let one = TraceqlConfig { max_traces: 1, ..TraceqlConfig::default() };
    let e = asked(one, query, 0).await.unwrap_err();
    assert!(matches!(&e, SourceError::Limit(m) if m.contains("max_traces")), "{e:?}");
}

/// Writes down what it is asked to skip by.
struct Heard(std::sync::Mutex<Vec<SpanPattern>>);

impl SpanReader for Heard {
    fn trace(&self, _: console_model::span::TraceId) -> Result<Option<Trace>, console_storage::StorageError> {
        Ok(None)
    }

    fn scan(
        &self,
        _: TimeRange,
        _: Option<&str>,
        _: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), console_storage::StorageError> {
        Ok(())
    }

    fn scan_matching(
        &self,
        _: TimeRange,
        patterns: &[SpanPattern],
        _: &mut dyn FnMut(&Trace) -> ControlFlow<()>,
    ) -> Result<(), console_storage::StorageError> {
        *self.0.lock().unwrap() = patterns.to_vec();
        Ok(())
    }

    fn tag_names(
        &self,
        _: TimeRange,
    ) -> Result<Vec<(AttributeScope, String)>, console_storage::StorageError> {
        Ok(vec![])
    }

    fn tag_values(
        &self,
        _: Option<AttributeScope>,
        _: &str,
        _: TimeRange,
        _: usize,
    ) -> Result<Vec<String>, console_storage::StorageError> {
        Ok(vec![])
    }
}

/// Conditions of a query as text: `span.a = Int(1), ..` by pattern.
async fn skipped_by(query: &str) -> Vec<String> {
    let heard = Arc::new(Heard(std::sync::Mutex::new(Vec::new())));
    let source = TraceqlSource::new(heard.clone(), TraceqlConfig::default());
    let options = SearchOptions { limit: 1, spans_per_trace: 1 };
    source.search_with(query, TimeRange { start_ms: 0, end_ms: 1 }, options).await.unwrap();
    let patterns = heard.0.lock().unwrap().clone();
    let op = |op: ConditionOp| match op {
        ConditionOp::Equal => "=",
        ConditionOp::NotEqual => "!=",
        ConditionOp::Less => "<",
        ConditionOp::LessOrEqual => "<=",
        ConditionOp::Greater => ">",
        ConditionOp::GreaterOrEqual => ">=",
        ConditionOp::Exists => "exists",
    };
    let one = |p: &SpanPattern| {
        let all = p.iter().map(|c| {
            let value = c.value.as_ref().map_or_else(String::new, |v| format!(" {v}"));
            format!("{} {}{value}", c.name, op(c.op))
        });
        all.collect::<Vec<_>>().join(", ")
    };
    patterns.iter().map(one).collect()
}

#[tokio::test]
async fn a_store_is_told_what_every_match_has_and_nothing_else() {
    let cases: [(&str, &[&str]); 20] = [
        ("{ }", &[]),
        ("{ .a = 1 && span.b > 2s }", &["a = 1, b > 2000000000"]),
        ("{ .a = 1 || .b = 2 }", &[]),
        ("{ (.a = 1 && .b = 2) || (.b = 2 && .c = 3) }", &["b = 2"]),
        ("{ 5 < .a }", &["a > 5"]),
        ("{ .a =~ \"x.*\" }", &["a exists"]),
        ("{ .a != nil } && { .b = nil }", &["a exists"]),
        ("{ .a = .b }", &["a exists, b exists"]),
        ("{ .a }", &["a = true"]),
        ("{ !.a }", &["a = false"]),
        ("{ !(.a = 1) }", &[]),
        ("{ status = error && kind != client }", &["status = error, kind != client"]),
        ("{ parent.a = 1 && nestedSetLeft = 1 && rootName = \"x\" }", &[]),
        ("{ .a = 1 } >> { .b = 2 }", &["a = 1", "b = 2"]),
        ("{ .a = 1 } !>> { .b = 2 }", &["b = 2"]),
        ("{ .a = 1 } || { .a = 1 && .b = 2 }", &[]),
        ("({ .a = 1 } && { .b = 1 }) || ({ .b = 1 } && { .c = 1 })", &["b = 1"]),
        ("{ .a = 1 } | count() > 1 | { .b = 2 }", &["a = 1", "b = 2"]),
        ("({ .a = 1 } | count()) > ({ .b = 1 } | count())", &[]),
        ("{ resource.service.name = \"unknown_service\" && .service.name != \"x\" }", &[]),
    ];
    for (query, wanted) in cases {
        assert_eq!(skipped_by(query).await, wanted, "{query}");
    }
    assert_eq!(skipped_by("{ resource.service.name = \"shop\" }").await, ["service.name = shop"]);
}

#[tokio::test]
async fn names_and_values_are_those_of_matching_spans() {
    let source = source(TraceqlConfig::default());
    let tags = |q: &str| TagQuery {
        matching: Some(q.to_owned()),
        range: TimeRange { start_ms: 0, end_ms: 100_000 },
        limit: 100,
    };
    let names = source.tag_names_of(&tags("{ status = error && .amount = 7 }")).await.unwrap();
    let of = |scope: AttributeScope| -> Vec<&str> {
        names.iter().filter(|(s, _)| *s == scope).map(|(_, n)| n.as_str()).collect()
    };
    assert_eq!(of(AttributeScope::Span), ["amount", "codes", "outcome", "price", "tags"]);
    assert_eq!(of(AttributeScope::Event), ["kind", "n"]);
    assert_eq!(of(AttributeScope::Instrumentation), ["lang"]);
    let values = async |scope, name: &str, q: &str| {
        source.tag_values_of(&Tag { scope, name: name.to_owned() }, &tags(q)).await.unwrap()
    };
    assert_eq!(values(None, "n", "{ .n > 1 }").await, [V::Int(2), V::Int(3)]);
    assert_eq!(values(Some(AttributeScope::Span), "codes", "{ }").await, [V::Int(1), V::Int(2)]);
    let kinds = values(Some(AttributeScope::Intrinsic), "kind", "{ .n > 0 }").await;
    assert_eq!(kinds, [V::String("consumer".into()), V::String("internal".into())]);
    let unknown = Tag { scope: Some(AttributeScope::Intrinsic), name: "nothing".into() };
    let e = source.tag_values_of(&unknown, &tags("{ }")).await.unwrap_err();
    assert!(matches!(&e, SourceError::Invalid { message, .. } if message.contains("no intrinsic")), "{e:?}");
}
