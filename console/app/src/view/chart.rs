//! A chart as data: what the server draws first and what the browser draws live.

use serde::{Deserialize, Serialize};

/// How numbers of a chart are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A bare number.
    #[default]
    Number,
    Seconds,
    /// 0 to 1, written as percent.
    Ratio,
    Bytes,
    /// Per second.
    PerSecond,
}

/// One line. A missing point is a gap, not a zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub label: String,
    pub values: Vec<Option<f64>>,
}

/// Something that happened at a moment: a deploy, a fault, an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub t_ms: i64,
    pub label: String,
}

/// Lines over one time axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChartData {
    pub start_ms: i64,
    pub end_ms: i64,
    pub times_ms: Vec<i64>,
    pub lines: Vec<Line>,
    pub marks: Vec<Mark>,
    pub unit: Unit,
    /// Lines that were left out because there are too many.
    pub left_out: usize,
}

/// How a chart that moves with the clock gets its next picture: the same query over the last `length_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// PromQL.
    pub expr: String,
    /// Labels that name a line, separated by commas; empty: the whole label set.
    pub by: String,
    pub unit: Unit,
    pub length_ms: i64,
    pub step_ms: i64,
}
