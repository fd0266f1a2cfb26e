//! Log queries, tails, errors and limits.

use std::time::Duration;

use console_logql::{LogqlConfig, LogqlSource, parse};
use console_model::{
    TimeRange,
    log::{Direction, LogAnswer, LogStream},
    metric::QueryValue,
};
use console_storage::{SourceError, source::LogsSource};

use crate::{Bench, EPOCH_MS, EPOCH_NS};

const SHOP: &[(&str, &str)] = &[("service_name", "orders"), ("level", "info")];
const PAY: &[(&str, &str)] = &[("service_name", "payments"), ("level", "error")];

fn shop() -> Bench {
    let bench = Bench::new(LogqlConfig::default());
    bench.line(SHOP, 1, r#"{"message":"order placed","fields":{"total":12},"trace_id":"abc"}"#, &[]);
    bench.line(PAY, 2, r#"{"message":"payment declined by provider","trace_id":"abc"}"#, &[("pod", "p-1")]);
    bench.line(SHOP, 3, "plain \x1b[31mred\x1b[0m text", &[]);
    bench.line(SHOP, 4, "level=warn took=250ms size=3MB", &[]);
    bench
}

async fn range(
    source: &LogqlSource,
    expr: &str,
    limit: usize,
    d: Direction,
) -> Result<Vec<LogStream>, SourceError> {
    match source.query_range(expr, EPOCH_NS, EPOCH_NS + 10_000_000_000, 1000, limit, d).await? {
        LogAnswer::Streams { streams, .. } => Ok(streams),
        LogAnswer::Metric(m) => panic!("{m:?}"),
    }
}

/// The lines of a query, in order of time.
async fn lines(bench: &Bench, expr: &str) -> Vec<String> {
    let streams = range(&bench.source, expr, 100, Direction::Forward).await.unwrap();
    let mut all: Vec<_> = streams.into_iter().flat_map(|s| s.entries).collect();
    all.sort_by_key(|e| e.t_ns);
    all.into_iter().map(|e| e.line).collect()
}

async fn labels(bench: &Bench, expr: &str) -> Vec<String> {
    let streams = range(&bench.source, expr, 100, Direction::Forward).await.unwrap();
    streams.iter().map(|s| s.labels.to_string()).collect()
}

#[tokio::test]
async fn a_log_query_keeps_to_limit_direction_and_range() {
    let bench = shop();
    let newest = range(&bench.source, r#"{level=~".+"}"#, 2, Direction::Backward).await.unwrap();
    let times: Vec<i64> =
        newest.iter().flat_map(|s| &s.entries).map(|e| (e.t_ns - EPOCH_NS) / 1_000_000_000).collect();
    assert_eq!(times, [4, 3]);
    let (start, end) = (EPOCH_NS + 2_000_000_000, EPOCH_NS + 3_000_000_000);
    let half_open =
        bench.source.query_range(r#"{level=~".+"}"#, start, end, 1000, 10, Direction::Forward).await;
    let Ok(LogAnswer::Streams { streams, stats }) = half_open else { panic!("{half_open:?}") };
    assert_eq!((streams.len(), stats.samples, streams[0].entries[0].t_ns), (1, 1, start));
    assert_eq!(streams[0].entries[0].metadata, [("pod".to_owned(), "p-1".to_owned())]);
}

#[tokio::test]
async fn stages_change_lines_and_labels() {
    let bench = shop();
    assert_eq!(
        labels(&bench, r#"{service_name="payments"} | json"#).await,
        [
            r#"{level="error", message="payment declined by provider", pod="p-1", service_name="payments", trace_id="abc"}"#
        ]
    );
    assert_eq!(
        lines(
            &bench,
            r#"{level=~".+"} | json | trace_id="abc" | line_format "{{.service_name}}: {{ .message }}""#
        )
        .await,
        ["orders: order placed", "payments: payment declined by provider"]
    );
    assert_eq!(lines(&bench, r#"{level="info"} |= "plain" | decolorize"#).await, ["plain red text"]);
    assert_eq!(
        labels(
            &bench,
            r#"{level="info"} |= "took" | logfmt | took > 100ms and size >= 3MB | drop took, size"#
        )
        .await,
        [r#"{level="info", level_extracted="warn", service_name="orders"}"#]
    );
    assert_eq!(
        labels(&bench, r#"{level="info"} |= "took" | logfmt | label_format svc=service_name, t="{{.took}}!" | keep svc, t"#)
            .await,
        [r#"{svc="orders", t="250ms!"}"#]
    );
    assert_eq!(
        labels(&bench, r#"{level="info"} |= "placed" | json total="fields.total" | keep total"#).await,
        [r#"{total="12"}"#]
    );
    // A line that a parser cannot read stays, and says so.
    let marked = labels(&bench, r#"{level="info"} |= "plain" | json"#).await;
    assert!(marked[0].contains(r#"__error__="JSONParserErr""#), "{marked:?}");
    assert_eq!(lines(&bench, r#"{level="info"} | json | __error__="""#).await.len(), 1);
}

#[tokio::test]
async fn templates_compute_with_labels_line_and_time() {
    let bench = shop();
    assert_eq!(
        lines(&bench, r#"{level="info"} |= "took" | logfmt | line_format `{{ __timestamp__ | unixEpoch }} {{ __line__ | upper | trunc 5 }} {{ .took | duration }}`"#).await,
        ["1700000004 LEVEL 0.25"]
    );
    assert_eq!(
        labels(&bench, r#"{level="info"} |= "took" | label_format a=`{{ if eq .level "info" }}low{{ end }}`, b=`{{ .a }}{{ .absent }}!` | keep a, b"#).await,
        // Both see the labels as they were before.
        [r#"{a="low", b="!"}"#]
    );
    // A template that fails leaves the line as it was, and says so.
    let failing = r#"{level="info"} |= "took" | line_format "{{ unixToTime .level }}""#;
    assert_eq!(lines(&bench, failing).await, ["level=warn took=250ms size=3MB"]);
    let marked = labels(&bench, failing).await;
    assert!(
        marked[0].contains(r#"__error__="TemplateFormatErr""#) && marked[0].contains("unable to parse time"),
        "{marked:?}"
    );
    assert_eq!(lines(&bench, &format!(r#"{failing} | __error__="""#)).await.len(), 0);
    match parse(r#"{a="b"} | line_format "{{ nope .x }}""#) {
        Err(console_logql::Error::Parse { message, position: 22 }) => {
            assert!(message.contains("\"nope\" not defined"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn approx_topk_is_topk_of_instant_queries_without_groups() {
    let bench = shop();
    let at = EPOCH_NS + 10_000_000_000;
    let query = r#"approx_topk(1, sum by (level) (count_over_time({level=~".+"}[1m])))"#;
    let Ok(LogAnswer::Metric(m)) = bench.source.query(query, at, 1, Direction::Forward).await else {
        panic!()
    };
    let QueryValue::Vector(v) = m.value else { panic!() };
    assert_eq!((v.len(), v[0].0.to_string().as_str(), v[0].1.v), (1, r#"{level="info"}"#, 3.0));
    let ranged = bench.source.query_range(query, EPOCH_NS, at, 1000, 1, Direction::Forward).await;
    assert!(ranged.unwrap_err().to_string().contains("only supported for instant queries"));
    assert!(parse(r#"approx_topk by (a) (1, rate({a="b"}[1m]))"#).is_err());
}

#[tokio::test]
async fn sizes_are_whole_bytes() {
    let bench = Bench::new(LogqlConfig::default());
    bench.line(SHOP, 1, "size=1.0005KB", &[]);
    let query = r#"sum_over_time({level="info"} | logfmt | unwrap bytes(size) [1m])"#;
    let Ok(LogAnswer::Metric(m)) =
        bench.source.query(query, EPOCH_NS + 2_000_000_000, 1, Direction::Forward).await
    else {
        panic!()
    };
    assert!(matches!(&m.value, QueryValue::Vector(v) if v[0].1.v == 1000.0), "{:?}", m.value);
    assert_eq!(lines(&bench, r#"{level="info"} | logfmt | size == 1000B"#).await.len(), 1);
}

#[tokio::test]
async fn line_filters_join_and_negate() {
    let bench = shop();
    assert_eq!(lines(&bench, r#"{level=~".+"} |= "placed" or "declined""#).await.len(), 2);
    assert_eq!(lines(&bench, r#"{level=~".+"} != "placed" or "declined""#).await.len(), 2);
    assert_eq!(lines(&bench, r#"{level=~".+"} |~ "pla(in|ced)" !~ "order""#).await.len(), 1);
    assert_eq!(lines(&bench, "{level=~`.+`} # comment\n |= `took`").await.len(), 1);
}

#[tokio::test]
async fn unwrap_converts_durations_and_sizes() {
    let bench = shop();
    for (expr, wanted) in [
        (r#"sum_over_time({level="info"} | logfmt | unwrap duration(took) [1m])"#, 0.25),
        (r#"max_over_time({level="info"} | logfmt | unwrap bytes(size) [1m])"#, 3e6),
        (r#"sum(label_replace(count_over_time({level="info"}[1m]), "a", "$1", "level", "(.*)"))"#, 3.0),
    ] {
        let answer =
            bench.source.query(expr, EPOCH_NS + 10_000_000_000, 1, Direction::Forward).await.unwrap();
        let LogAnswer::Metric(m) = answer else { panic!("streams") };
        let QueryValue::Vector(v) = m.value else { panic!("{:?}", m.value) };
        assert!(v.len() == 1 && v[0].1.v == wanted, "{expr}: {v:?}");
    }
}

#[test]
fn a_wrong_query_names_the_byte() {
    for (query, position) in [
        (r#"{a="b"} |= "#, 11),
        (r#"{a="b"} | json | x >"#, 20),
        (r"{a=~`(`}", 4),
        ("rate({a=`b`})", 4),
        ("{}", 0),
        ("{a=~`.*`}", 0),
        ("sum(1", 5),
        ("foo", 0),
    ] {
        match parse(query) {
            Err(console_logql::Error::Parse { position: p, .. }) => assert_eq!(p, position, "{query}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (query, name) in [
        (r#"{a="b"} | distinct x"#, "distinct"),
        (r#"variants(count_over_time({a="b"}[1m])) of ({a="b"}[1m])"#, "variants"),
    ] {
        match parse(query) {
            Err(console_logql::Error::Unsupported(m)) => assert!(m.contains(name), "{m}"),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn limits_are_errors_that_name_themselves() {
    let small = LogqlConfig { max_lines: 5, max_series: 2, max_samples: 4, ..LogqlConfig::default() };
    let bench = Bench::new(small);
    for i in 0..5 {
        bench.line(&[("n", if i < 3 { "a" } else { "b" }), ("i", &i.to_string())], i, "x", &[]);
    }
    let at = EPOCH_NS + 10_000_000_000;
    let limit = |r: Result<LogAnswer, SourceError>| match r {
        Err(SourceError::Limit(m)) => m,
        other => panic!("{other:?}"),
    };
    let instant = |q: &'static str| bench.source.query(q, at, 1, Direction::Forward);
    assert!(limit(instant(r#"count_over_time({n="a"}[1m])"#).await).contains("maximum of series (2)"));
    // Labels that only lines hold do not count, where a sum drops them.
    assert!(instant(r#"sum(count_over_time({n="a"}[1m]))"#).await.is_ok());
    // What only counts holds none of its samples.
    assert!(instant(r#"count_over_time({n=~".+"} | keep nothing [1m])"#).await.is_ok());
    let held = r#"quantile_over_time(0.5, {n=~".+"} | unwrap i [1m]) by (x)"#;
    assert!(limit(instant(held).await).contains("max_samples (4)"));
    bench.line(&[("n", "c")], 9, "x", &[]);
    bench.line(&[("n", "c")], 8, "x", &[]);
    let all = bench.source.query_range(r#"{n=~".+"}"#, EPOCH_NS, at, 1000, 100, Direction::Forward).await;
    assert!(limit(all).contains("max_lines (5)"));
    let many = bench.source.query_range(r#"{n="a"}"#, 0, 1, 1, 100_000, Direction::Forward).await;
    assert!(limit(many).contains("max_entries"));
    let fine = bench.source.query_range("vector(1)", 0, EPOCH_NS, 1, 1, Direction::Forward).await;
    assert!(limit(fine).contains("11000 points"));
    let late = LogqlConfig { timeout: Duration::ZERO, ..LogqlConfig::default() };
    let bench = Bench::new(late);
    bench.line(SHOP, 1, "x", &[]);
    let q = bench.source.query(r#"rate({level="info"}[1m])"#, at, 1, Direction::Forward).await;
    assert!(matches!(q, Err(SourceError::Timeout)), "{q:?}");
}

#[tokio::test]
async fn labels_and_series_are_listed() {
    let bench = shop();
    let all = TimeRange { start_ms: EPOCH_MS, end_ms: EPOCH_MS + 10_000 };
    assert_eq!(bench.source.label_names(all).await.unwrap(), ["level", "service_name"]);
    assert_eq!(bench.source.label_values("service_name", all).await.unwrap(), ["orders", "payments"]);
    assert_eq!(bench.source.series(&[], all).await.unwrap().len(), 2);
    let one =
        bench.source.series(&[r#"{level="error"}"#.into(), r#"{level="none"}"#.into()], all).await.unwrap();
    assert_eq!(one[0].to_string(), r#"{level="error", service_name="payments"}"#);
    assert!(bench.source.series(&["rate(x)".into()], all).await.is_err());
}

#[tokio::test]
async fn a_tail_gives_new_lines_that_match_and_counts_what_it_dropped() {
    let small = LogqlConfig { tail_frames: 1, ..LogqlConfig::default() };
    let bench = Bench::new(small);
    bench.line(PAY, 1, "old", &[]);
    let mut tail =
        bench.source.tail(r#"{level="error"} |= "declined" | line_format "! {{__line__}}""#).await.unwrap();
    bench.line(SHOP, 2, "declined elsewhere", &[]);
    bench.line(PAY, 3, "approved", &[]);
    bench.line(PAY, 4, "declined 0", &[]);
    let first = tail.recv().await.unwrap();
    assert_eq!((first.streams[0].entries[0].line.as_str(), first.dropped), ("! declined 0", 0));
    // Nobody reads: one frame waits, the next two are dropped.
    for i in 1..=3 {
        bench.line(PAY, 4 + i, &format!("declined {i}"), &[]);
        tokio::task::yield_now().await;
    }
    assert_eq!(tail.recv().await.unwrap().streams[0].entries[0].line, "! declined 1");
    bench.line(PAY, 9, "declined 9", &[]);
    let last = tail.recv().await.unwrap();
    assert_eq!((last.streams[0].entries[0].line.as_str(), last.dropped), ("! declined 9", 2));
    assert!(bench.source.tail("rate({a=`b`}[1m])").await.is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[ -~µ\n]{0,60}", junk in r#"(\{a="b"\}|[|=!~<>()\[\]{},"`0-9.a-z -]){0,40}"#) {
        let _ = parse(&text);
        let _ = parse(&junk);
        let _ = parse(&format!("{{a=\"b\"}} {junk}"));
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for (open, before) in [("(", ""), ("sum(", ""), ("(", "{a=`b`} | "), ("1+(", ""), ("(", "rate(")] {
        assert!(parse(&format!("{before}{}", open.repeat(15_000))).is_err());
    }
}

#[tokio::test]
async fn a_tail_with_a_start_begins_with_the_newest_lines_and_tells_none_twice() {
    use console_storage::source::TailOptions;

    let bench = shop();
    let options = TailOptions { start_ns: Some(EPOCH_NS), limit: 2, delay_ms: 0 };
    let mut tail = bench.source.tail_with(r#"{level="info"}"#, options).await.unwrap();
    let first = tail.recv().await.unwrap();
    let told: Vec<i64> =
        first.streams[0].entries.iter().map(|e| (e.t_ns - EPOCH_NS) / 1_000_000_000).collect();
    // Oldest first, and the oldest line of all is beyond the limit.
    assert_eq!((told, first.streams.len()), (vec![3, 4], 1));
    bench.line(SHOP, 5, "new", &[]);
    assert_eq!(tail.recv().await.unwrap().streams[0].entries[0].line, "new");
    let many = TailOptions { start_ns: Some(0), limit: 1_000_000, delay_ms: 0 };
    assert!(matches!(bench.source.tail_with(r#"{level="info"}"#, many).await, Err(SourceError::Limit(_))));
}

#[tokio::test]
async fn a_tail_holds_lines_back_as_long_as_it_is_told() {
    use console_storage::source::TailOptions;

    let bench = shop();
    let options = TailOptions { start_ns: None, limit: 0, delay_ms: 60 };
    let mut tail = bench.source.tail_with(r#"{level="info"}"#, options).await.unwrap();
    let begun = tokio::time::Instant::now();
    bench.line(SHOP, 5, "new", &[]);
    assert_eq!(tail.recv().await.unwrap().streams[0].entries[0].line, "new");
    assert!(begun.elapsed() >= Duration::from_millis(60), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn fields_patterns_and_volumes_tell_what_lines_are_like() {
    use console_storage::{logs::Windows, source::FieldType};

    let bench = shop();
    let end = EPOCH_NS + 10_000_000_000;
    let fields = bench.source.detected_fields(r#"{level=~".+"}"#, EPOCH_NS, end, 100, 10, 5).await.unwrap();
    let told =
        |name: &str| fields.iter().find(|f| f.label == name).unwrap_or_else(|| panic!("{name}: {fields:?}"));
    assert_eq!(
        (told("took").field_type, told("took").parsers.as_slice()),
        (FieldType::Duration, &["logfmt"][..])
    );
    assert_eq!(
        (told("size").field_type, told("fields_total").field_type),
        (FieldType::Bytes, FieldType::Int)
    );
    assert_eq!((told("message").cardinality, told("message").parsers.as_slice()), (2, &["json"][..]));
    assert_eq!((told("pod").values.as_slice(), told("pod").parsers.len()), (&["p-1".to_owned()][..], 0));
    for i in 0..5 {
        bench.line(SHOP, 6, &format!("order {i} is on its way"), &[]);
    }
    let patterns = bench.source.patterns(r#"{level="info"}"#, EPOCH_NS, end, 5_000_000_000).await.unwrap();
    assert_eq!(patterns[0].pattern, "order <_> is on its way");
    assert_eq!(patterns[0].samples, [(EPOCH_NS + 5_000_000_000, 5)]);
    let windows = Windows { start_ns: EPOCH_NS, step_ns: 5_000_000_000, count: 2 };
    let volumes = bench.source.volumes(r#"{level="info"}"#, windows).await.unwrap();
    assert_eq!((volumes.len(), volumes[0].entries.as_slice()), (1, &[3, 5][..]));
    assert!(bench.source.volumes(r#"{level="info"} |= "x""#, windows).await.is_err());
    let all = TimeRange { start_ms: EPOCH_MS, end_ms: EPOCH_MS + 10_000 };
    assert_eq!(
        bench.source.label_names_of(r#"{level="error"}"#, all).await.unwrap(),
        ["level", "service_name"]
    );
    let values = bench.source.label_values_of("service_name", r#"{level="error"}"#, all).await.unwrap();
    assert_eq!(values, ["payments"]);
    assert_eq!(bench.source.format_query(r#"{a = "b"}|json"#).await.unwrap(), r#"{a="b"} | json"#);
}

#[tokio::test]
async fn a_chain_of_operators_is_bounded_and_within_the_bound_is_computed() {
    let bench = shop();
    let chain = |n: usize| format!("vector(1){}", " + 1".repeat(n));
    let found = bench.source.query(&chain(990), EPOCH_NS, 0, Direction::Forward).await.unwrap();
    let LogAnswer::Metric(answer) = found else { panic!("no number") };
    let QueryValue::Vector(vector) = answer.value else { panic!("no vector") };
    assert_eq!(vector[0].1.v, 991.0);
    let error = bench.source.query(&chain(5_000), EPOCH_NS, 0, Direction::Forward).await.unwrap_err();
    assert!(error.to_string().contains("more than 2000 words and signs"), "{error}");
}
