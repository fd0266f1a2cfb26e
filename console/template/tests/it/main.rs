//! Templates from outside: what they print, what they refuse, and that nothing makes them run away.

mod line;

use console_template::{Limits, Template, Value};
use proptest::prelude::*;

fn data() -> Value {
    Value::record(
        "AlertData",
        [
            ("Labels", Value::map([("job", "orders"), ("instance", "127.0.0.1:7140")])),
            ("Value", Value::Float(0.2567)),
            (
                "Alerts",
                Value::List(vec![
                    Value::record("Alert", [("Status", Value::Str("firing".into())), ("N", Value::Int(1))]),
                    Value::record("Alert", [("Status", Value::Str("resolved".into())), ("N", Value::Int(2))]),
                ]),
            ),
            ("At", Value::time_ms(1_732_446_061_000)),
        ],
    )
}

fn expand(text: &str) -> Result<String, String> {
    let variables = [
        ("labels", Value::map([("job", "orders")])),
        ("value", Value::Float(0.2567)),
        ("externalURL", Value::Str("http://console".into())),
    ];
    let template = Template::parse("t", text).map_err(|e| e.to_string())?;
    template.expand(&data(), &variables, &Limits::default()).map_err(|e| e.to_string())
}

#[test]
fn templates_print_what_go_prints() {
    for (text, printed) in [
        ("plain", "plain"),
        ("{{ $labels.job }} at {{ $value }}", "orders at 0.2567"),
        ("{{ $.Labels.job }}{{ .Labels.absent }}!", "orders!"),
        ("{{ $value | humanizePercentage }}", "25.67%"),
        ("{{ humanizePercentage .Value }}", "25.67%"),
        (
            "{{ printf \"%.2f|%5.1f|%-6s|%06d|%q|%v\" $value 2.0 \"ab\" 42 \"x\\\"y\" true }}",
            "0.26|  2.0|ab    |000042|\"x\\\"y\"|true",
        ),
        ("{{ printf \"%d\" $value }}", "%!d(float64=0.2567)"),
        ("{{ if gt $value 0.25 }}high{{ else if gt $value 0.1 }}mid{{ else }}low{{ end }}", "high"),
        ("{{ if and .Labels.job (eq .Labels.job \"a\" \"orders\") }}y{{ end }}", "y"),
        (
            "{{ range $i, $p := .Labels.SortedPairs }}{{ if $i }}, {{ end }}{{ $p.Name }}={{ $p.Value }}{{ end }}",
            "instance=127.0.0.1:7140, job=orders",
        ),
        ("{{ range .Alerts.Firing }}{{ .N }}{{ end }}/{{ len .Alerts.Resolved }}", "1/1"),
        ("{{ range $k, $v := .Labels }}{{ $k }};{{ end }}", "instance;job;"),
        ("{{ with .Labels.nope }}a{{ else }}b{{ end }}", "b"),
        ("{{ with $x := .Labels.job }}{{ $x }}{{ . }}{{ end }}", "ordersorders"),
        ("a {{- /* gone */ -}} b {{- 1 }}", "ab1"),
        ("{{ define \"x\" }}<{{ . }}>{{ end }}{{ template \"x\" .Labels.job }}", "<orders>"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ toUpper \"a\" }}{{ \"B\" | toLower }}{{ title \"the shop\" }}", "AbThe Shop"),
        ("{{ reReplaceAll \":(.*)\" \"/$1\" .Labels.instance }}", "127.0.0.1/7140"),
        ("{{ join \",\" .Labels.Values }}", "127.0.0.1:7140,orders"),
        (
            "{{ humanize 1234567.0 }} {{ humanize1024 2048.0 }} {{ humanizeDuration 3725.0 }} {{ humanizeDuration 0.25 }}",
            "1.235M 2ki 1h 2m 5s 250ms",
        ),
        ("{{ humanize \"0.005\" }}", "5m"),
        ("{{ humanizeTimestamp 1732446061 }}", "2024-11-24 11:01:01 +0000 UTC"),
        ("{{ .At.Format \"2006-01-02 15:04\" }}", "2024-11-24 11:01"),
        ("{{ stripPort .Labels.instance }} {{ $externalURL }}", "127.0.0.1 http://console"),
        ("{{ index .Labels \"job\" }}{{ (index .Alerts 0).N }}", "orders1"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .Alerts }}{{ if eq .N 2 }}{{ break }}{{ end }}{{ .N }}{{ end }}", "1"),
        ("{{ not .Labels.absent }} {{ or .Labels.absent \"d\" }}", "true d"),
    ] {
        assert_eq!(expand(text).as_deref(), Ok(printed), "{text}");
    }
}

#[test]
fn errors_say_where() {
    for (text, place, words) in [
        ("a\n {{ nope 1 }}", "t:2:5", "function \"nope\" not defined"),
        ("{{ if 1 }}", "t:1:1", "lacks {{end}}"),
        ("{{ end }}", "t:1:1", "unexpected {{end}}"),
        ("{{ .Missing }}", "t:1:1", "can't evaluate field Missing in type AlertData"),
        ("{{ $nope }}", "t:1:1", "undefined variable"),
        ("{{ \"x }}", "t:1:4", "unterminated quoted string"),
        ("{{ 1 ", "t:1:1", "unclosed action"),
        ("{{ lt 1 \"a\" }}", "t:1:1", "incompatible types"),
        ("{{ template \"no\" }}", "t:1:1", "not defined"),
        ("{{ query \"up\" }}", "t:1:4", "function \"query\" not defined"),
    ] {
        let error = expand(text).expect_err(text);
        assert!(error.contains(place) && error.contains(words), "{text}: {error}");
    }
}

#[test]
fn expansion_is_bounded() {
    let long = expand("{{ range 90000 }}0123456789{{ end }}").expect_err("output is bounded");
    assert!(long.contains("output exceeds"), "{long}");
    let nested = "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}";
    assert!(expand(nested).expect_err("steps are bounded").contains("steps"));
    let recursive = "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}";
    assert!(expand(recursive).expect_err("depth is bounded").contains("deeper"));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert!(expand(&deep).expect_err("nesting is bounded").contains("nested deeper"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([a-z .$\"|(){}:=-]|\\{\\{|\\}\\}|if |end|range |else|\\.A|1){0,60}") {
        let _ = expand(&text);
    }
}
