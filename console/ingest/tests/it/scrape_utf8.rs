//! Scraping of names that are not classic ones: how they are asked for, stored unchanged, and refused.

use console_model::{Matcher, metric::MetricKind};
use console_storage::metrics::SeriesReader;

use crate::{
    protobuf::{GAUGE, Label, Metric, delimited, family, simple},
    scraping::{Answer, Scraping, Server},
};

const OPEN: (&str, &str) =
    ("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
const TEXT: (&str, &str) = ("content-type", "text/plain; version=1.0.0; escaping=allow-utf-8");
const PROTO: (&str, &str) = (
    "content-type",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
);

fn text(media: (&'static str, &'static str), text: &str) -> Answer {
    Answer::Text(vec![media], text.as_bytes().to_vec())
}

/// Label sets of a metric but for the target's own labels: `name=value` pairs.
fn labels(scraping: &Scraping, metric: &str) -> Vec<String> {
    let of_target = ["__name__", "instance", "job", "zone"];
    let shown = |s: &console_model::metric::Series| {
        let own = s.labels.iter().filter(|l| !of_target.contains(&&*l.name));
        own.map(|l| format!("{}={}", l.name, l.value)).collect::<Vec<_>>().join(",")
    };
    scraping.series(metric).iter().map(shown).collect()
}

#[tokio::test]
async fn quoted_names_are_stored_as_they_are_meant() {
    let server = Server::start("").await;
    let metric = "Heizöl 10€ \"interesting\" {character\nchoices}";
    let written =
        r#"{"Heizöl 10€ \"interesting\" {character\nchoices}","strange©\n'quoted' \"name\""="6"} 10"#;
    let rest = "# HELP \"http.requests\" How many.\n# TYPE \"http.requests\" counter\n";
    let samples = "{\"http.requests_total\",\"http.method\"=\"GET\"} 5";
    for answer in [
        text(TEXT, &format!("{written}\n{rest}{samples}\n")),
        text(OPEN, &format!("{written}\n{rest}{samples} # {{\"trace.id\"=\"1\"}} 1\n# EOF\n")),
    ] {
        server.set(answer.clone());
        let scraping = Scraping::of(&server, "");
        scraping.until_up().await;
        assert_eq!(labels(&scraping, metric), ["strange©\n'quoted' \"name\"=6"]);
        assert_eq!(labels(&scraping, "http.requests_total"), ["http.method=GET"]);
        let metadata = scraping.store.metadata(Some("http.requests"), 0).unwrap();
        assert_eq!((metadata[0].kind, &*metadata[0].help), (MetricKind::Counter, "How many."));
        let selector = [vec![Matcher::equal("http.method", "GET")]];
        let found = scraping.store.exemplars(&selector, 0, i64::MAX).unwrap();
        let Answer::Text(media, _) = answer else { unreachable!() };
        let ids: Vec<_> =
            found.iter().flat_map(|s| &s.exemplars).map(|e| e.labels.get("trace.id").unwrap()).collect();
        assert_eq!(ids, if media == [OPEN] { vec!["1"] } else { Vec::new() });
        let by_label = [Matcher::equal("http.method", "GET")];
        assert_eq!(scraping.store.select(&by_label, 0, i64::MAX / 2_000_000, 100).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn all_ways_to_write_a_series_are_one_series() {
    let server = Server::start("a{b=\"1\"} 1\n").await;
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
    for (i, written) in
        [r#"{"a",b="1"}"#, r#"{b="1","a"}"#, r#"a{"b"="1"}"#, r#"{ "b"="1" "a", }"#].iter().enumerate()
    {
        let value = f64::from(i as u32) + 2.0;
        server.say(&format!("{written} {value}\n"));
        scraping.until(|_| scraping.last("a").v == value).await;
    }
    assert_eq!(labels(&scraping, "a"), ["b=1"]);
    assert_eq!(scraping.last("scrape_series_added").v, 0.0, "no one of them is new");
    server.say("a{b=\"1\"} 1\n{\"a\",b=\"1\"} 2\n");
    scraping.until(|_| scraping.counter("duplicate") >= 1.0).await;
}

#[tokio::test]
async fn targets_are_asked_for_names_as_the_job_says() {
    let server = Server::start("a 1\n").await;
    for (job, asked) in [
        ("", "allow-utf-8"),
        ("metric_name_escaping_scheme: dots", "dots"),
        ("metric_name_validation_scheme: legacy", "underscores"),
        ("metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: values", "values"),
    ] {
        server.seen.lock().clear();
        let scraping = Scraping::of(&server, job);
        scraping.until_up().await;
        let accept = format!(
            "application/openmetrics-text;version=1.0.0;escaping={asked};q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping={asked};q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(server.seen.lock()[0].1["accept"], accept);
        scraping.stop().await;
    }
}

#[tokio::test]
async fn under_the_legacy_scheme_other_names_fail_the_whole_scrape() {
    let server = Server::start("").await;
    let dotted = Metric {
        label: vec![Label { name: "a.b".to_owned(), value: "c".to_owned() }],
        gauge: simple(1.0),
        ..Metric::default()
    };
    let cases = [
        (text(TEXT, "good 1\n{\"my.metric\",a=\"b\"} 1\n"), r#""my.metric" is not a valid metric name"#),
        (text(TEXT, "good 1\nm{\"a.b\"=\"c\"} 1\n"), r#""a.b" is not a valid label name"#),
        (text(OPEN, "good 1\n{\"my.metric\"} 1\n# EOF\n"), r#"{"my.metric"}"#),
        (
            Answer::Text(vec![PROTO], delimited(&[family("m", GAUGE, vec![dotted])])),
            r#""a.b" is not a valid label name (metric_name_validation_scheme is legacy): m{"a.b"="c"}"#,
        ),
    ];
    for (answer, said) in cases {
        server.set(answer);
        let scraping = Scraping::of(&server, "metric_name_validation_scheme: legacy");
        let error = scraping.until_down().await;
        assert!(error.contains(said) && error.contains("legacy"), "{error}");
        assert!(scraping.series("good").is_empty(), "nothing of the answer is stored");
        assert!(scraping.counter("invalid_name") >= 1.0);
        assert_eq!(scraping.last("up").v, 0.0);
    }
    // Rules come first: what they drop or rename is no problem.
    server.set(text(TEXT, "{\"drop.me\"} 1\n{\"my.metric\",\"a.b\"=\"c\"} 1\n"));
    let rules = "metric_relabel_configs:\n- {source_labels: [__name__], regex: 'drop.*', action: drop}\n\
                 - {source_labels: [a.b], target_label: a_b}\n- {regex: 'a\\.b', action: labeldrop}\n\
                 - {target_label: __name__, replacement: my_metric}";
    let scraping = Scraping::of(&server, &format!("metric_name_validation_scheme: legacy\n{rules}"));
    scraping.until_up().await;
    assert_eq!(labels(&scraping, "my_metric"), ["a_b=c"]);
    // The target's own labels count as well.
    server.say("a 1\n");
    let target = format!("static_configs: [{{targets: ['{}'], labels: {{k8s.pod: x}}}}]", server.address);
    let scraping = Scraping::start(&format!("{target}\nmetric_name_validation_scheme: legacy"));
    let error = scraping.until_down().await;
    assert!(error.contains(r#""k8s.pod" is not a valid label name"#), "{error}");
    let scraping = Scraping::start(&target);
    scraping.until_up().await;
    assert_eq!(scraping.series("a")[0].labels.get("k8s.pod"), Some("x"));
}

#[tokio::test]
async fn rules_may_write_any_name_under_the_utf8_scheme() {
    let server = Server::start("a{path=\"k8s.io/x\"} 1\n").await;
    let rules = "metric_relabel_configs:\n- {source_labels: [path], target_label: 'label of $1'}\n\
                 - {regex: 'pa(.*)', replacement: 'x.$1', action: labelmap}";
    let scraping = Scraping::of(&server, rules);
    scraping.until_up().await;
    assert_eq!(labels(&scraping, "a"), ["label of k8s.io/x=k8s.io/x,path=k8s.io/x,x.th=k8s.io/x"]);
    server.say("a{__name__=\"b\"} 1\n");
    let error = scraping.until_down().await;
    assert!(error.contains("a label is named __name__: a{__name__=\"b\"}"), "{error}");
}
