//! Remote write 1.0 with histograms and exemplars (prometheus/prompb/remote.proto and types.proto).

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
};
use console_storage::metrics::SeriesBatch;
use prost::Message;

#[derive(Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Float>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Example>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Native>,
}

#[derive(Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Message)]
struct Float {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Message)]
struct Example {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Message)]
struct Native {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, tag = "6")]
    zero_count: u64,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The message before compression. Counts of histograms must be whole.
pub fn message(batches: &[SeriesBatch]) -> Vec<u8> {
    WriteRequest { timeseries: batches.iter().map(series).collect() }.encode_to_vec()
}

fn series(batch: &SeriesBatch) -> TimeSeries {
    TimeSeries {
        labels: labels(&batch.labels),
        samples: batch.samples.iter().map(|s| Float { value: s.v, timestamp: s.t_ms }).collect(),
        exemplars: batch
            .exemplars
            .iter()
            .map(|e| Example { labels: labels(&e.labels), value: e.value, timestamp: e.t_ms })
            .collect(),
        histograms: batch.histograms.iter().map(|h| native(&h.h, h.t_ms)).collect(),
    }
}

fn labels(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|l| Label { name: l.name.to_string(), value: l.value.to_string() }).collect()
}

fn native(h: &Histogram, timestamp: i64) -> Native {
    let (positive_spans, positive_deltas) = side(&h.positive);
    let (negative_spans, negative_deltas) = side(&h.negative);
    Native {
        count: h.count as u64,
        sum: h.sum,
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        zero_count: h.zero_count as u64,
        negative_spans,
        negative_deltas,
        positive_spans,
        positive_deltas,
        timestamp,
    }
}

/// A span for each bucket, which is allowed, and differences to the bucket before.
fn side(buckets: &[BucketCount]) -> (Vec<Span>, Vec<i64>) {
    let (mut next, mut before) = (0, 0);
    let mut out = (Vec::new(), Vec::new());
    for b in buckets {
        out.0.push(Span { offset: b.index - next, length: 1 });
        out.1.push(b.count as i64 - before);
        (next, before) = (b.index + 1, b.count as i64);
    }
    out
}
