//! Native histograms in answers.

use std::sync::Arc;

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{Exemplar, HistogramSample, Point, PointSeries, QueryValue, Sample},
};
use console_storage::metrics::SeriesBatch;
use serde_json::json;

use crate::harness::{Api, NOW_S, Told};

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

#[tokio::test]
async fn what_is_stored_comes_out_through_the_engine() {
    let exemplar =
        Exemplar { labels: Labels::from_pairs([("trace_id", "ab")]), value: 1.5, t_ms: NOW_S * 1000 };
    let batch = SeriesBatch {
        labels: Labels::from_pairs([("__name__", "latency"), ("job", "x")]),
        samples: Vec::new(),
        histograms: vec![HistogramSample { t_ms: NOW_S * 1000, h: histogram() }],
        exemplars: vec![exemplar],
    };
    let api = Api::over(&[batch], &[], Told::default());
    let buckets = json!([[3, "-0.001", "0.001", "1"], [0, "1", "2", "2"]]);
    let instant = api.data(&format!("/query?query=latency&time={NOW_S}")).await;
    assert_eq!(instant["result"][0]["histogram"][1]["buckets"], buckets);
    let range = format!("/query_range?query=latency*2&start={NOW_S}&end={}&step=1", NOW_S + 1);
    let range = api.data(&range).await;
    let histograms = range["result"][0]["histograms"].as_array().unwrap();
    assert_eq!((histograms.len(), &histograms[1][1]["count"]), (2, &json!("6")));
    assert!(range["result"][0].get("values").is_none());
    let count = api.data(&format!("/query?query=histogram_count(latency)&time={NOW_S}")).await;
    assert_eq!(count["result"][0]["value"][1], json!("3"));
    let exemplars =
        format!("/query_exemplars?query=histogram_quantile(0.9,latency)&start={NOW_S}&end={NOW_S}");
    assert_eq!(
        api.data(&exemplars).await,
        json!([{"seriesLabels": {"__name__": "latency", "job": "x"}, "exemplars": [
            {"labels": {"trace_id": "ab"}, "value": "1.5", "timestamp": NOW_S},
        ]}])
    );
}
