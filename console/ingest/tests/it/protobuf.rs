//! The protobuf exposition: messages of prometheus/client_model, io/prometheus/client/metrics.proto, and how they are read.

use console_ingest::scrape::exposition::{
    Entry, ExemplarText, Format, Histograms, Place, SampleValue, SyntaxError, parse,
};
use console_model::histogram::{CUSTOM_BUCKETS, ResetHint};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<Label>,
    #[prost(double, tag = "2")]
    pub value: f64,
    #[prost(message, optional, tag = "3")]
    pub timestamp: Option<Timestamp>,
}

/// Gauge, counter and untyped.
#[derive(Clone, PartialEq, Message)]
pub struct Simple {
    #[prost(double, tag = "1")]
    pub value: f64,
    #[prost(message, optional, tag = "2")]
    pub exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    pub created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Quantile {
    #[prost(double, tag = "1")]
    pub quantile: f64,
    #[prost(double, tag = "2")]
    pub value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "2")]
    pub sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub quantile: Vec<Quantile>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Bucket {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "2")]
    pub bound: f64,
    #[prost(message, optional, tag = "3")]
    pub exemplar: Option<Exemplar>,
    #[prost(double, tag = "4")]
    pub count_float: f64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Span {
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    #[prost(uint32, tag = "2")]
    pub length: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, tag = "2")]
    pub sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(double, tag = "4")]
    pub count_float: f64,
    #[prost(sint32, tag = "5")]
    pub schema: i32,
    #[prost(double, tag = "6")]
    pub zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    pub zero_count: u64,
    #[prost(double, tag = "8")]
    pub zero_count_float: f64,
    #[prost(message, repeated, tag = "9")]
    pub negative_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "10")]
    pub negative_delta: Vec<i64>,
    #[prost(double, repeated, tag = "11")]
    pub negative_count: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub positive_delta: Vec<i64>,
    #[prost(double, repeated, tag = "14")]
    pub positive_count: Vec<f64>,
    #[prost(message, optional, tag = "15")]
    pub created: Option<Timestamp>,
    #[prost(message, repeated, tag = "16")]
    pub exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<Label>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Simple>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Simple>,
    #[prost(message, optional, tag = "4")]
    pub summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    pub untyped: Option<Simple>,
    #[prost(int64, tag = "6")]
    pub timestamp_ms: i64,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Family {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub help: String,
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    #[prost(string, tag = "5")]
    pub unit: String,
}

const COUNTER: i32 = 0;
pub const GAUGE: i32 = 1;
const SUMMARY: i32 = 2;
const UNTYPED: i32 = 3;
pub const HISTOGRAM: i32 = 4;
const GAUGE_HISTOGRAM: i32 = 5;

pub fn family(name: &str, kind: i32, metric: Vec<Metric>) -> Family {
    Family { name: name.to_owned(), kind, metric, ..Family::default() }
}

