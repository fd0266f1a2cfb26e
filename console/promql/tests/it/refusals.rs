//! How wrong queries are refused: in Prometheus' words, at the place of the fault.

use console_promql::{ParseOptions, parse};

fn refusal(text: &str, experimental: bool) -> String {
    match parse(text, ParseOptions { experimental }) {
        Ok(_) => panic!("{text:?} was accepted"),
        Err(e) => e.to_string(),
    }
}

/// Queries and the errors of Prometheus 3.14 (`promql/parser`).
const STABLE: &[(&str, &str)] = &[
    ("", "unknown position: parse error: no expression found in input"),
    ("# only a comment", "1:1: parse error: no expression found in input"),
    ("1 +", "1:4: parse error: unexpected end of input"),
    ("1 /", "1:4: parse error: unexpected end of input"),
    (".", "1:1: parse error: unexpected character: '.'"),
    ("(1", "1:3: parse error: unclosed left parenthesis"),
    ("1)", "1:3: parse error: unexpected right parenthesis ')'"),
    ("1 === 2", "1:5: parse error: unexpected \"=\""),
    ("1 !~ 1", "1:3: parse error: unexpected character after '!': '~'"),
    ("1 =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
    ("2.5.", "1:1: parse error: bad number or duration syntax: \"2.5.\""),
    ("foo$bar", "1:4: parse error: unexpected character: '$'"),
    ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
    ("1 or 1", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"),
    ("1 and on(x) foo", "1:1: parse error: vector matching only allowed between instant vectors"),
    ("foo and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
    (
        "-\"x\"",
        "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
    ),
    ("\"x\" + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"),
    (
        "foo + bar[5m]",
        "1:7: parse error: binary expression must contain only scalar and instant vector types",
    ),
    ("foo or group_left bar", "1:8: parse error: unexpected <group_left>"),
    ("foo and on(bar) group_left(baz) qux", "1:1: parse error: no grouping allowed for \"and\" operation"),
    (
        "foo + on(bar) group_left(bar) qux",
        "1:5: parse error: label \"bar\" must not occur in ON and GROUP clause at once",
    ),
    ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
    ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    ("{x=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    ("{x=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    ("foo{", "1:5: parse error: unexpected end of input inside braces"),
    (
        "foo{gibberish}",
        "1:14: parse error: unexpected \"}\" in label matching, expected label matching operator",
    ),
    ("foo{1}", "1:5: parse error: unexpected character inside braces: '1'"),
    ("foo{a>1}", "1:6: parse error: unexpected character inside braces: '>'"),
    ("foo{a=1}", "1:7: parse error: unexpected character inside braces: '1'"),
    (
        "foo{a=\"1\" b=\"2\"}",
        "1:11: parse error: unexpected identifier \"b\" in label matching, expected \",\" or \"}\"",
    ),
    ("foo{a!\"1\"}", "1:6: parse error: unexpected character after '!' inside braces: '\"'"),
    ("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
    ("foo[", "1:5: parse error: unexpected end of input in duration expression"),
    ("foo[5m", "1:7: parse error: unclosed left bracket"),
    (
        "foo[]",
        "1:5: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
    ),
    ("foo[bar]", "1:5: parse error: unexpected character in duration expression: 'b'"),
    ("foo[:1m]", "1:6: parse error: unexpected colon before duration in duration expression"),
    ("foo[0m]", "1:5: parse error: duration must be greater than 0"),
    ("foo[-1m]", "1:5: parse error: duration must be greater than 0"),
    ("foo[1m:0s]", "1:8: parse error: duration must be greater than 0"),
    ("foo[5m/0]", "1:7: parse error: division by zero"),
    (
        "foo[step() step()]",
        r#"1:12: parse error: unexpected "step" in subquery or range, expected ":" or "]""#,
    ),
    ("foo offset (1m", "1:15: parse error: unclosed left parenthesis"),
    (
        "foo offset",
        "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
    ),
    (
        "foo offset bar",
        "1:12: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()",
    ),
    ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
    ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
    ("foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"),
    ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
    ("foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
    ("foo @ 5 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
    ("(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"),
    (
        "sum(foo) offset 5m",
        "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ),
    ("rate(foo[5m])[5m]", "1:14: parse error: ranges only allowed for vector selectors"),
    (
        "rate(foo)",
        "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector",
    ),
    ("unknown(foo)", "1:1: parse error: unknown function with name \"unknown\""),
    ("floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"),
    ("floor(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 2"),
    ("round(a, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"),
    ("label_join(a)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"),
    ("hour(1)", "1:6: parse error: expected type instant vector in call to function \"hour\", got scalar"),
    ("floor(a,)", "1:8: parse error: trailing commas not allowed in function call args"),
    ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
    (
        "topk(a)",
        "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
    ),
    ("topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
    ("count_values(5, a)", "1:14: parse error: expected type string in aggregation parameter, got scalar"),
    ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
    (
        "sum by (a b) (foo)",
        "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"",
    ),
    ("sum by foo (bar)", "1:8: parse error: unexpected identifier \"foo\" in grouping opts, expected \"(\""),
    (
        "limitk(1, foo)",
        "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
    ),
    ("mad_over_time(foo[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
    ("info(foo)", "1:1: parse error: function \"info\" is not enabled"),
    ("foo anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
    ("foo[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"),
    ("foo + fill(0) bar", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
    ("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
    ("\"abc", "1:1: parse error: unterminated quoted string"),
    ("`abc", "1:1: parse error: unterminated raw string"),
    ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
    ("(foo, bar)", "1:5: parse error: unexpected \",\""),
    ("sum(abs(foo bar))", "1:13: parse error: unexpected identifier \"bar\" in aggregation"),
    ("by (foo)", "1:4: parse error: unexpected \"(\""),
    ("unknown(foo bar)", "1:13: parse error: unexpected identifier \"bar\""),
    ("unknown(sum())", "1:9: parse error: no arguments for aggregate expression provided"),
    ("sum() $", "1:7: parse error: unexpected character: '$'"),
    ("rate(foo) + bar[5m] $", "1:21: parse error: unexpected character: '$'"),
    ("foo + on(x) group_left", "1:23: parse error: unexpected end of input in grouping opts, expected \"(\""),
    ("foo + on bar", "1:10: parse error: unexpected identifier \"bar\" in grouping opts, expected \"(\""),
    (
        "{\"foo\" \"bar\"}",
        "1:8: parse error: unexpected string \"\\\"bar\\\"\" in label matching, expected \",\" or \"}\"",
    ),
    ("foo[5m:1m:]", "1:10: parse error: unexpected colon ':'"),
    ("foo[1.5m]", "1:5: parse error: unknown unit \".\" in duration \"1.5m\""),
    ("foo[1m1h]", "1:5: parse error: not a valid duration string: \"1m1h\""),
    ("foo offset 300y", "1:12: parse error: duration out of range"),
    ("12h3x", "1:1: parse error: bad number or duration syntax: \"12h3\""),
    ("0xfe", "1:1: parse error: bad number or duration syntax: \"0xfe\""),
    (
        "1e400",
        "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e400\": value out of range",
    ),
    ("foo !", "1:5: parse error: unexpected character after '!': '\u{fffd}'"),
    ("foo\u{8}", "1:4: parse error: unexpected character: '\\b'"),
    ("foo{a=~\"b(\"}", "1:5: parse error: error parsing regexp: missing closing ): `b(`"),
    ("foo{a=~\"b**\"}", "1:5: parse error: error parsing regexp: invalid nested repetition operator: `**`"),
    ("foo \"a longer text\"", "1:5: parse error: unexpected string \"\\\"a longer \"..."),
    (
        "sum(\n rate(foo)\n)",
        "2:7: parse error: expected type range vector in call to function \"rate\", got instant vector",
    ),
];

/// As above, with experimental syntax on.
const EXPERIMENTAL: &[(&str, &str)] = &[
    ("foo[5m/0]", "1:7: parse error: division by zero"),
    ("foo[5m%0]", "1:7: parse error: modulo by zero"),
    (
        "foo[max_of(1m)]",
        "1:14: parse error: unexpected \")\" in subquery or range selector, expected number, duration, step(), or range()",
    ),
    (
        "foo[(1m]",
        "1:8: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
    ),
    ("foo[1e12]", "1:5: parse error: duration out of range"),
    ("foo anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
    ("foo[5m:1m] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"),
    ("sum(foo) smoothed", "1:1: parse error: smoothed modifier not implemented"),
    ("foo and fill(0) bar", "1:1: parse error: filling in missing series not allowed for set operators"),
    ("foo + fill(0) 1", "1:1: parse error: filling in missing series only allowed between instant vectors"),
    ("foo + fill(x) bar", "1:12: parse error: unexpected identifier \"x\""),
    ("info(foo, bar)", "1:11: parse error: expected label selectors only, got vector selector instead"),
    ("info(foo, sum(bar))", "1:11: parse error: expected label selectors only"),
    (
        "info(foo, 1)",
        "1:1: parse error: expected type instant vector in call to function \"info\", got scalar",
    ),
    ("info()", "1:1: parse error: expected at least 1 argument(s) in call to \"info\", got 0"),
];

#[test]
fn wrong_queries_are_refused_in_prometheus_words_at_their_place() {
    let tables = [(STABLE, false), (EXPERIMENTAL, true)];
    let mut wrong = Vec::new();
    for (table, experimental) in tables {
        for (text, wanted) in table {
            let got = refusal(text, experimental);
            if got != *wanted {
                wrong.push(format!("{text}\n  wanted {wanted}\n  got    {got}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_nests_or_grows_without_a_bound() {
    for (start, again) in
        [("", "("), ("foo[", "("), ("", "-"), ("foo[", "-"), ("foo offset ", "("), ("", "abs(")]
    {
        let error = refusal(&format!("{start}{}1", again.repeat(60_000)), true);
        assert!(error.contains("nested deeper"), "{start}{again}: {error}");
    }
    assert!(refusal(&"(".repeat(100_000), false).contains("nested deeper"));
    for step in [" + foo", " offset 0s", "[5m:1m]", " @ 1", " and foo", " ^ 2"] {
        assert!(parse(&format!("foo{}", step.repeat(30_000)), ParseOptions::default()).is_err(), "{step}");
    }
    let long = format!("foo{{a=\"{}\"}}", "x".repeat(300_000));
    assert!(refusal(&long, false).contains("over the limit"));
    let durations = format!("foo[1{}]", "+1".repeat(2000));
    assert!(refusal(&durations, true).contains("operators"));
}
