//! Scraping of native histograms: what is asked for, what is stored, and the limits.

use console_model::metric::{MetricKind, is_stale_nan};
use console_storage::metrics::SeriesReader;

use crate::{
    protobuf::{Family, HISTOGRAM, Histogram, Label, Metric, both, delimited, family},
    scraping::{Answer, Scraping, Server},
};

const PROTO: (&str, &str) = (
    "content-type",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
);

fn histogram(name: &str, histogram: Histogram) -> Family {
    let label = vec![Label { name: "path".to_owned(), value: "/".to_owned() }];
    let metric = Metric { label, histogram: Some(histogram), ..Metric::default() };
    Family {
        help: "How long.".to_owned(),
        unit: "seconds".to_owned(),
        ..family(name, HISTOGRAM, vec![metric])
    }
}

fn proto(families: &[Family]) -> Answer {
    Answer::Text(vec![PROTO], delimited(families))
}

/// Schema and buckets of the last native histogram of a metric.
fn last(scraping: &Scraping, metric: &str) -> (i32, f64, Vec<(i32, f64)>) {
    let points = scraping.points(metric);
    let h = &points[0].histograms.last().unwrap().h;
    (h.schema, h.count, h.positive.iter().map(|b| (b.index, b.count)).collect())
}

#[tokio::test]
async fn native_histograms_are_asked_for_stored_and_ended() {
    let server = Server::start("").await;
    server.set(proto(&[histogram("took_seconds", both())]));
    let scraping = Scraping::of(&server, "scrape_native_histograms: true");
    scraping.until_up().await;
    let (_, headers) = server.seen.lock()[0].clone();
    assert!(headers["accept"].to_str().unwrap().starts_with("application/vnd.google.protobuf;"));
    let points = scraping.points("took_seconds");
    let labels = points[0].labels.to_string();
    assert!(labels.contains("path=\"/\"") && labels.contains("job=\"shop\""), "{labels}");
    assert_eq!(last(&scraping, "took_seconds"), (2, 7.0, vec![(0, 1.0), (1, 2.0), (3, 3.0)]));
    assert!(scraping.points("took_seconds_bucket").is_empty());
    let metadata = scraping.store.metadata(Some("took_seconds"), 0).unwrap();
    let said = (metadata[0].kind, &*metadata[0].help, &*metadata[0].unit);
    assert_eq!(said, (MetricKind::Histogram, "How long.", "seconds"));
    assert_eq!(scraping.last("scrape_samples_scraped").v, 1.0);
    server.say("other 1\n");
    scraping.until(|all| all[0].last_scrape_ms.is_some() && !scraping.points("other").is_empty()).await;
    let ended = scraping.points("took_seconds");
    assert!(ended[0].samples.is_empty(), "a series of histograms ends with a histogram");
    assert!(is_stale_nan(ended[0].histograms.last().unwrap().h.sum));
}

#[tokio::test]
async fn exemplars_of_native_histograms_need_a_time() {
    let server = Server::start("").await;
    let mut with = both();
    let now_s = console_model::clock::now_ms() / 1000;
    for (e, seconds) in with.exemplars.iter_mut().zip([None, Some(now_s)]) {
        e.timestamp = seconds.map(|seconds| crate::protobuf::Timestamp { seconds, nanos: 0 });
    }
    server.set(proto(&[histogram("h", with)]));
    let scraping = Scraping::of(&server, "scrape_native_histograms: true");
    scraping.until_up().await;
    let selector = [vec![console_model::Matcher::equal("__name__", "h")]];
    let kept = scraping.store.exemplars(&selector, 0, i64::MAX).unwrap();
    let ids: Vec<_> =
        kept[0].exemplars.iter().map(|e| e.labels.get("trace_id").unwrap_or_default()).collect();
    assert_eq!(ids, ["n2"]);
}

#[tokio::test]
async fn native_parts_are_ignored_unless_they_are_wanted() {
    let server = Server::start("").await;
    server.set(proto(&[histogram("h", both())]));
    let scraping = Scraping::of(&server, "scrape_protocols: [PrometheusProto]");
    scraping.until_up().await;
    assert!(scraping.points("h").is_empty());
    let mut buckets: Vec<_> = scraping
        .series("h_bucket")
        .iter()
        .map(|s| (s.labels.get("le").unwrap().to_owned(), s.samples.last().unwrap().v))
        .collect();
    buckets.sort_by(|a, b| a.0.cmp(&b.0));
    let written = [("+Inf", 7.0), ("0.5", 2.0), ("1.0", 7.0)].map(|(le, v)| (le.to_owned(), v));
    assert_eq!(buckets, written, "bounds are written as OpenMetrics writes them");
    assert_eq!(scraping.last("h_count").v, 7.0);
    let all = Scraping::of(&server, "scrape_native_histograms: true\nalways_scrape_classic_histograms: true");
    all.until_up().await;
    assert_eq!((all.series("h_bucket").len(), all.points("h").len()), (3, 1));
}

