//! Pipelines over the spans of one trace. A spanset is a sorted list of positions in the trace.

use std::collections::{BTreeSet, HashMap, HashSet};

use console_model::span::SpanId;

use crate::{ast::*, context::Context, error::Error, eval::Compiled, scalar::Number, value::compare_numbers};

/// Positions in a trace, ascending.
pub type Spans = Vec<usize>;

/// Stages ready to run.
pub struct Pipeline(Vec<Step>);

enum Step {
    Spansets(Sets),
    Scalar { left: Number, op: Op, right: Number },
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
                Stage::Scalar { left, op, right } => {
                    let (left, right) = (Number::new(left)?, Number::new(right)?);
                    steps.push(Step::Scalar { left, op: *op, right });
                }
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
        let mut sets = self.groups(at);
        if sets.len() == 1 { sets.remove(0) } else { union(&sets) }
    }

    /// The spansets that are left at the end: several after `by()`.
    pub fn groups(&self, at: &Context<'_>) -> Vec<Spans> {
        self.spansets(at, (0..at.trace.spans.len()).collect())
    }

    fn spansets(&self, at: &Context<'_>, all: Spans) -> Vec<Spans> {
        let mut sets = vec![all];
        for step in &self.0 {
            sets = match step {
                Step::Spansets(s) => sets.iter().map(|set| s.run(at, set)).collect(),
                Step::Scalar { left, op, right } => {
                    sets.retain(|set| match (left.of(at, set), right.of(at, set)) {
                        (Some(l), Some(r)) => compare_numbers(*op, l, r),
                        _ => false,
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

pub fn union(sets: &[Spans]) -> Spans {
    sets.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// In order of first appearance.
fn group(at: &Context<'_>, set: &Spans, key: &Compiled) -> Vec<Spans> {
    let mut places = HashMap::new();
    let mut groups: Vec<Spans> = Vec::new();
    for i in set {
        let place = *places.entry(key.eval(at, *i).key()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(spans) => spans.push(*i),
            None => groups.push(vec![*i]),
        }
    }
    groups
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
                set.iter().copied().filter(|i| filter.eval(at, *i).is_true()).collect()
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
    let parent = |i: usize| at.parent(i);
    let in_left: HashSet<usize> = left.iter().copied().collect();
    let keep: Box<dyn Fn(usize) -> bool> = match relation {
        Relation::Child => Box::new(move |i| parent(i).is_some_and(|p| in_left.contains(&p))),
        Relation::Descendant => {
            let below = below(at, &in_left);
            Box::new(move |i| below[i])
        }
        Relation::Parent => {
            let parents: HashSet<usize> = left.iter().filter_map(|i| parent(*i)).collect();
            Box::new(move |i| parents.contains(&i))
        }
        Relation::Ancestor => {
            let mut above = HashSet::new();
            for i in left {
                // What is above one that was met is known already.
                for ancestor in ancestors(at, *i) {
                    if !above.insert(ancestor) {
                        break;
                    }
                }
            }
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

/// Of each span, whether some ancestor is in `left`. Each step up is taken once.
fn below(at: &Context<'_>, left: &HashSet<usize>) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; at.trace.spans.len()];
    for start in 0..known.len() {
        let (mut path, mut on_path, mut i) = (Vec::new(), HashSet::new(), start);
        let is_below = loop {
            if let Some(answer) = known[i] {
                break answer;
            }
            // A ring without any of them.
            if !on_path.insert(i) {
                break false;
            }
            path.push(i);
            match at.parent(i) {
                Some(parent) if left.contains(&parent) => break true,
                Some(parent) => i = parent,
                None => break false,
            }
        };
        for step in path {
            known[step] = Some(is_below);
        }
    }
    known.into_iter().map(|answer| answer == Some(true)).collect()
}

/// Parents upward; ends at a missing one, and in a ring after one round.
fn ancestors<'a>(at: &'a Context<'_>, of: usize) -> impl Iterator<Item = usize> + 'a {
    let up = move |i: &usize| at.parent(*i);
    std::iter::successors(up(&of), up).take(at.trace.spans.len())
}
