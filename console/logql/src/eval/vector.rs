//! Aggregations over the vector of one step.

use std::{cmp::Ordering, collections::HashMap};

use console_model::Labels;
use console_storage::SourceError;

use super::{Vector, functions::variance};
use crate::ast::{LabelReplace, VectorAggregation, VectorFunction};

pub(super) fn aggregate(a: &VectorAggregation, mut vector: Vector) -> Vector {
    match a.function {
        VectorFunction::Sort => {
            vector.sort_by(|x, y| order(x.1, y.1));
            return vector;
        }
        VectorFunction::SortDesc => {
            vector.sort_by(|x, y| order(-x.1, -y.1));
            return vector;
        }
        _ => {}
    }
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, Vector)> = Vec::new();
    for (labels, v) in vector {
        let key = labels.filter(|name| a.grouping.labels.iter().any(|l| l == name) != a.grouping.without);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push((labels, v));
    }
    let mut out = Vec::new();
    for (key, mut members) in groups {
        match a.function {
            VectorFunction::TopK | VectorFunction::ApproxTopK => members.sort_by(|x, y| order(-x.1, -y.1)),
            VectorFunction::BottomK => members.sort_by(|x, y| order(x.1, y.1)),
            _ => {
                out.push((key, reduce(a.function, &members)));
                continue;
            }
        }
        members.truncate(a.k);
        out.extend(members);
    }
    out
}

/// Ascending, NaN last.
fn order(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(Ordering::Equal))
}

fn reduce(function: VectorFunction, members: &Vector) -> f64 {
    let values = || members.iter().map(|m| m.1);
    let count = members.len() as f64;
    match function {
        VectorFunction::Sum => values().sum(),
        VectorFunction::Avg => values().sum::<f64>() / count,
        VectorFunction::Min => {
            values().reduce(|a, b| if b < a || a.is_nan() { b } else { a }).unwrap_or(f64::NAN)
        }
        VectorFunction::Max => {
            values().reduce(|a, b| if b > a || a.is_nan() { b } else { a }).unwrap_or(f64::NAN)
        }
        VectorFunction::Count => count,
        VectorFunction::Stdvar => variance(values()),
        VectorFunction::Stddev => variance(values()).sqrt(),
        VectorFunction::TopK
        | VectorFunction::ApproxTopK
        | VectorFunction::BottomK
        | VectorFunction::Sort
        | VectorFunction::SortDesc => f64::NAN,
    }
}

/// Fails where two series come out with the same labels.
pub(super) fn label_replace(r: &LabelReplace, vector: Vector) -> Result<Vector, SourceError> {
    let mut seen = std::collections::HashSet::new();
    let mut out = Vec::with_capacity(vector.len());
    for (labels, v) in vector {
        let source = labels.get(&r.source).unwrap_or_default();
        let labels = match r.regex.captures(source) {
            Some(found) => {
                let mut value = String::new();
                found.expand(&r.replacement, &mut value);
                labels.with(&r.target, &value)
            }
            None => labels,
        };
        if !seen.insert(labels.clone()) {
            return Err(SourceError::Execution(format!(
                "label_replace gives two series the labels {labels}"
            )));
        }
        out.push((labels, v));
    }
    Ok(out)
}
