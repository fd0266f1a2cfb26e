use console_ingest::IngestLimits;
use console_model::metric::{STALE_NAN_BITS, stale_nan};
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

/// Exemplars and histograms are only counted: bytes will do.
#[derive(Clone, PartialEq, Message)]
struct Series1 {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    exemplars: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
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
    with_exemplar.exemplars.push(Vec::new());
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
}

#[tokio::test]
async fn version_two_is_stored_and_says_how_much_it_wrote() {
    let harness = Harness::start().await;
    let symbols: [&[u8]; 6] = [b"", b"__name__", b"lag_seconds", b"job", b"a", b"How late."];
    let samples = vec![Sample { value: stale_nan(), timestamp: now_ms() }];
    let metadata = Some(Metadata2 { kind: 2, help: 5, unit: 0 });
    let good = Series2 { labels: vec![1, 2, 3, 4], samples: samples.clone(), metadata };
    let bad = Series2 { labels: vec![1, 99], samples, metadata: None };
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
    let mut histogram = series(&[("__name__", "h")], &[]);
    histogram.histograms.push(Vec::new());
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
        (histogram, "native histograms are not supported"),
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
