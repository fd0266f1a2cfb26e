//! Metric expressions: leaves are read once for all steps, the rest is computed step by step.

mod binary;
mod functions;
mod range;
mod vector;

use std::{borrow::Cow, collections::HashMap, ops::ControlFlow};

use console_model::{
    Labels,
    log::{Direction, LogEntry, LogStream, Streams},
    metric::{QueryValue, Sample, Series},
};
use console_storage::{SourceError, logs::LogReader, source::CategorizedStream};

use crate::{
    ast::*,
    budget::Budget,
    labels::{Categories, LabelSet},
    reject::Rejects,
};

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
        Expr::Aggregation(a) if a.function == VectorFunction::ApproxTopK && !steps.instant => {
            return Err(SourceError::Invalid {
                message: "approx_topk is only supported for instant queries".to_owned(),
                position: None,
            });
        }
        Expr::Aggregation(a) => match &a.of {
            // Grouped while reading, so that labels which parsers extract make no series of their own.
            Expr::Range(r) if r.grouping.is_none() && regroups(a.function, r.function) => {
                let leaf = range::evaluate(r, Some(&a.grouping), reader, steps, budget)?;
                Node::Aggregation(a, Box::new(Node::Leaf(leaf)))
            }
            of => Node::Aggregation(a, inner(of)?),
        },
        Expr::Binary(b) => Node::Binary(b, inner(&b.left)?, inner(&b.right)?),
        Expr::LabelReplace(r) => Node::LabelReplace(r, inner(&r.of)?),
    })
}

/// Whether the aggregation of the parts is the function of the whole: sums of sums, the greatest of the greatest.
fn regroups(outer: VectorFunction, inner: RangeFunction) -> bool {
    match outer {
        VectorFunction::Sum => inner.is_additive(),
        VectorFunction::Max => inner == RangeFunction::MaxOverTime,
        VectorFunction::Min => inner == RangeFunction::MinOverTime,
        _ => false,
    }
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
    let mut streams = Streams::default();
    lines(log, reader, range, direction, limit, budget, |entry, labels| {
        streams.push(&labels.finish(), entry);
    })?;
    Ok(streams.into_list())
}

/// As [`logs`], with labels told by where they come from: streams stay those of the store.
pub fn categorized(
    log: &LogExpr,
    reader: &dyn LogReader,
    range: (i64, i64),
    direction: Direction,
    limit: usize,
    budget: &Budget,
) -> Result<Vec<CategorizedStream>, SourceError> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut streams: Vec<CategorizedStream> = Vec::new();
    lines(log, reader, range, direction, limit, budget, |mut entry, labels| {
        let Categories { stream: labels, metadata, parsed } = labels.categories();
        let place = *places.entry(labels.clone()).or_insert_with(|| {
            streams.push(CategorizedStream { labels, entries: Vec::new() });
            streams.len() - 1
        });
        entry.metadata = metadata;
        streams[place].entries.push((entry, parsed));
    })?;
    Ok(streams)
}

/// Lines that stay, as stages left them, in order of time, at most `limit`.
fn lines(
    log: &LogExpr,
    reader: &dyn LogReader,
    range: (i64, i64),
    direction: Direction,
    limit: usize,
    budget: &Budget,
    mut visit: impl FnMut(LogEntry, &LabelSet<'_>),
) -> Result<(), SourceError> {
    let mut taken = 0;
    let rejects = Rejects::of(log);
    let now_ms = console_model::clock::now_ms();
    each_line(log, reader, range, direction, budget, &mut |labels, entry| {
        if rejects.drops(labels, &entry.line, entry.metadata.iter().map(|(name, _)| name.as_str())) {
            return ControlFlow::Continue(());
        }
        let Some((line, labels)) = log.run(labels, entry, now_ms) else { return ControlFlow::Continue(()) };
        visit(with_line(entry, line), &labels);
        taken += 1;
        if taken >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Visits the selector's lines, each accounted for, until the visitor breaks.
pub fn each_line(
    log: &LogExpr,
    reader: &dyn LogReader,
    (from, to): (i64, i64),
    direction: Direction,
    budget: &Budget,
    visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
) -> Result<(), SourceError> {
    let mut failure = None;
    reader.scan(&log.matchers, from, to, direction, &log.hints(), &mut |labels, entry| match budget
        .lines(1, entry.line.len() as u64)
    {
        Ok(()) => visit(labels, entry),
        Err(e) => {
            failure = Some(e);
            ControlFlow::Break(())
        }
    })?;
    failure.map_or(Ok(()), Err)
}

/// An entry as stages left it.
pub fn with_line(entry: &LogEntry, line: Cow<'_, str>) -> LogEntry {
    let mut entry = entry.clone();
    if let Cow::Owned(changed) = line {
        entry.line = changed;
    }
    entry
}