/// Messages behind their lengths.
pub fn delimited(families: &[Family]) -> Vec<u8> {
    families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

pub fn exemplar(trace_id: &str, seconds: Option<i64>) -> Option<Exemplar> {
    let label = vec![Label { name: "trace_id".to_owned(), value: trace_id.to_owned() }];
    let timestamp = seconds.map(|seconds| Timestamp { seconds, nanos: 5_000_000 });
    Some(Exemplar { label, value: 0.25, timestamp })
}

fn labelled(name: &str, value: &str) -> Metric {
    Metric { label: vec![Label { name: name.to_owned(), value: value.to_owned() }], ..Metric::default() }
}

pub fn simple(value: f64) -> Option<Simple> {
    Some(Simple { value, ..Simple::default() })
}

/// Both classic and native: whole counts in buckets 0, 1 and 3, one observation at zero.
pub fn both() -> Histogram {
    let bucket =
        |bound, count, id| Bucket { bound, count, exemplar: exemplar(id, Some(7)), count_float: 0.0 };
    Histogram {
        count: 7,
        sum: 9.5,
        bucket: vec![bucket(0.5, 2, "b1"), bucket(1.0, 7, "b2")],
        schema: 2,
        zero_threshold: 1e-128,
        zero_count: 1,
        positive_span: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
        positive_delta: vec![1, 1, 1],
        exemplars: [exemplar("n1", None), exemplar("n2", Some(9))].into_iter().flatten().collect(),
        ..Histogram::default()
    }
}

fn of(histogram: Histogram) -> Vec<Metric> {
    vec![Metric { histogram: Some(histogram), ..Metric::default() }]
}

fn shown(exemplars: &[ExemplarText<'_>]) -> String {
    let one = |e: &ExemplarText<'_>| format!(" #{}@{}", e.labels[0].value(), e.timestamp_ms.unwrap_or(-1));
    exemplars.iter().map(one).collect()
}

/// Entries, a line each.
fn read(histograms: Histograms, bytes: &[u8]) -> Result<Vec<String>, SyntaxError> {
    let (mut out, mut keys) = (Vec::new(), std::collections::HashSet::new());
    parse(Format::Protobuf, histograms, bytes, |entry| {
        out.push(match entry {
            Entry::Sample(s) => {
                assert!(keys.insert(s.series.to_vec()), "{s:?}");
                let mut labels: Vec<_> =
                    s.labels.iter().map(|l| format!("{}={:?}", l.name, l.value())).collect();
                labels.extend(s.bound.map(|b| format!("{}={}", b.label, b.value)));
                let value = match s.value {
                    SampleValue::Float(v) => v.to_string(),
                    SampleValue::Histogram(h) => {
                        let side = |b: &[console_model::histogram::BucketCount]| {
                            b.iter().map(|b| format!("{}:{}", b.index, b.count)).collect::<Vec<_>>().join(" ")
                        };
                        let (schema, zero) = (h.schema, h.zero_count);
                        let gauge = if h.reset_hint == ResetHint::Gauge { " gauge" } else { "" };
                        let custom = if schema == CUSTOM_BUCKETS {
                            format!(" {:?}", h.custom_values)
                        } else {
                            String::new()
                        };
                        format!(
                            "native {schema}{custom}{gauge} {}/{} [{}] {zero} [{}]",
                            h.count,
                            h.sum,
                            side(&h.negative),
                            side(&h.positive)
                        )
                    }
                };
                let time = s.timestamp_ms.map(|t| format!(" @{t}")).unwrap_or_default();
                format!("{}{{{}}} {value}{time}{}", s.name, labels.join(","), shown(s.exemplars))
            }
            other => format!("{other:?}"),
        });
        Ok::<(), SyntaxError>(())
    })?;
    Ok(out)
}

fn samples(histograms: Histograms, families: &[Family]) -> Vec<String> {
    let all = read(histograms, &delimited(families)).unwrap();
    all.into_iter().filter(|line| line.contains('{') && !line.starts_with(char::is_uppercase)).collect()
}

const CLASSIC: Histograms = Histograms { native: false, classic_too: false, convert: false };
const NATIVE: Histograms = Histograms { native: true, ..CLASSIC };

#[test]
fn every_simple_kind_has_its_value_labels_time_and_metadata() {
    let mut counter = labelled("code", "2\"0\\n0");
    counter.counter = simple(5.0);
    counter.counter.as_mut().unwrap().exemplar = exemplar("abc", None);
    counter.counter.as_mut().unwrap().created = Some(Timestamp { seconds: 1, nanos: 0 });
    let gauge = Metric { gauge: simple(-1.5), timestamp_ms: -12, ..Metric::default() };
    let untyped = Metric { untyped: simple(f64::from_bits(0x7ff0_0000_0000_0002)), ..Metric::default() };
    let quantile = vec![Quantile { quantile: 0.5, value: 2.0 }, Quantile { quantile: 0.99, value: f64::NAN }];
    let summary = Summary { count: 3, sum: 6.0, quantile };
    let summary = Metric { summary: Some(summary), ..Metric::default() };
    let families = [
        Family {
            help: "It counts.".to_owned(),
            unit: "seconds".to_owned(),
            ..family("requests.total", COUNTER, vec![counter, Metric::default()])
        },
        family("nothing", GAUGE, Vec::new()),
        family("g", GAUGE, vec![gauge]),
        family("u", UNTYPED, vec![untyped]),
        family("s", SUMMARY, vec![summary]),
    ];
    let all = [
        r#"Help { family: "requests.total", help: "It counts." }"#,
        r#"Unit { family: "requests.total", unit: "seconds" }"#,
        r#"Type { family: "requests.total", kind: Counter }"#,
        r#"requests.total{code="2\"0\\n0"} 5 #abc@-1"#,
        "requests.total{} 0",
        r#"Type { family: "g", kind: Gauge }"#,
        "g{} -1.5 @-12",
        r#"Type { family: "u", kind: Unknown }"#,
        "u{} NaN",
        r#"Type { family: "s", kind: Summary }"#,
        "s_count{} 3",
        "s_sum{} 6",
        "s{quantile=0.5} 2",
        "s{quantile=0.99} NaN",
    ];
    let bytes = delimited(&families);
    assert_eq!(read(CLASSIC, &bytes).unwrap(), all);
    assert_eq!(read(NATIVE, &[]).unwrap(), [""; 0]);
    parse(Format::Protobuf, CLASSIC, &bytes, |entry| {
        if let Entry::Sample(s) = entry
            && let SampleValue::Float(v) = s.value
        {
            assert!(!console_model::metric::is_stale_nan(v), "no target ends a series by a value");
        }
        Ok::<(), SyntaxError>(())
    })
    .unwrap();
}

#[test]
fn classic_histograms_have_running_buckets_up_to_infinity() {
    let infinite = Bucket { bound: f64::INFINITY, count_float: 2.5, ..Bucket::default() };
    let after = Bucket { bound: 9.0, ..Bucket::default() };
    let ended =
        Histogram { count_float: 2.5, sum: 4.0, bucket: vec![infinite, after], ..Histogram::default() };
    let families = [family("h", HISTOGRAM, of(both())), family("g", GAUGE_HISTOGRAM, of(ended))];
    let all = [
        "h_count{} 7",
        "h_sum{} 9.5",
        "h_bucket{le=0.5} 2 #b1@7005",
        "h_bucket{le=1} 7 #b2@7005",
        "h_bucket{le=inf} 7",
        "g_count{} 2.5",
        "g_sum{} 4",
        "g_bucket{le=inf} 2.5",
    ];
    assert_eq!(samples(CLASSIC, &families), all);
}

#[test]
fn native_histograms_are_whole_or_float_counters_or_gauges() {
    let float = Histogram {
        count_float: 4.5,
        sum: 1.0,
        schema: -1,
        zero_count_float: 0.5,
        negative_span: vec![Span { offset: -3, length: 2 }],
        negative_count: vec![1.5, 0.0],
        positive_span: vec![Span { offset: 2, length: 1 }],
        positive_count: vec![2.5],
        ..Histogram::default()
    };
    let empty = Histogram { positive_span: vec![Span::default()], ..Histogram::default() };
    let families = [
        family("h", HISTOGRAM, of(both())),
        family("g", GAUGE_HISTOGRAM, of(float)),
        family("e", HISTOGRAM, of(empty)),
    ];
    let native = [
        "h{} native 2 7/9.5 [] 1 [0:1 1:2 3:3] #n1@-1 #n2@9005",
        "g{} native -1 gauge 4.5/1 [-3:1.5] 0.5 [2:2.5]",
        "e{} native 0 0/0 [] 0 []",
    ];
    assert_eq!(samples(NATIVE, &families), native);
    assert_eq!(samples(Histograms { convert: true, ..NATIVE }, &families), native);
    let too = samples(Histograms { classic_too: true, ..NATIVE }, &families);
    assert_eq!((too.len(), &*too[1], &*too[6]), (8, "h_count{} 7", native[1]));
}

#[test]
fn classic_histograms_are_converted_where_that_is_wanted() {
    let families = [family("h", HISTOGRAM, of(both()))];
    let convert = Histograms { convert: true, ..CLASSIC };
    let custom = "h{} native -53 [0.5, 1.0] 7/9.5 [] 0 [0:2 1:5] #b1@7005 #b2@7005";
    assert_eq!(samples(convert, &families), [custom]);
    assert_eq!(samples(Histograms { classic_too: true, ..convert }, &families).len(), 6);
    let falling = Histogram { count: 1, ..both() };
    let error = read(convert, &delimited(&[family("h", HISTOGRAM, of(falling))])).unwrap_err();
    assert!(error.message.contains("the one before it 7"), "{error}");
}

#[test]
fn what_is_wrong_is_told_with_family_field_and_byte() {
    let mut twice = labelled("a", "1");
    twice.label.push(twice.label[0].clone());
    let overlong = Histogram { positive_span: vec![Span { offset: 0, length: u32::MAX }], ..both() };
    let cases: [(Family, &str); 9] = [
        (family("", GAUGE, of(both())), "field metric_family: the name is missing"),
        (family("a", 9, of(both())), "metric family \"a\", byte 2, field metric_family: type 9"),
        (family("a", GAUGE, vec![twice]), "field metric: label \"a\" is there twice"),
        (family("a", GAUGE, vec![labelled("", "x")]), "field metric.label: a label has no name"),
        (family("a", HISTOGRAM, vec![labelled("le", "1")]), "the label le is not for the metric"),
        (family("a", SUMMARY, vec![labelled("quantile", "1")]), "the label quantile is not for"),
        (family("a", HISTOGRAM, of(overlong)), "field metric.histogram: positive spans need 4294967295"),
        (family("a", HISTOGRAM, of(Histogram { count: 8, ..both() })), "7 observations in buckets"),
        (family("a", HISTOGRAM, of(Histogram { schema: 60, ..both() })), "schema 60"),
    ];
    for (family, message) in cases {
        let error = read(NATIVE, &delimited(&[family])).unwrap_err().to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
    let many = Metric { label: vec![labelled("a", "").label[0].clone(); 1001], ..Metric::default() };
    let error = read(NATIVE, &delimited(&[family("a", GAUGE, vec![many])])).unwrap_err();
    assert!(error.message.contains("more than 1000 labels"), "{error}");
    // A field of another type than its number has, and a text that is none, deep inside.
    for (label, message) in [
        (&b"\x0a\x05\x0a\x01x\x10\x01"[..], "byte 13, field metric.label.value: field 2 has another type"),
        (
            &b"\x0a\x06\x0a\x01x\x12\x01\xff"[..],
            "byte 13, field metric.label.value: field 2 is not valid UTF-8",
        ),
        (&b"\x0a\x05\x0a\x01x\x13\x01"[..], "byte 13, field metric.label.value: wire type 3"),
        (&b"\x0a\x05\x0a\x01x\x12\x09"[..], "byte 13, field metric.label.value: message is truncated"),
        (&b"\x0a\x05\x0a\x01x\x00\x00"[..], "byte 13, field metric.label.0: no field has the number 0"),
    ] {
        let mut bytes = vec![0, 0x0a, 1, b'f', 0x18, 1, 0x22, label.len() as u8];
        bytes.extend_from_slice(label);
        bytes[0] = bytes.len() as u8 - 1;
        let error = read(NATIVE, &bytes).unwrap_err().to_string();
        assert!(
            error.contains("metric family \"f\"") && error.contains(message),
            "{error} instead of {message}"
        );
    }
}

#[test]
fn no_truncated_answer_is_read_as_a_whole() {
    let good = delimited(&[family("h", HISTOGRAM, of(both())), family("g", GAUGE, vec![Metric::default()])]);
    let first = delimited(&[family("h", HISTOGRAM, of(both()))]).len();
    for end in (1..good.len()).filter(|end| *end != first) {
        let error = read(NATIVE, &good[..end]).unwrap_err();
        assert!(matches!(error.place, Place::Bytes { offset, .. } if offset <= end), "{end}: {error}");
    }
    assert!(read(NATIVE, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    assert!(read(NATIVE, b"<html>no metrics here</html>").is_err());
}

/// A few bytes a bucket must not each stand for all the labels of their metric.
#[test]
fn series_written_out_are_bounded() {
    let bucket = |i: u32| Bucket { bound: f64::from(i), ..Bucket::default() };
    let buckets = Histogram { bucket: (0..3000).map(bucket).collect(), ..Histogram::default() };
    let metric = Metric { histogram: Some(buckets), ..labelled("a", &"x".repeat(100_000)) };
    let bytes = delimited(&[family("h", HISTOGRAM, vec![metric])]);
    let mut shown = 0u64;
    let error = parse(Format::Protobuf, CLASSIC, &bytes, |_| {
        shown += 1;
        Ok::<(), SyntaxError>(())
    })
    .unwrap_err();
    assert!(error.message.contains("longer than 268435456 bytes") && shown < 2700, "{error}, {shown}");
}
