//! Loki's functions: every one of its documentation, what they refuse, and their bounds.

use console_template::{Functions, Limits, Moment, Template, Value};

const TIMESTAMP_NS: i64 = 1_732_446_061_120_000_000;

fn expand(text: &str) -> Result<String, String> {
    let template = Template::parse_with("line", text, Functions::Line).map_err(|e| e.to_string())?;
    let data = Value::map([
        ("path", "/api/orders list"),
        ("took", "1m30s"),
        ("size", "1.0005KB"),
        ("json", r#"[{"query":"a","n":1},{"query":"b"}]"#),
    ]);
    let host = |name: &str| match name {
        "__line__" => Some(Value::Str("The LINE".to_owned())),
        "__timestamp__" => Some(Value::Time(Moment::from_ns(TIMESTAMP_NS))),
        "now" => Some(Value::time_ms(1_700_000_000_000)),
        _ => None,
    };
    template.expand_on(&data, &[], &host, &Limits::default()).map_err(|e| e.message)
}

#[test]
fn every_documented_function_answers_as_documented() {
    for (text, printed) in [
        (r#"{{ .path | replace " " "_" | trunc 5 | upper }}"#, "/API/"),
        (r#"{{ if and (contains "he" "hello") (contains "llo" "hello") }} yes {{end}}"#, " yes "),
        ("{{ __line__ | lower }}", "the line"),
        ("{{ __timestamp__ }}", "2024-11-24 11:01:01.12 +0000 UTC"),
        (r#"{{ __timestamp__ | date "2006-01-02T15:04:05.00Z-07:00" }}"#, "2024-11-24T11:01:01.12Z+00:00"),
        ("{{ __timestamp__ | unixEpoch }}", "1732446061"),
        ("{{ unixEpochMillis __timestamp__ }}", "1732446061120"),
        ("{{ unixEpochNanos __timestamp__ }}", "1732446061120000000"),
        (r#"{{ date "2006-01-02" now }}"#, "2023-11-14"),
        ("{{ .took | duration }} {{ duration_seconds .took }}", "90 90"),
        (r#"{{ toDate "2006-01-02" "2021-11-02" }}"#, "2021-11-02 00:00:00 +0000 UTC"),
        (r#"{{ toDate "2006-01-02" "nonsense" }}"#, "0001-01-01 00:00:00 +0000 UTC"),
        (
            r#"{{ "2021-11-02T10:00:00.5Z" | toDateInZone "2006-01-02T15:04:05.999999999Z" "UTC" | unixEpochMillis }}"#,
            "1635847200500",
        ),
        (r#"{{date "2006-01-02" (unixToTime "1679577215")}}"#, "2023-03-23"),
        (
            r#"{{unixToTime "19445" | unixEpoch}} {{unixToTime "1679577215123" | unixEpochMillis}}"#,
            "1680048000 1679577215123",
        ),
        (r#"{{ alignLeft 5 "hello world"}}|{{ alignLeft 5 "hi"}}|"#, "hello|hi   |"),
        (r#"{{ alignRight 5 "hello world"}}|{{ alignRight 5 "hi"}}|"#, "world|   hi|"),
        (r#"{{ "héé" | b64enc }} {{ b64dec "aMOpw6k=" }}"#, "aMOpw6k= héé"),
        (r#"{{ b64dec "a!" }}"#, "illegal base64 data at input byte 1"),
        ("{{ .size | bytes }} {{ bytes \"2 MiB\" }}", "1000 2.097152e+06"),
        (r#"{{ default "-" "" }}{{ default "-" "foo" }}{{ .absent | default "x" }}"#, "-foox"),
        (r#"{{fromJson "{\"foo\": 55}"}}{{ fromJson "no" }}"#, "map[foo:55]"),
        ("{{ range $q := fromJson .json }}{{ $q.query }};{{ end }}", "a;b;"),
        (r#"{{ indent 2 "a\nb" }}{{ nindent 1 "c" }}"#, "  a\n  b\n c"),
        (r#"{{ repeat 3 "hello" }}"#, "hellohellohello"),
        (r#"{{ printf "%-6.4s|%15.15s" .path "abc" }}"#, "/api  |            abc"),
        (
            r#"{{ substr 0 5 "hello world"}}{{ substr 6 11 "hello world"}}{{ substr -1 2 "ab c" }}{{ substr 2 -1 "abc" }}"#,
            "helloworldabc",
        ),
        (r#"{{ title "hello world"}}{{ trim "  x  " }}{{ trimAll "$" "$5.00$" }}"#, "Hello Worldx5.00"),
        (r#"{{ trimPrefix "-" "-hello" }}{{ trimSuffix "-" "hello-" }}"#, "hellohello"),
        (r#"{{ trunc 5 "hello world"}}{{ trunc -5 "hello world"}}{{ trunc -9 "ä" }}"#, "helloworldä"),
        (r#"{{ urlencode "a b&c/ä" }} {{ urldecode "a+b%26c" }}"#, "a+b%26c%2F%C3%A4 a b&c"),
        (r#"{{ eq "a" "a" }} {{ hasPrefix "he" "hello" }} {{ hasSuffix "lo" "hello" }}"#, "true true true"),
        ("{{ add 3 2 5 }} {{ addf 3.5 2 5 }} {{ addf 0.1 0.2 }}", "10 10.5 0.3"),
        ("{{ ceil 123.001 }} {{ floor 123.9999 }} {{ div 10 2}} {{ divf 10 2 4}}", "124 123 5 1.25"),
        (r#"{{ "3.5" | float64 }} {{ "3" | int }} {{ int 3.9 }} {{ int "x" }}"#, "3.5 3 3 0"),
        ("{{ max 1 2 3 }} {{ maxf 1 2.5 3 }} {{ min 1 2 3 }} {{ minf 1.5 2.5 3 }}", "3 3 1 1.5"),
        (
            "{{ mul 5 2 3}} {{ mulf 5.5 2 2.5 }} {{ mod 10 3}} {{ sub 5 2 }} {{ subf 5.5 2 1.5 }}",
            "30 27.5 1 3 2",
        ),
        ("{{ round 123.555555 3 }} {{ round 123.88571428571 5 .2 }}", "123.556 123.88572"),
        (r#"{{ count "a|b" "abab" }} {{ __line__ | count "[A-Z]" }}"#, "4 5"),
        (r#"{{ regexReplaceAll "(a*)bc" "aabc" "${1}a" }}"#, "aaa"),
        (r#"{{ regexReplaceAllLiteral "(ts=)" "ts=1" "$1timestamp=" }}"#, "$1timestamp=1"),
        (
            r#"{{ .path | ToUpper }} {{ Replace "aaa" "a" "b" 2 }} {{ TrimLeft "xxa" "x" }}"#,
            "/API/ORDERS LIST bba a",
        ),
    ] {
        assert_eq!(expand(text).as_deref(), Ok(printed), "{text}");
    }
}

#[test]
fn what_fails_says_what() {
    for (text, words) in [
        (r#"{{ unixToTime "1" }}"#, "unable to parse time '1'"),
        (r#"{{ duration "soon" }}"#, "invalid duration"),
        (r#"{{ bytes "3 quux" }}"#, "unhandled size name: quux"),
        ("{{ div 1 0 }}", "divide by zero"),
        (r#"{{ count "(" "x" }}"#, "regex parse error"),
        (r#"{{ urldecode "%zz" }}"#, "invalid URL escape"),
        ("{{ lower 1 }}", "expected string; got int"),
        (r#"{{ repeat 99999999 "xx" }}"#, "exceeds"),
        (r#"{{ indent 99999999 "xx" }}"#, "exceeds"),
        (r#"{{ alignLeft 99999999 "xx" }}"#, "exceeds"),
        (r#"{{ replace "" (repeat 60000 "x") (repeat 60000 "y") }}"#, "exceeds"),
        (r#"{{ regexReplaceAll "" (repeat 60000 "x") (repeat 60000 "y") }}"#, "exceeds"),
    ] {
        let error = expand(text).expect_err(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn each_set_has_its_own_functions() {
    for (text, set) in [
        ("{{ humanize 1 }}", Functions::Line),
        (r#"{{ stripPort "a:1" }}"#, Functions::Line),
        ("{{ __line__ }}", Functions::Alerting),
        ("{{ now }}", Functions::Alerting),
        (r#"{{ lower "A" }}"#, Functions::Alerting),
        (r#"{{ fromJson "1" }}"#, Functions::Alerting),
    ] {
        let error = Template::parse_with("t", text, set).expect_err(text);
        assert!(error.message.contains("not defined"), "{text}: {error}");
    }
    assert!(Template::parse("t", "{{ humanize 1 }}").is_ok());
}

#[test]
fn a_template_tells_the_fields_that_it_looks_at() {
    let fields = |text: &str| Template::parse_with("t", text, Functions::Line).unwrap().fields();
    let some = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    assert_eq!(
        fields("{{.b}} {{ .a | lower }} {{ if eq .c $.d }}{{ __line__ }}{{ end }}"),
        some(&["a", "b", "c", "d"])
    );
    assert_eq!(fields("{{ range $q := fromJson .a }}{{ $q.x }}{{ . }}{{ end }}"), some(&["a"]));
    assert_eq!(fields("plain"), some(&[]));
    for all in ["{{ . }}", "{{ range $k, $v := . }}{{ $k }}{{ end }}", "{{ $ }}", "{{ printf \"%v\" . }}"] {
        assert_eq!(fields(all), None, "{all}");
    }
}
