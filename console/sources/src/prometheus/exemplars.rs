//! `query_exemplars`.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    metric::{Exemplar, ExemplarSeries},
};
use serde::Deserialize;

use super::number::{Moment, Number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    series_labels: BTreeMap<String, String>,
    exemplars: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    labels: BTreeMap<String, String>,
    value: Number,
    timestamp: Moment,
}

pub fn series(rows: Option<Vec<Row>>) -> Vec<ExemplarSeries> {
    let exemplar =
        |e: Told| Exemplar { labels: Labels::from_pairs(e.labels), value: e.value.0, t_ms: e.timestamp.0 };
    let one = |row: Row| ExemplarSeries {
        labels: Labels::from_pairs(row.series_labels),
        exemplars: row.exemplars.into_iter().map(exemplar).collect(),
    };
    let mut all: Vec<ExemplarSeries> = rows.unwrap_or_default().into_iter().map(one).collect();
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}
