//! The messages (prometheus/prompb/remote.proto and types.proto), as far as they are used.

use console_model::{
    MatchOp, Matcher,
    histogram::{BucketCount, Histogram, ResetHint},
    metric::{HistogramSample, PointSeries},
};
use console_promql::check_pattern;
use prost::Message;

/// `ReadRequest.ResponseType`.
pub const SAMPLES: i32 = 0;

#[derive(Clone, PartialEq, Message)]
pub struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    pub queries: Vec<Query>,
    #[prost(int32, repeated, tag = "2")]
    pub accepted_response_types: Vec<i32>,
}

/// Without hints, which change nothing about what is right.
#[derive(Clone, PartialEq, Message)]
pub struct Query {
    #[prost(int64, tag = "1")]
    pub start_timestamp_ms: i64,
    #[prost(int64, tag = "2")]
    pub end_timestamp_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<LabelMatcher>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelMatcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, Message)]
pub struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Float>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Native>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Float {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// With float counts. Counts are members of a `oneof`: they are sent also where they are zero.
#[derive(Clone, PartialEq, Message)]
struct Native {
    #[prost(double, optional, tag = "2")]
    count: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(double, optional, tag = "7")]
    zero_count: Option<f64>,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<Span>,
    #[prost(double, repeated, tag = "10")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    #[prost(int64, tag = "15")]
    timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

/// Buckets that follow each other; `offset` is the gap to those before.
#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The matchers of a query, or what is wrong with one.
pub fn matchers(query: &Query) -> Result<Vec<Matcher>, String> {
    let matcher = |m: &LabelMatcher| {
        let op = match m.kind {
            0 => MatchOp::Equal,
            1 => MatchOp::NotEqual,
            2 => MatchOp::Regex,
            3 => MatchOp::NotRegex,
            other => return Err(format!("invalid matcher type {other}")),
        };
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            check_pattern(&m.value).map_err(|e| format!("invalid matcher: {e}"))?;
        }
        Ok(Matcher { name: m.name.clone(), op, value: m.value.clone() })
    };
    query.matchers.iter().map(matcher).collect()
}

pub fn result(series: Vec<PointSeries>) -> QueryResult {
    QueryResult { timeseries: series.into_iter().map(time_series).collect() }
}

fn time_series(series: PointSeries) -> TimeSeries {
    let label =
        |l: &console_model::labels::Label| Label { name: l.name.to_string(), value: l.value.to_string() };
    TimeSeries {
        labels: series.labels.iter().map(label).collect(),
        samples: series.samples.iter().map(|s| Float { value: s.v, timestamp: s.t_ms }).collect(),
        histograms: series.histograms.iter().map(native).collect(),
    }
}

fn native(sample: &HistogramSample) -> Native {
    let h: &Histogram = &sample.h;
    let counts = |buckets: &[BucketCount]| buckets.iter().map(|b| b.count).collect();
    Native {
        count: Some(h.count),
        sum: h.sum,
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        zero_count: Some(h.zero_count),
        negative_spans: spans(&h.negative),
        negative_counts: counts(&h.negative),
        positive_spans: spans(&h.positive),
        positive_counts: counts(&h.positive),
        reset_hint: match h.reset_hint {
            ResetHint::Unknown => 0,
            ResetHint::Reset => 1,
            ResetHint::NotReset => 2,
            ResetHint::Gauge => 3,
        },
        timestamp: sample.t_ms,
        custom_values: h.custom_values.to_vec(),
    }
}

fn spans(buckets: &[BucketCount]) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let mut next = 0;
    for b in buckets {
        match out.last_mut() {
            Some(span) if b.index == next => span.length += 1,
            _ => out.push(Span { offset: b.index - next, length: 1 }),
        }
        next = b.index + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_in_a_row_are_one_span() {
        let buckets = [-3, -2, 1, 2, 9].map(|index| BucketCount { index, count: 1.0 });
        let shown: Vec<_> = spans(&buckets).iter().map(|s| (s.offset, s.length)).collect();
        assert_eq!(shown, [(-3, 2), (2, 2), (6, 1)]);
    }
}
