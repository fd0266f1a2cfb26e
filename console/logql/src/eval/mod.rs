//! Metric expressions: leaves are read once for all steps, the rest is computed step by step.

mod binary;
mod functions;
mod range;
mod vector;

use std::{collections::HashMap, ops::ControlFlow};

use console_model::{
    Labels,
    log::{Direction, LogStream},
    metric::{QueryValue, Sample, Series},
};
use console_storage::{SourceError, logs::LogReader};

use crate::{ast::*, budget::Budget};

/// The times of an evaluation, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Steps {
    pub times: Vec<i64>,
    pub instant: bool,
}

/// What a leaf gives: a value a step, or none.
type LeafSeries = Vec<(Labels, Vec<Option<f64>>)>;
type Vector = Vec<(Labels, f64)>;

enum Value {
    Scalar(f64),
    Vector(Vector),
}

enum Node<'a> {
    Number(f64),
    Vector(f64),
    Leaf(LeafSeries),
    Aggregation(&'a VectorAggregation, Box<Node<'a>>),
    Binary(&'a Binary, Box<Node<'a>>, Box<Node<'a>>),
    LabelReplace(&'a LabelReplace, Box<Node<'a>>),
}

/// Evaluates a metric expression at every step.
pub fn metric(
    expr: &Expr,
    reader: &dyn LogReader,
    steps: &Steps,
    budget: &Budget,
) -> Result<QueryValue, SourceError> {
    let node = load(expr, reader, steps, budget)?;
    if steps.instant {
        let t_ms = steps.times[0].div_euclid(1_000_000);
        return Ok(match at(&node, 0)? {
            Value::Scalar(v) => QueryValue::Scalar(Sample { t_ms, v }),
            Value::Vector(v) => {
                QueryValue::Vector(v.into_iter().map(|(l, v)| (l, Sample { t_ms, v })).collect())
            }
        });
    }
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut series: Vec<Series> = Vec::new();
    for (i, t_ns) in steps.times.iter().enumerate() {
        budget.time()?;
        let t_ms = t_ns.div_euclid(1_000_000);
        let vector = match at(&node, i)? {
            Value::Scalar(v) => vec![(Labels::default(), v)],
            Value::Vector(v) => v,
        };
        for (labels, v) in vector {
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                series.push(Series { labels, samples: Vec::new() });
                series.len() - 1
            });
            series[place].samples.push(Sample { t_ms, v });
        }
        budget.series(series.len())?;
    }
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(QueryValue::Matrix(series))
}

fn load<'a>(
    expr: &'a Expr,
    reader: &dyn LogReader,
    steps: &Steps,
    budget: &Budget,
) -> Result<Node<'a>, SourceError> {
    let inner = |e: &'a Expr| load(e, reader, steps, budget).map(Box::new);
    Ok(match expr {
        Expr::Log(_) => {
            return Err(SourceError::Execution("a log selector is not a metric expression".into()));
        }
        Expr::Number(n) => Node::Number(*n),
        Expr::Vector(n) => Node::Vector(*n),
        Expr::Range(r) => Node::Leaf(range::evaluate(r, r.grouping.as_ref(), reader, steps, budget)?),
        Expr::Aggregation(a) => match &a.of {
            // Sums of sums: grouped while reading, so that labels which parsers extract make no series of their own.
            Expr::Range(r) if a.function == VectorFunction::Sum && r.function.is_additive() => {
                let leaf = range::evaluate(r, Some(&a.grouping), reader, steps, budget)?;
                Node::Aggregation(a, Box::new(Node::Leaf(leaf)))
            }
            of => Node::Aggregation(a, inner(of)?),
        },
        Expr::Binary(b) => Node::Binary(b, inner(&b.left)?, inner(&b.right)?),
        Expr::LabelReplace(r) => Node::LabelReplace(r, inner(&r.of)?),
    })
}

fn at(node: &Node<'_>, step: usize) -> Result<Value, SourceError> {
    Ok(match node {
        Node::Number(n) => Value::Scalar(*n),
        Node::Vector(n) => Value::Vector(vec![(Labels::default(), *n)]),
        Node::Leaf(series) => Value::Vector(
            series.iter().filter_map(|(l, values)| values[step].map(|v| (l.clone(), v))).collect(),
        ),
        Node::Aggregation(a, of) => match at(of, step)? {
            Value::Vector(v) => Value::Vector(vector::aggregate(a, v)),
            Value::Scalar(_) => {
                return Err(SourceError::Execution(format!("{:?} needs a vector, got a number", a.function)));
            }
        },
        Node::Binary(b, left, right) => binary::apply(b, at(left, step)?, at(right, step)?)?,
        Node::LabelReplace(r, of) => match at(of, step)? {
            Value::Vector(v) => Value::Vector(vector::label_replace(r, v)?),
            Value::Scalar(_) => {
                return Err(SourceError::Execution("label_replace needs a vector, got a number".into()));
            }
        },
    })
}

/// Lines of a log expression, at most `limit` over all streams; streams in order of first appearance.
pub fn logs(
    log: &LogExpr,
    reader: &dyn LogReader,
    range: (i64, i64),
    direction: Direction,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<LogStream>, SourceError> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut streams: Vec<LogStream> = Vec::new();
    let mut taken = 0;
    let mut failure = None;
    reader.scan(&log.matchers, range.0, range.1, direction, &log.hints(), &mut |labels, entry| {
        if let Err(e) = budget.line(entry.line.len()) {
            failure = Some(e);
            return ControlFlow::Break(());
        }
        let Some((line, labels)) = log.run(labels, entry) else { return ControlFlow::Continue(()) };
        let labels = labels.finish();
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            streams.push(LogStream { labels, entries: Vec::new() });
            streams.len() - 1
        });
        let mut entry = entry.clone();
        if let std::borrow::Cow::Owned(changed) = line {
            entry.line = changed;
        }
        streams[place].entries.push(entry);
        taken += 1;
        if taken >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    failure.map_or(Ok(streams), Err)
}
