//! Pipelines over the spans of one trace. A spanset is a sorted list of positions in the trace.

use std::collections::{BTreeSet, HashMap, HashSet};

use console_model::span::SpanId;

use crate::{
    ast::*,
    error::Error,
    eval::{Compiled, Context},
    validate::constant,
    value::{Value, compare},
};

type Spans = Vec<usize>;

/// Stages ready to run.
pub struct Pipeline(Vec<Step>);

enum Step {
    Spansets(Sets),
    Scalar { function: Aggregate, of: Option<Compiled>, op: Op, than: f64 },
    GroupBy(Compiled),
    Coalesce,
}

enum Sets {
    Filter(Option<Compiled>),
    Pipeline(Pipeline),
    Binary { op: SpansetOp, left: Box<Sets>, right: Box<Sets> },
}

impl Pipeline {
    pub fn new(stages: &[Stage]) -> Result<Self, Error> {
        let mut steps = Vec::new();
        for stage in stages {
            match stage {
                Stage::Spansets(s) => steps.push(Step::Spansets(Sets::new(s)?)),
                Stage::Scalar { left: Scalar::Aggregate { function, of }, op, right } => {
                    let than = constant(right)
                        .ok_or_else(|| Error::Unsupported("comparing two aggregates".into()))?;
                    let of = of.as_ref().map(Compiled::new).transpose()?;
                    steps.push(Step::Scalar { function: *function, of, op: *op, than });
                }
                Stage::Scalar { .. } => return Err(Error::Unsupported("arithmetic with aggregates".into())),
                Stage::GroupBy(field) => steps.push(Step::GroupBy(Compiled::new(field)?)),
                Stage::Coalesce => steps.push(Step::Coalesce),
                // Chooses what is shown; answers always carry whole spans.
                Stage::Select(_) => {}
            }
        }
        Ok(Self(steps))
    }

    /// The matching spans of the trace, by position.
    pub fn run(&self, at: &Context<'_>) -> Spans {
        union(&self.spansets(at, (0..at.trace.spans.len()).collect()))
    }

    fn spansets(&self, at: &Context<'_>, all: Spans) -> Vec<Spans> {
        let mut sets = vec![all];
        for step in &self.0 {
            sets = match step {
                Step::Spansets(s) => sets.iter().map(|set| s.run(at, set)).collect(),
                Step::Scalar { function, of, op, than } => {
                    sets.retain(|set| {
                        aggregate(at, set, *function, of.as_ref())
                            .is_some_and(|v| compare(*op, &Value::Float(v), &Value::Float(*than)))
                    });
                    sets
                }
                Step::GroupBy(key) => sets.iter().flat_map(|set| group(at, set, key)).collect(),
                Step::Coalesce => vec![union(&sets)],
            };
            sets.retain(|s| !s.is_empty());
        }
        sets
    }
}

