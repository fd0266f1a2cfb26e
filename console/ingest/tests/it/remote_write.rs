use console_ingest::IngestLimits;
use console_model::{
    Matcher,
    metric::{STALE_NAN_BITS, stale_nan},
};
use console_storage::metrics::SeriesReader;
use prost::Message;

use crate::harness::{Harness, now};

const PATH: &str = "/api/v1/write";
const V1: (&str, &str) = ("content-type", "application/x-protobuf;proto=prometheus.WriteRequest");
const V2: (&str, &str) = ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The same in both versions.
#[derive(Clone, PartialEq, Message)]
struct Native {
    #[prost(uint64, optional, tag = "1")]
    count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    count_float: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    #[prost(int64, tag = "15")]
    timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Series1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar1>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Native>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata1 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct Request1 {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series1>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata1>,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata2 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help: u32,
    #[prost(uint32, tag = "4")]
    unit: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Series2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Native>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<Exemplar2>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata2>,
}

#[derive(Clone, PartialEq, Message)]
struct Request2 {
    #[prost(bytes = "vec", repeated, tag = "4")]
    symbols: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<Series2>,
}

fn now_ms() -> i64 {
    (now() / 1_000_000) as i64
}

fn series(labels: &[(&str, &str)], values: &[f64]) -> Series1 {
    let label = |(n, v): &(&str, &str)| Label { name: n.as_bytes().into(), value: v.as_bytes().into() };
    let start = now_ms() - 1000;
    let samples = values.iter().zip(start..).map(|(v, timestamp)| Sample { value: *v, timestamp }).collect();
    Series1 { labels: labels.iter().map(label).collect(), samples, ..Series1::default() }
}

fn up(values: &[f64]) -> Series1 {
    series(&[("__name__", "up"), ("job", "a")], values)
}

fn snappy(message: &impl Message) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).unwrap()
}

fn request(timeseries: Vec<Series1>) -> Vec<u8> {
    snappy(&Request1 { timeseries, metadata: Vec::new() })
}

fn request2(symbols: &[&[u8]], timeseries: Vec<Series2>) -> Vec<u8> {
    snappy(&Request2 { symbols: symbols.iter().map(|s| s.to_vec()).collect(), timeseries })
}

fn bits(harness: &Harness, metric: &str) -> Vec<u64> {
    harness.series(metric).iter().flat_map(|s| &s.samples).map(|s| s.v.to_bits()).collect()
}

#[tokio::test]
async fn version_one_is_stored_with_metadata_and_exact_staleness_markers() {
    let harness = Harness::start().await;
    let mut with_exemplar = up(&[1.5, stale_nan()]);
    let trace = Label { name: b"trace_id".into(), value: b"4bf92f3577b34da6a3ce929d0e0e4736".into() };
    let long = Label { name: b"x".into(), value: [b'y'; 128].into() };
    for label in [trace, long] {
        with_exemplar.exemplars.push(Exemplar1 { labels: vec![label], value: 1.5, timestamp: now_ms() });
    }
    let described =
        Metadata1 { kind: 2, family: "up".into(), help: "Whether it is.".into(), unit: String::new() };
    let body = snappy(&Request1 { timeseries: vec![with_exemplar], metadata: vec![described] });
    let (status, said, _) = harness.post(PATH, &[V1], body).await;
    assert_eq!((status, &said[..]), (204, &b""[..]));
    assert_eq!(bits(&harness, "up"), [1.5f64.to_bits(), STALE_NAN_BITS]);
    assert_eq!(harness.samples.metadata(Some("up"), 0).unwrap()[0].help, "Whether it is.");
    let items = "quarterdeck_ingest_items_total";
    assert_eq!(harness.counter(items, &["accepted", "remote_write", "metrics"]), 2);
    let rejected = "quarterdeck_ingest_rejected_total";
    assert_eq!(harness.counter(rejected, &["remote_write", "exemplar_ignored"]), 1);
    assert_eq!(exemplars(&harness, "up"), ["4bf92f3577b34da6a3ce929d0e0e4736"]);
}

