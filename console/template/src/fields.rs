//! What a template looks at, read off its tree: who extracts labels need not extract others.

use crate::parse::{Node, Operand, Pipeline};

/// Names of the data's fields; `None` where the template may look at any, as one with templates of its own may.
pub(crate) fn of(alone: bool, nodes: &[Node]) -> Option<Vec<String>> {
    let mut out = Vec::new();
    (alone && walk(nodes, &mut out)).then_some(())?;
    out.sort();
    out.dedup();
    Some(out)
}

/// False where the data as a whole is looked at.
fn walk(nodes: &[Node], out: &mut Vec<String>) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(_) | Node::Break(_) | Node::Continue(_) => true,
        Node::Print(pipeline, _) => seen(pipeline, out),
        Node::If { condition, then, otherwise, .. } => {
            seen(condition, out) && walk(then, out) && walk(otherwise, out)
        }
        // Inside, the dot is another: its fields are taken for the data's too, which does no harm.
        Node::With { value, then, otherwise, .. } => {
            seen(value, out) && inner(then, out) && walk(otherwise, out)
        }
        Node::Range { over, body, otherwise, .. } => {
            seen(over, out) && inner(body, out) && walk(otherwise, out)
        }
        Node::Template { .. } => false,
    })
}

/// As [`walk`], where a dot alone is not the data.
fn inner(nodes: &[Node], out: &mut Vec<String>) -> bool {
    nodes.iter().all(|node| match node {
        Node::Print(pipeline, _) => pipeline_of(pipeline, false, out),
        Node::If { condition, then, otherwise, .. } => {
            pipeline_of(condition, false, out) && inner(then, out) && inner(otherwise, out)
        }
        Node::With { value, then, otherwise, .. }
        | Node::Range { over: value, body: then, otherwise, .. } => {
            pipeline_of(value, false, out) && inner(then, out) && inner(otherwise, out)
        }
        Node::Text(_) | Node::Break(_) | Node::Continue(_) => true,
        Node::Template { .. } => false,
    })
}

fn seen(pipeline: &Pipeline, out: &mut Vec<String>) -> bool {
    pipeline_of(pipeline, true, out)
}

fn pipeline_of(pipeline: &Pipeline, dot_is_data: bool, out: &mut Vec<String>) -> bool {
    pipeline.commands.iter().flat_map(|c| &c.0).all(|operand| match operand {
        Operand::Literal(_) | Operand::Function(_) | Operand::Host(_) => true,
        Operand::Group(group, _) => pipeline_of(group, dot_is_data, out),
        Operand::Path(path) => match path.first() {
            Some(name) => {
                out.push(name.clone());
                true
            }
            None => !dot_is_data,
        },
        // The root's own name is empty; other variables hold what was looked at already.
        Operand::Variable(name, path) if name.is_empty() => match path.first() {
            Some(name) => {
                out.push(name.clone());
                true
            }
            None => false,
        },
        Operand::Variable(..) => true,
    })
}