#[tokio::test]
async fn classic_histograms_become_custom_buckets_in_every_format() {
    let server = Server::start("").await;
    let text = "# TYPE h histogram\nh_bucket{path=\"/\",le=\"0.5\"} 2\nh_bucket{path=\"/\",le=\"1\"} 7\n\
                h_bucket{path=\"/\",le=\"+Inf\"} 7\nh_sum{path=\"/\"} 9.5\nh_count{path=\"/\"} 7\n";
    let open = ("content-type", "application/openmetrics-text; version=1.0.0");
    let answers = [
        Answer::Text(Vec::new(), text.as_bytes().to_vec()),
        Answer::Text(vec![open], format!("{text}# EOF\n").into_bytes()),
        proto(&[histogram("h", both())]),
    ];
    for answer in answers {
        server.set(answer);
        let scraping = Scraping::of(&server, "convert_classic_histograms_to_nhcb: true");
        scraping.until_up().await;
        assert_eq!(last(&scraping, "h"), (-53, 7.0, vec![(0, 2.0), (1, 5.0)]));
        let points = scraping.points("h");
        assert_eq!((points.len(), &*points[0].histograms[0].h.custom_values), (1, &[0.5, 1.0][..]));
        assert!(scraping.points("h_bucket").is_empty() && scraping.points("h_count").is_empty());
    }
    server.say(&text.replace("le=\"1\"} 7", "le=\"1\"} 1"));
    let scraping = Scraping::of(&server, "convert_classic_histograms_to_nhcb: true");
    let warning = scraping.until_up().await.last_warning.unwrap();
    assert!(warning.contains("histogram h cannot have custom buckets"), "{warning}");
    assert!(scraping.counter("invalid_histogram") >= 1.0);
}

#[tokio::test]
async fn buckets_are_merged_to_the_limits_or_the_scrape_fails() {
    let server = Server::start("").await;
    server.set(proto(&[histogram("h", both())]));
    let scrape = async |limit: &str| {
        let scraping = Scraping::of(&server, &format!("scrape_native_histograms: true\n{limit}"));
        scraping.until_up().await;
        last(&scraping, "h")
    };
    assert_eq!(scrape("native_histogram_bucket_limit: 2").await, (0, 7.0, vec![(0, 1.0), (1, 5.0)]));
    let coarser = (1, 7.0, vec![(0, 1.0), (1, 2.0), (2, 3.0)]);
    assert_eq!(scrape("native_histogram_min_bucket_factor: 1.4").await, coarser);
    let scraping =
        Scraping::of(&server, "convert_classic_histograms_to_nhcb: true\nnative_histogram_bucket_limit: 1");
    let error = scraping.until_down().await;
    assert!(error.contains("native_histogram_bucket_limit (1): h{path=\"/\"}"), "{error}");
    assert!(scraping.counter("bucket_limit") >= 1.0);
}

#[tokio::test]
async fn garbage_takes_the_target_down_with_its_place() {
    let server = Server::start("").await;
    let mut bytes = delimited(&[histogram("took_seconds", both())]);
    bytes.truncate(bytes.len() - 3);
    server.set(Answer::Text(vec![PROTO], bytes));
    let scraping = Scraping::of(&server, "scrape_native_histograms: true");
    let error = scraping.until_down().await;
    assert!(error.contains("byte 0, field metric_family: message is truncated"), "{error}");
    server.set(proto(&[histogram("took_seconds", Histogram { zero_count: 9, ..both() })]));
    let said = |all: &[console_ingest::scrape::TargetStatus]| {
        let error = all[0].last_error.clone().unwrap_or_default();
        error.contains("metric family \"took_seconds\", byte ") && error.contains("observations in buckets")
    };
    scraping.until(said).await;
    assert!(scraping.points("took_seconds").is_empty());
}

#[tokio::test]
async fn an_answer_says_what_it_is_or_there_is_a_fallback() {
    let server = Server::start("").await;
    server.set(Answer::Untyped(b"a 1\n".to_vec()));
    let scraping = Scraping::of(&server, "");
    let error = scraping.until_down().await;
    assert!(error.contains("Content-Type (\"\")") && error.contains("fallback_scrape_protocol"), "{error}");
    assert!(scraping.counter("content_type") >= 1.0);
    let scraping = Scraping::of(&server, "fallback_scrape_protocol: PrometheusText0.0.4");
    scraping.until_up().await;
    assert_eq!(scraping.last("a").v, 1.0);
    server.set(Answer::Untyped(Vec::new()));
    let scraping = Scraping::of(&server, "");
    scraping.until_up().await;
}