/// The trace ids of a metric's exemplars.
fn exemplars(harness: &Harness, metric: &str) -> Vec<String> {
    let found = harness.samples.exemplars(&[vec![Matcher::equal("__name__", metric)]], 0, i64::MAX).unwrap();
    let all = found.iter().flat_map(|s| &s.exemplars);
    all.map(|e| e.labels.get("trace_id").unwrap_or_default().to_owned()).collect()
}

/// Counts, sum and buckets of a metric's native histograms.
fn histograms(harness: &Harness, metric: &str) -> Vec<(f64, f64, Vec<(i32, f64)>)> {
    let matcher = [Matcher::equal("__name__", metric)];
    let found = harness.samples.select_points(&matcher, 0, i64::MAX, usize::MAX).unwrap();
    let buckets =
        |h: &console_model::histogram::Histogram| h.positive.iter().map(|b| (b.index, b.count)).collect();
    let all = found.iter().flat_map(|s| &s.histograms);
    all.map(|s| (s.h.count, s.h.sum, buckets(&s.h))).collect()
}

/// Whole counts, in buckets -1, 0 and 4.
fn native(timestamp: i64) -> Native {
    Native {
        count_int: Some(6),
        sum: 9.5,
        schema: 3,
        positive_spans: vec![Span { offset: -1, length: 2 }, Span { offset: 3, length: 1 }],
        positive_deltas: vec![1, 1, 1],
        timestamp,
        ..Native::default()
    }
}

#[tokio::test]
async fn native_histograms_are_stored_and_wrong_ones_named() {
    let harness = Harness::start().await;
    let mut good = series(&[("__name__", "h")], &[]);
    good.histograms = vec![native(now_ms() - 500), native(now_ms() - 400)];
    assert_eq!(harness.post(PATH, &[V1], request(vec![good])).await.0, 204);
    let stored = (6.0, 9.5, vec![(-1, 1.0), (0, 2.0), (4, 3.0)]);
    assert_eq!(histograms(&harness, "h"), [stored.clone(), stored]);
    let mut bad = series(&[("__name__", "b"), ("job", "a")], &[]);
    bad.histograms = vec![Native { count_int: Some(5), ..native(now_ms()) }];
    let (status, said, _) = harness.post(PATH, &[V1], request(vec![bad, up(&[1.0])])).await;
    let said = String::from_utf8(said).unwrap();
    let whole = "series b{job=\"a\"}: native histogram at";
    assert!(status == 400 && said.contains(whole) && said.contains("6 observations in buckets"), "{said}");
    assert_eq!(bits(&harness, "up"), [1.0f64.to_bits()]);
}

#[tokio::test]
async fn a_stale_native_histogram_ends_its_series() {
    let harness = Harness::start().await;
    let end = Native { count_int: None, sum: stale_nan(), timestamp: now_ms() - 300, ..Native::default() };
    let mut ended = series(&[("__name__", "h")], &[]);
    ended.histograms = vec![native(now_ms() - 500), end.clone()];
    assert_eq!(harness.post(PATH, &[V1], request(vec![ended])).await.0, 204);
    // As 2.0 senders write it: a count that is there, and is nothing.
    let mut other = Series2 { labels: vec![1, 2], ..Series2::default() };
    other.histograms = vec![native(now_ms() - 500), Native { count_int: Some(0), ..end }];
    assert_eq!(harness.post(PATH, &[V2], request2(&[b"", b"__name__", b"g"], vec![other])).await.0, 204);
    for metric in ["h", "g"] {
        let found =
            harness.samples.select_points(&[Matcher::equal("__name__", metric)], 0, i64::MAX, 9).unwrap();
        assert!(found[0].samples.is_empty());
        let sums: Vec<u64> = found[0].histograms.iter().map(|s| s.h.sum.to_bits()).collect();
        assert_eq!(sums, [9.5f64.to_bits(), STALE_NAN_BITS], "{metric}");
    }
}

