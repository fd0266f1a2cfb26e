//! How many series a store holds, and which labels they come from.

use serde::{Deserialize, Serialize};

/// A name and how many or how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub name: String,
    pub value: u64,
}

/// What the memory of a metrics store holds. Each list has the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cardinality {
    pub series: u64,
    /// Different pairs of a label's name and value.
    pub label_pairs: u64,
    pub chunks: u64,
    /// The oldest and the newest sample; none where there is none.
    pub span_ms: Option<(i64, i64)>,
    pub series_by_metric: Vec<Count>,
    pub values_by_label: Vec<Count>,
    /// What the values of a label would take, written out for each series.
    pub bytes_by_label: Vec<Count>,
    /// By `name=value`.
    pub series_by_pair: Vec<Count>,
}
