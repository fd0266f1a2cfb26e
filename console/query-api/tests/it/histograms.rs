//! Native histograms in answers.

use std::sync::Arc;

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, Point, PointSeries, QueryValue, Sample},
};
use serde_json::json;

use crate::harness::Api;

fn histogram() -> Arc<Histogram> {
    Arc::new(Histogram {
        count: 3.0,
        sum: 4.5,
        zero_threshold: 0.001,
        zero_count: 1.0,
        positive: vec![BucketCount { index: 1, count: 2.0 }, BucketCount { index: 2, count: 0.0 }],
        ..Histogram::default()
    })
}

#[tokio::test]
async fn histograms_are_told_with_their_buckets() {
    let told = json!({"count": "3", "sum": "4.5", "buckets": [
        [3, "-0.001", "0.001", "1"], [0, "1", "2", "2"],
    ]});
    let labels = Labels::from_pairs([("job", "x")]);
    let vector = QueryValue::PointVector {
        t_ms: 1500,
        elements: vec![
            (labels.clone(), Point::Histogram(histogram())),
            (Labels::default(), Point::Float(1.0)),
        ],
    };
    let (_, answer) = Api::fixed(Some(Ok(vector))).get("/query?query=x").await;
    assert_eq!(
        answer["data"]["result"],
        json!([{"metric": {"job": "x"}, "histogram": [1.5, told]}, {"metric": {}, "value": [1.5, "1"]}])
    );
    let matrix = QueryValue::PointMatrix(vec![PointSeries {
        labels,
        samples: vec![Sample { t_ms: 1000, v: 7.0 }],
        histograms: vec![HistogramSample { t_ms: 2000, h: histogram() }],
    }]);
    let (_, answer) =
        Api::fixed(Some(Ok(matrix))).get("/query_range?query=x&start=1&end=2&step=1&limit=5").await;
    assert_eq!(
        answer["data"]["result"],
        json!([{"metric": {"job": "x"}, "values": [[1, "7"]], "histograms": [[2, told]]}])
    );
}