#[tokio::test]
async fn version_two_counts_each_kind_that_it_wrote() {
    let harness = Harness::start().await;
    let symbols: [&[u8]; 7] = [b"", b"__name__", b"h", b"trace_id", b"abc", b"f", b"def"];
    let custom = Native {
        count_float: Some(2.5),
        schema: -53,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_counts: vec![2.0, 0.5],
        custom_values: vec![0.5],
        timestamp: now_ms(),
        ..Native::default()
    };
    let exemplar = |label| Exemplar2 { labels: vec![3, label], value: 0.1, timestamp: now_ms() };
    let histogram = Series2 {
        labels: vec![1, 2],
        histograms: vec![custom],
        exemplars: vec![exemplar(4)],
        ..Series2::default()
    };
    let samples = vec![Sample { value: 1.0, timestamp: now_ms() }];
    let float = Series2 { labels: vec![1, 5], samples, exemplars: vec![exemplar(6)], ..Series2::default() };
    // Twice, as after an answer that was lost: everything is known, and written all the same.
    for _ in 0..2 {
        let body = request2(&symbols, vec![histogram.clone(), float.clone()]);
        let (status, said, headers) = harness.post(PATH, &[V2], body).await;
        assert_eq!((status, String::from_utf8(said).unwrap()), (204, String::new()));
        for (kind, count) in [("samples", "1"), ("histograms", "1"), ("exemplars", "2")] {
            assert_eq!(headers[format!("x-prometheus-remote-write-{kind}-written").as_str()], count);
        }
    }
    assert_eq!(histograms(&harness, "h"), [(2.5, 0.0, vec![(0, 2.0), (1, 0.5)])]);
    assert_eq!(
        (exemplars(&harness, "h"), exemplars(&harness, "f")),
        (vec!["abc".into()], vec!["def".into()])
    );
    assert_eq!(bits(&harness, "f").len(), 1);
    // Of one time, older, and of a series that is not there: none of them is kept.
    let late = Exemplar2 { timestamp: now_ms() - 60_000, ..exemplar(4) };
    let same = Exemplar2 { timestamp: now_ms() + 1000, ..exemplar(4) };
    let samples = vec![Sample { value: 2.0, timestamp: now_ms() + 1000 }];
    let exemplars = vec![late, same.clone(), Exemplar2 { value: 9.0, ..same.clone() }];
    let more = Series2 { labels: vec![1, 5], samples, exemplars, ..Series2::default() };
    let refused = vec![Sample { value: 1.0, timestamp: 1 }];
    let lost = Series2 { labels: vec![1, 6], samples: refused, exemplars: vec![same], ..Series2::default() };
    let (_, _, headers) = harness.post(PATH, &[V2], request2(&symbols, vec![more, lost])).await;
    assert_eq!(headers["x-prometheus-remote-write-exemplars-written"], "1");
}

#[tokio::test]
async fn version_two_is_stored_and_says_how_much_it_wrote() {
    let harness = Harness::start().await;
    let symbols: [&[u8]; 6] = [b"", b"__name__", b"lag_seconds", b"job", b"a", b"How late."];
    let samples = vec![Sample { value: stale_nan(), timestamp: now_ms() }];
    let metadata = Some(Metadata2 { kind: 2, help: 5, unit: 0 });
    let good = Series2 { labels: vec![1, 2, 3, 4], samples: samples.clone(), metadata, ..Series2::default() };
    let bad = Series2 { labels: vec![1, 99], samples, ..Series2::default() };
    let (status, _, headers) = harness.post(PATH, &[V2], request2(&symbols, vec![good.clone()])).await;
    assert_eq!(status, 204);
    assert_eq!(headers["x-prometheus-remote-write-samples-written"], "1");
    assert_eq!(headers["x-prometheus-remote-write-histograms-written"], "0");
    assert_eq!(headers["x-prometheus-remote-write-exemplars-written"], "0");
    assert_eq!(bits(&harness, "lag_seconds"), [STALE_NAN_BITS]);
    assert_eq!(harness.samples.metadata(Some("lag_seconds"), 0).unwrap()[0].help, "How late.");
    let (status, said, _) = harness.post(PATH, &[V2], request2(&symbols, vec![bad, good])).await;
    assert_eq!(status, 400);
    assert!(String::from_utf8(said).unwrap().contains("symbol 99 is not among the 6 symbols"));
}

