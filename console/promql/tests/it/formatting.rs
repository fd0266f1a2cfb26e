//! Queries written out again.

use console_promql::{ParseOptions, format, parse};
use serde_json::json;

/// A query and its line; nothing where the line is the query. From Prometheus' promql/parser/printer_test.go.
const LINES: &[(&str, &str)] = &[
    (r#"sum by() (task:errors:rate10s{job="s"})"#, r#"sum(task:errors:rate10s{job="s"})"#),
    (r#"sum by(code) (task:errors:rate10s{job="s"})"#, r#"sum by (code) (task:errors:rate10s{job="s"})"#),
    (r#"sum without() (task:errors:rate10s{job="s"})"#, r#"sum without () (task:errors:rate10s{job="s"})"#),
    (r#"sum without(instance) (x{job="s"})"#, r#"sum without (instance) (x{job="s"})"#),
    (r#"sum by("foo.bar") (x{job="s"})"#, r#"sum by ("foo.bar") (x{job="s"})"#),
    (r#"topk(5, task:errors:rate10s{job="s"})"#, ""),
    (r#"count_values("value", task:errors:rate10s{job="s"})"#, ""),
    ("a - on() c", "a - on () c"),
    ("a - on(b) c", "a - on (b) c"),
    ("a - on(b) group_left(x, y) c", "a - on (b) group_left (x, y) c"),
    ("a - on(b) group_left c", "a - on (b) group_left () c"),
    ("a - on(b) group_left() (c)", "a - on (b) group_left () (c)"),
    ("a - ignoring(b) c", "a - ignoring (b) c"),
    ("a - ignoring() c", "a - c"),
    ("a - ignoring() group_left(__metric__) c", "a - ignoring () group_left (__metric__) c"),
    ("up > bool 0", ""),
    ("a offset 1m", ""),
    ("a offset -7m", ""),
    (r#"a{c="d"}[5m] offset 1m"#, ""),
    ("a[12m] offset -3m", ""),
    ("a[1h:5m] offset 1m", ""),
    (r#"{__name__="a"}"#, ""),
    (r#"a{b!="c"}[1m]"#, ""),
    (r#"a{b=~"c"}[1m]"#, ""),
    (r#"a{b!~"c"}[1m]"#, ""),
    ("a @ 10", "a @ 10.000"),
    ("a[1m] @ 10", "a[1m] @ 10.000"),
    ("a @ start()", ""),
    ("a[1m] @ end()", ""),
    (r#"{__name__="",a="x"}"#, ""),
    (r#"{"a.b"="c"}"#, ""),
    (r#"{"0"="1"}"#, ""),
    (r#"{"_0"="1"}"#, r#"{_0="1"}"#),
    ("1048576", ""),
    ("predict_linear(foo[1h], 3000)", ""),
    ("predict_linear(foo[1h], 50m)", ""),
    (r#"count by("ööö", job) (foo)"#, r#"count by ("ööö", job) (foo)"#),
    ("sum(x) BY (b, a)", "sum by (b, a) (x)"),
    ("-foo", ""),
    ("(1+-2)", "(1 + -2)"),
    (r#"x{b="1", a='2'}"#, r#"x{a="2",b="1"}"#),
    (r#"label_replace(x, "a", "\t\"$1", "b", "é")"#, ""),
    ("x[1d12h] offset 1w", "x[1d12h] offset 1w"),
];

#[test]
fn a_query_on_one_line_is_prometheus_s() {
    for (query, line) in LINES {
        let expr = parse(query, ParseOptions::default()).unwrap_or_else(|e| panic!("{query}: {e}"));
        let got = format::one_line(&expr, query);
        assert_eq!(got, if line.is_empty() { *query } else { *line });
        let again = parse(&got, ParseOptions::default()).unwrap_or_else(|e| panic!("{got}: {e}"));
        assert_eq!(format::one_line(&again, &got), got);
    }
}

#[test]
fn a_short_query_stays_on_its_line() {
    let query = "sum(rate(http_requests_total[5m]))by(job)";
    let expr = parse(query, ParseOptions::default()).unwrap();
    assert_eq!(format::pretty(&expr, query), "sum by (job) (rate(http_requests_total[5m]))");
}

#[test]
fn the_tree_has_the_form_that_prometheus_pages_read() {
    let query = "foo{a=\"b\"} / on(x) group_left(y) sum by (z) (rate(bar[5m] offset 1m @ end()))";
    let expr = parse(query, ParseOptions::default()).unwrap();
    let wanted = json!({
        "type": "binaryExpr", "op": "/", "bool": false,
        "matching": {
            "card": "many-to-one", "labels": ["x"], "on": true, "include": ["y"],
            "fillValues": {"lhs": null, "rhs": null},
        },
        "lhs": {
            "type": "vectorSelector", "name": "foo", "offset": 0, "offsetExpr": null, "timestamp": null,
            "startOrEnd": null, "anchored": false, "smoothed": false,
            "matchers": [
                {"name": "a", "value": "b", "type": "="}, {"name": "__name__", "value": "foo", "type": "="},
            ],
        },
        "rhs": {
            "type": "aggregation", "op": "sum", "param": null, "grouping": ["z"], "without": false,
            "expr": {
                "type": "call",
                "func": {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"},
                "args": [{
                    "type": "matrixSelector", "name": "bar", "range": 300_000, "rangeExpr": null,
                    "offset": 60_000, "offsetExpr": null, "timestamp": null, "startOrEnd": "end",
                    "anchored": false, "smoothed": false,
                    "matchers": [{"name": "__name__", "value": "bar", "type": "="}],
                }],
            },
        },
    });
    assert_eq!(format::tree(&expr), wanted);
    let query = "1 + 2 @ 3";
    assert!(parse(query, ParseOptions::default()).is_err());
    let query = "-(max_over_time(x[1h:] @ 1.5)) == bool 1";
    let expr = parse(query, ParseOptions::default()).unwrap();
    let tree = format::tree(&expr);
    assert_eq!((&tree["matching"], &tree["bool"]), (&json!(null), &json!(true)));
    let subquery = &tree["lhs"]["expr"]["expr"]["args"][0];
    assert_eq!((&subquery["type"], &subquery["step"]), (&json!("subquery"), &json!(0)));
    assert_eq!((&subquery["timestamp"], &subquery["range"]), (&json!(1500), &json!(3_600_000)));
}
