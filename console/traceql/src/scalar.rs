//! Numbers of spansets and of whole pipelines. They are fractions: `count() / 2` of three spans is 1.5.

use crate::{
    ast::*,
    context::Context,
    error::Error,
    eval::Compiled,
    spanset::{Pipeline, Spans, union},
    value::{Value, arithmetic, compare_numbers},
};

/// A [`Scalar`] ready to run.
pub enum Number {
    Constant(f64),
    Aggregate { function: Aggregate, of: Option<Compiled> },
    Binary { op: Op, left: Box<Number>, right: Box<Number> },
}

fn constant(literal: &Static) -> Result<f64, Error> {
    Value::from(literal).number().ok_or_else(|| Error::Invalid("aggregates compare with numbers".into()))
}

impl Number {
    pub fn new(scalar: &Scalar) -> Result<Self, Error> {
        Ok(match scalar {
            Scalar::Static(s) => Self::Constant(constant(s)?),
            Scalar::Aggregate { function, of } => {
                Self::Aggregate { function: *function, of: of.as_ref().map(Compiled::new).transpose()? }
            }
            Scalar::Binary { op, left, right } => {
                let (left, right) = (Self::new(left)?, Self::new(right)?);
                Self::Binary { op: *op, left: Box::new(left), right: Box::new(right) }
            }
        })
    }

    /// `None` where no span of the set has the number.
    pub fn of(&self, at: &Context<'_>, set: &Spans) -> Option<f64> {
        match self {
            Self::Constant(n) => Some(*n),
            Self::Aggregate { of: None, .. } => Some(set.len() as f64),
            Self::Aggregate { function, of: Some(of) } => {
                fold(*function, set.iter().filter_map(|i| of.eval(at, *i).number()))
            }
            Self::Binary { op, left, right } => arithmetic(*op, left.of(at, set)?, right.of(at, set)?),
        }
    }
}

fn fold(function: Aggregate, numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0u64, 0.0);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for n in numbers {
        count += 1;
        sum += n;
        least = least.min(n);
        most = most.max(n);
    }
    (count > 0).then_some(match function {
        Aggregate::Count => count as f64,
        Aggregate::Sum => sum,
        Aggregate::Avg => sum / count as f64,
        Aggregate::Min => least,
        Aggregate::Max => most,
    })
}

/// `({a} | count()) > ({b} | count())`, ready to run.
pub struct PipelineComparison {
    left: WholeNumber,
    op: Op,
    right: WholeNumber,
}

/// A [`PipelineNumber`] ready to run.
enum WholeNumber {
    Constant(f64),
    Pipeline { pipeline: Pipeline, of: Number, grouped: bool },
    Binary { op: Op, left: Box<WholeNumber>, right: Box<WholeNumber> },
}

impl PipelineComparison {
    pub fn new(left: &PipelineNumber, op: Op, right: &PipelineNumber) -> Result<Self, Error> {
        Ok(Self { left: WholeNumber::new(left)?, op, right: WholeNumber::new(right)? })
    }

    /// The spans of both sides where the comparison holds; after `by()`, of the groups for which it does.
    pub fn run(&self, at: &Context<'_>) -> Spans {
        let holding = combined(&self.left.of(at), &self.right.of(at), |l, r| {
            compare_numbers(self.op, l, r).then_some(0.0)
        });
        union(&holding.into_iter().map(|(spans, _)| spans).collect::<Vec<_>>())
    }
}

impl WholeNumber {
    fn new(number: &PipelineNumber) -> Result<Self, Error> {
        Ok(match number {
            PipelineNumber::Static(s) => Self::Constant(constant(s)?),
            PipelineNumber::Pipeline { stages, of } => Self::Pipeline {
                pipeline: Pipeline::new(stages)?,
                of: Number::new(of)?,
                grouped: stages.iter().any(|s| matches!(s, Stage::GroupBy(_))),
            },
            PipelineNumber::Binary { op, left, right } => {
                let (left, right) = (Self::new(left)?, Self::new(right)?);
                Self::Binary { op: *op, left: Box::new(left), right: Box::new(right) }
            }
        })
    }

    /// A number for each spanset that has one. A pipeline without groups that finds nothing counts zero spans.
    fn of(&self, at: &Context<'_>) -> Vec<(Spans, f64)> {
        match self {
            Self::Constant(n) => vec![(Vec::new(), *n)],
            Self::Pipeline { pipeline, of, grouped } => {
                let mut sets = pipeline.groups(at);
                if sets.is_empty() && !grouped {
                    sets.push(Vec::new());
                }
                sets.into_iter().filter_map(|set| of.of(at, &set).map(|n| (set, n))).collect()
            }
            Self::Binary { op, left, right } => {
                combined(&left.of(at), &right.of(at), |l, r| arithmetic(*op, l, r))
            }
        }
    }
}

/// Each number of the left with each of the right. Only one side has groups, so that this is no product of two lists.
fn combined(
    left: &[(Spans, f64)],
    right: &[(Spans, f64)],
    combine: impl Fn(f64, f64) -> Option<f64>,
) -> Vec<(Spans, f64)> {
    let pairs = left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
    pairs
        .filter_map(|((l_spans, l), (r_spans, r))| {
            combine(*l, *r).map(|n| (union(&[l_spans.clone(), r_spans.clone()]), n))
        })
        .collect()
}