#[tokio::test]
async fn unsorted_labels_are_the_same_series() {
    let harness = Harness::start().await;
    let unsorted = series(&[("job", "a"), ("__name__", "up")], &[1.0]);
    assert_eq!(harness.post(PATH, &[V1], request(vec![unsorted])).await.0, 204);
    let stored = harness.series("up");
    assert_eq!((stored.len(), stored[0].labels.get("job")), (1, Some("a")));
}

#[tokio::test]
async fn a_bad_series_is_named_and_the_good_one_stored() {
    let mut broken = series(&[("__name__", "b")], &[1.0]);
    broken.labels[0].value = b"\xff".to_vec();
    let many: Vec<String> = (0..61).map(|n| format!("l{n:02}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|n| (&**n, "x")).collect();
    let cases = [
        (series(&[("", "x"), ("__name__", "a")], &[1.0]), "empty label name"),
        (series(&[("__name__", "a"), ("j", "x"), ("j", "y")], &[1.0]), "label \"j\" is there twice"),
        (series(&[("job", "x")], &[1.0]), "no label __name__"),
        (series(&many, &[1.0]), "max_labels (60)"),
        (broken, "not valid UTF-8"),
    ];
    for (bad, message) in cases {
        let harness = Harness::start().await;
        let (status, said, _) = harness.post(PATH, &[V1], request(vec![bad, up(&[1.0])])).await;
        let said = String::from_utf8(said).unwrap();
        assert!(status == 400 && said.contains(message), "{status}, {said} instead of {message}");
        assert_eq!(bits(&harness, "up"), [1.0f64.to_bits()], "{message}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_plain_text() {
    let limits = IngestLimits { max_items_per_request: 3, ..IngestLimits::default() };
    let harness = Harness::with(&["secret"], limits).await;
    let token = ("authorization", "Bearer secret");
    let mut truncated = Request1 { timeseries: vec![up(&[1.0])], metadata: Vec::new() }.encode_to_vec();
    truncated.pop();
    let truncated = snap::raw::Encoder::new().compress_vec(&truncated).unwrap();
    let cases: [(&[(&str, &str)], Vec<u8>, u16, &str); 8] = [
        (&[V1], request(vec![up(&[1.0])]), 401, "missing bearer token"),
        (&[token, ("content-type", "text/csv")], Vec::new(), 415, "io.prometheus.write.v2.Request"),
        (&[token, ("content-type", "application/x-protobuf;proto=x")], Vec::new(), 415, "WriteRequest"),
        (&[token, V1, ("content-encoding", "gzip")], Vec::new(), 415, "must be snappy"),
        (&[token, V1], b"\xff\xff\xff\xff\x0f".to_vec(), 413, "max_decompressed_bytes"),
        (&[token, V1], truncated, 400, "truncated"),
        (&[token, V1], request(vec![up(&[1.0; 4])]), 413, "max_items_per_request (3)"),
        (&[token, V2], request2(&[b"x"], Vec::new()), 400, "first symbol"),
    ];
    for (headers, body, want, message) in cases {
        let (status, said, _) = harness.post(PATH, headers, body).await;
        let said = String::from_utf8(said).unwrap();
        assert!(status == want && said.contains(message), "{status} instead of {want}: {said}");
    }
    assert!(harness.series("up").is_empty());
}
