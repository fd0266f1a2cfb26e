//! Syntax that Prometheus keeps behind feature flags: off unless asked for, and written out as it was read.

use console_promql::{ParseOptions, format, parse};

const QUERIES: &[(&str, &str)] = &[
    ("rate(x[5m] smoothed @ 10 offset 1m)", "rate(x[5m] smoothed @ 10.000 offset 1m)"),
    ("x anchored", "x anchored"),
    ("a + fill(1) b", "a + fill (1) b"),
    ("a + on(x) fill_left(-1) fill_right(2) b", "a + on (x) fill_left (-1) fill_right (2) b"),
    ("info(a, {b=\"c\"})", "info(a, {b=\"c\"})"),
    ("limit_ratio(0.5, a)", "limit_ratio(0.5, a)"),
];

/// Arithmetic in durations needs no flag any more.
const DURATIONS: &[(&str, &str)] = &[
    ("x[ 2*step() ]", "x[2 * step()]"),
    ("x[(1m+30s)/2]", "x[(1m + 30s) / 2]"),
    ("x[max_of(step(),1m):min_of(range(),10)]", "x[max_of(step(), 1m):min_of(range(), 10)]"),
    ("x offset -(1m - step())", "x offset -(1m - step())"),
    ("x offset -step()", "x offset -step()"),
];

#[test]
fn experimental_queries_are_off_and_can_be_written_out_again() {
    for (text, _) in QUERIES {
        assert!(parse(text, ParseOptions::default()).is_err(), "{text}");
    }
    for (text, _) in DURATIONS {
        assert!(parse(text, ParseOptions::default()).is_ok(), "{text}");
    }
    for (text, wanted) in QUERIES.iter().chain(DURATIONS) {
        let expr = parse(text, ParseOptions { experimental: true }).unwrap_or_else(|e| panic!("{text}: {e}"));
        let line = format::one_line(&expr, text);
        assert_eq!(line, *wanted);
        let again =
            parse(&line, ParseOptions { experimental: true }).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(format::one_line(&again, &line), line);
    }
}

#[test]
fn words_of_experimental_syntax_are_still_names() {
    for text in
        ["fill + fill", "step", "range{a=\"b\"}", "smoothed + anchored", "sum by (step, fill) (x)", "max_of"]
    {
        assert!(parse(text, ParseOptions::default()).is_ok(), "{text}");
    }
}
