//! Steps of an evaluation and the values on them.

use std::{collections::hash_map::Entry, sync::Arc};

use console_model::{
    Labels,
    hashed::{HashedMap, HashedSet},
    histogram::Histogram,
    labels::METRIC_NAME,
    metric::{HistogramSample, STALE_NAN_BITS, Sample},
};
use console_storage::SourceError;

use crate::outcome::Point;

/// Marks a step without a float. Staleness markers never come out of a selector, so this is no value of a query.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

pub(crate) fn is_absent(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}

/// `start_ms, start_ms + step_ms, ...`, `count` moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub start_ms: i64,
    pub step_ms: i64,
    pub count: usize,
}

impl Steps {
    pub fn at(&self, index: usize) -> i64 {
        self.start_ms + self.step_ms * index as i64
    }

    pub fn moments(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.count).map(|i| self.at(i))
    }
}

/// A series with a float, a histogram or nothing at each step.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub labels: Labels,
    /// The metric's name no longer fits the value and goes at the end.
    pub drop_name: bool,
    /// One slot a step.
    pub floats: Vec<f64>,
    /// By step, ascending; where one stands, the float is absent.
    pub histograms: Vec<(usize, Arc<Histogram>)>,
}

impl Row {
    pub fn empty(labels: Labels, drop_name: bool, steps: usize) -> Self {
        Self { labels, drop_name, floats: vec![ABSENT; steps], histograms: Vec::new() }
    }

    pub fn float(&self, step: usize) -> Option<f64> {
        let v = self.floats[step];
        (!is_absent(v)).then_some(v)
    }

    pub fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        if self.histograms.is_empty() {
            return None;
        }
        let at = self.histograms.binary_search_by_key(&step, |h| h.0).ok()?;
        Some(&self.histograms[at].1)
    }

    pub fn point(&self, step: usize) -> Option<Point> {
        match self.float(step) {
            Some(v) => Some(Point::Float(v)),
            None => self.histogram(step).map(|h| Point::Histogram(Arc::clone(h))),
        }
    }

    pub fn has(&self, step: usize) -> bool {
        !is_absent(self.floats[step]) || self.histogram(step).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.histograms.is_empty() && self.floats.iter().all(|v| is_absent(*v))
    }

    pub fn set(&mut self, step: usize, point: Point) {
        match point {
            Point::Float(v) => self.floats[step] = v,
            Point::Histogram(h) => {
                let at = self.histograms.partition_point(|(s, _)| *s < step);
                self.histograms.insert(at, (step, h));
            }
        }
    }

    /// Takes away the values at the steps where `keep` says false.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (i, v) in self.floats.iter_mut().enumerate() {
            if !is_absent(*v) && !keep(i) {
                *v = ABSENT;
            }
        }
        self.histograms.retain(|(i, _)| keep(*i));
    }

    /// Applies `f` to the floats; histograms go.
    pub fn map_floats(&mut self, f: impl Fn(usize, f64) -> f64) {
        self.histograms.clear();
        for (i, v) in self.floats.iter_mut().enumerate() {
            if !is_absent(*v) {
                *v = f(i, *v);
            }
        }
    }
}

/// A series with its samples: what a range selector or a subquery reads.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub labels: Labels,
    pub drop_name: bool,
    /// The samples are those of the store, not of a subquery.
    pub is_stored: bool,
    pub samples: Vec<Sample>,
    pub histograms: Vec<HistogramSample>,
}

/// What an expression is, at all steps.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Vec<f64>),
    String(String),
    Vector(Vec<Row>),
}

/// Rows by labels; two values for the same labels at one step are an error.
#[derive(Default)]
pub(crate) struct Collector {
    places: HashedMap<Labels, usize>,
    rows: Vec<Row>,
}

impl Collector {
    /// The row of `labels`, made empty where it is new.
    pub fn row(&mut self, labels: Labels, drop_name: bool, steps: usize) -> &mut Row {
        let at = match self.places.entry(labels) {
            Entry::Occupied(e) => *e.get(),
            Entry::Vacant(e) => {
                self.rows.push(Row::empty(e.key().clone(), drop_name, steps));
                *e.insert(self.rows.len() - 1)
            }
        };
        &mut self.rows[at]
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row; fails with Prometheus' error where both have a value at a step.
    pub fn add(&mut self, row: Row) -> Result<(), SourceError> {
        let at = match self.places.entry(row.labels.clone()) {
            Entry::Occupied(e) => *e.get(),
            Entry::Vacant(e) => {
                e.insert(self.rows.len());
                self.rows.push(row);
                return Ok(());
            }
        };
        let mine = &mut self.rows[at];
        for step in 0..row.floats.len() {
            let Some(point) = row.point(step) else { continue };
            if mine.has(step) {
                return Err(same_labelset());
            }
            mine.set(step, point);
        }
        Ok(())
    }

    pub fn into_rows(mut self) -> Vec<Row> {
        self.rows.retain(|r| !r.is_empty());
        self.rows
    }
}

pub(crate) fn same_labelset() -> SourceError {
    SourceError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

pub(crate) fn has_same_labelset(rows: &[Row]) -> bool {
    let mut seen: HashedSet<&Labels> = HashedSet::default();
    seen.reserve(rows.len());
    !rows.iter().all(|r| seen.insert(&r.labels))
}

/// Brings rows with the same labels together.
pub(crate) fn merged(rows: Vec<Row>) -> Result<Vec<Row>, SourceError> {
    if rows.len() < 2 || !has_same_labelset(&rows) {
        return Ok(rows);
    }
    let mut out = Collector::default();
    rows.into_iter().try_for_each(|row| out.add(row))?;
    Ok(out.into_rows())
}

/// `labels` without the metric's name, type and unit.
pub(crate) fn nameless(labels: &Labels) -> Labels {
    if labels.get(METRIC_NAME).is_none() && !has_type_or_unit(labels) {
        return labels.clone();
    }
    labels.filter(|name| !is_of_name(name))
}

/// Labels that go with the metric's name.
const TYPE_AND_UNIT: [&str; 2] = ["__type__", "__unit__"];

/// Whether a label goes where the metric's name goes.
pub(crate) fn is_of_name(label: &str) -> bool {
    label == METRIC_NAME || TYPE_AND_UNIT.contains(&label)
}

/// Whether there is more than the name that goes with the name.
pub(crate) fn has_type_or_unit(labels: &Labels) -> bool {
    TYPE_AND_UNIT.iter().any(|name| labels.get(name).is_some())
}