fn union(sets: &[Spans]) -> Spans {
    sets.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

fn group(at: &Context<'_>, set: &Spans, key: &Compiled) -> Vec<Spans> {
    let mut groups: Vec<(Value, Spans)> = Vec::new();
    for i in set {
        let value = key.eval(at, &at.trace.spans[*i]);
        match groups.iter_mut().find(|(v, _)| *v == value) {
            Some((_, spans)) => spans.push(*i),
            None => groups.push((value, vec![*i])),
        }
    }
    groups.into_iter().map(|(_, spans)| spans).collect()
}

/// `None` where no span of the set has the number.
fn aggregate(at: &Context<'_>, set: &Spans, function: Aggregate, of: Option<&Compiled>) -> Option<f64> {
    let Some(of) = of else { return Some(set.len() as f64) };
    let numbers: Vec<f64> = set.iter().filter_map(|i| of.eval(at, &at.trace.spans[*i]).number()).collect();
    if numbers.is_empty() {
        return None;
    }
    let sum: f64 = numbers.iter().sum();
    Some(match function {
        Aggregate::Count => numbers.len() as f64,
        Aggregate::Sum => sum,
        Aggregate::Avg => sum / numbers.len() as f64,
        Aggregate::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}

impl Sets {
    fn new(spanset: &Spanset) -> Result<Self, Error> {
        Ok(match spanset {
            Spanset::Filter(field) => Self::Filter(field.as_ref().map(Compiled::new).transpose()?),
            Spanset::Pipeline(stages) => Self::Pipeline(Pipeline::new(stages)?),
            Spanset::Binary { op, left, right } => {
                Self::Binary { op: *op, left: Box::new(Self::new(left)?), right: Box::new(Self::new(right)?) }
            }
        })
    }

    fn run(&self, at: &Context<'_>, set: &Spans) -> Spans {
        match self {
            Self::Filter(None) => set.clone(),
            Self::Filter(Some(filter)) => {
                set.iter().copied().filter(|i| filter.eval(at, &at.trace.spans[*i]).is_true()).collect()
            }
            Self::Pipeline(p) => union(&p.spansets(at, set.clone())),
            Self::Binary { op, left, right } => combine(at, *op, left.run(at, set), right.run(at, set)),
        }
    }
}

fn combine(at: &Context<'_>, op: SpansetOp, left: Spans, right: Spans) -> Spans {
    match op {
        SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
        SpansetOp::And | SpansetOp::Or => union(&[left, right]),
        SpansetOp::Structural { relation, mode: Mode::Plain } => related(at, relation, &left, &right),
        SpansetOp::Structural { relation, mode: Mode::Negated } => {
            let found: HashSet<usize> = related(at, relation, &left, &right).into_iter().collect();
            right.into_iter().filter(|i| !found.contains(i)).collect()
        }
        SpansetOp::Structural { relation, mode: Mode::Union } => {
            let found = related(at, relation, &left, &right);
            let partners = related(at, inverse(relation), &found, &left);
            union(&[found, partners])
        }
    }
}

fn inverse(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// Spans of `right` that stand in the relation to some span of `left`.
fn related(at: &Context<'_>, relation: Relation, left: &Spans, right: &Spans) -> Spans {
    let parent = |i: usize| at.trace.spans[i].parent_span_id.and_then(|p| at.index.get(&p)).copied();
    let in_left: HashSet<usize> = left.iter().copied().collect();
    let keep: Box<dyn Fn(usize) -> bool> = match relation {
        Relation::Child => Box::new(move |i| parent(i).is_some_and(|p| in_left.contains(&p))),
        Relation::Descendant => Box::new(move |i| ancestors(at, i).any(|a| in_left.contains(&a))),
        Relation::Parent => {
            let parents: HashSet<usize> = left.iter().filter_map(|i| parent(*i)).collect();
            Box::new(move |i| parents.contains(&i))
        }
        Relation::Ancestor => {
            let above: HashSet<usize> = left.iter().flat_map(|i| ancestors(at, *i)).collect();
            Box::new(move |i| above.contains(&i))
        }
        Relation::Sibling => {
            // Spans share a parent when they name the same one, even one that has not arrived.
            let mut by_parent: HashMap<SpanId, Vec<usize>> = HashMap::new();
            for i in left {
                if let Some(p) = at.trace.spans[*i].parent_span_id {
                    by_parent.entry(p).or_default().push(*i);
                }
            }
            Box::new(move |i| {
                at.trace.spans[i]
                    .parent_span_id
                    .and_then(|p| by_parent.get(&p))
                    .is_some_and(|siblings| siblings.iter().any(|s| *s != i))
            })
        }
    };
    right.iter().copied().filter(|i| keep(*i)).collect()
}

/// Parents upward; ends at a missing one, and in a ring after one round.
fn ancestors<'a>(at: &'a Context<'_>, of: usize) -> impl Iterator<Item = usize> + 'a {
    let up = move |i: &usize| at.trace.spans[*i].parent_span_id.and_then(|p| at.index.get(&p)).copied();
    std::iter::successors(up(&of), up).take(at.trace.spans.len())
}
