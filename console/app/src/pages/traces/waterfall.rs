//! A trace laid out as a waterfall: rows in order of the tree, bars as shares of the trace's time.
//!
//! Must hold for whatever arrives: spans without parents, parents that form a cycle, two spans with one id, clocks that
//! disagree (a child may start before its parent or outlive it), and more spans than a page can show.

use std::collections::HashMap;

use console_model::span::{Span, SpanId, SpanKind, SpanStatus};
use serde::{Deserialize, Serialize};

/// Rows that one page shows; the rest is counted in [`Waterfall::left_out`].
pub const MAX_ROWS: usize = 2_000;
/// Bars narrower than this are drawn this wide, or they cannot be seen or hit.
const MIN_WIDTH_PERCENT: f64 = 0.15;

/// One span as a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Index of the span in the trace.
    pub span: usize,
    pub span_id: SpanId,
    /// Index of the parent's row; none for a root or an orphan.
    pub parent: Option<usize>,
    pub depth: usize,
    /// Rows below this one that belong to it.
    pub descendants: usize,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    pub is_error: bool,
    /// An error somewhere below, so that a collapsed row still shows it.
    pub hides_error: bool,
    /// The parent is named but not in the trace.
    pub is_orphan: bool,
    /// On the chain of spans that determined when the trace ended.
    pub is_critical: bool,
    pub offset_ns: i64,
    pub duration_ns: i64,
    pub left_percent: f64,
    pub width_percent: f64,
}

/// The whole picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    pub start_ns: i64,
    pub duration_ns: i64,
    pub rows: Vec<Row>,
    pub left_out: usize,
    pub span_count: usize,
    pub error_count: usize,
    /// Services in order of appearance with their span counts; the position picks the colour.
    pub services: Vec<(String, usize)>,
}

struct Tree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
    parent: Vec<Option<usize>>,
}

/// Lays out the spans of one trace. `limit` bounds the rows.
pub fn lay_out(spans: &[Span], limit: usize) -> Waterfall {
    let Some(start_ns) = spans.iter().map(|s| s.start_ns).min() else { return Waterfall::default() };
    let end_ns =
        spans.iter().map(|s| s.start_ns.saturating_add(s.duration_ns.max(0))).max().unwrap_or(start_ns);
    let duration_ns = end_ns.saturating_sub(start_ns).max(1);
    let tree = tree(spans);
    let critical = critical_path(spans, &tree);

    let mut rows: Vec<Row> = Vec::with_capacity(spans.len().min(limit));
    let mut stack: Vec<(usize, Option<usize>, usize)> =
        tree.roots.iter().rev().map(|root| (*root, None, 0)).collect();
    while let Some((index, parent, depth)) = stack.pop() {
        if rows.len() == limit {
            break;
        }
        let own_row = rows.len();
        rows.push(row(spans, index, parent, depth, (start_ns, duration_ns), &tree, critical[index]));
        stack.extend(tree.children[index].iter().rev().map(|child| (*child, Some(own_row), depth + 1)));
    }
    // Rows stand after their parents, so one pass from the end sums everything up.
    for at in (0..rows.len()).rev() {
        let (descendants, error) = (rows[at].descendants, rows[at].is_error || rows[at].hides_error);
        if let Some(parent) = rows[at].parent {
            rows[parent].descendants += descendants + 1;
            rows[parent].hides_error |= error;
        }
    }
    Waterfall {
        start_ns,
        duration_ns,
        left_out: spans.len() - rows.len(),
        rows,
        span_count: spans.len(),
        error_count: spans.iter().filter(|s| s.status == SpanStatus::Error).count(),
        services: services(spans),
    }
}

fn row(
    spans: &[Span],
    index: usize,
    parent: Option<usize>,
    depth: usize,
    (start_ns, total_ns): (i64, i64),
    tree: &Tree,
    is_critical: bool,
) -> Row {
    let span = &spans[index];
    let offset_ns = span.start_ns.saturating_sub(start_ns);
    let duration_ns = span.duration_ns.max(0);
    let share = |ns: i64| (ns as f64 / total_ns as f64 * 100.0).clamp(0.0, 100.0);
    let left_percent = share(offset_ns).min(100.0 - MIN_WIDTH_PERCENT);
    Row {
        span: index,
        span_id: span.span_id,
        parent,
        depth,
        descendants: 0,
        service: span.service.clone(),
        name: span.name.clone(),
        kind: span.kind,
        is_error: span.status == SpanStatus::Error,
        hides_error: false,
        is_orphan: tree.parent[index].is_none() && span.parent_span_id.is_some_and(|id| !id.is_zero()),
        is_critical,
        offset_ns,
        duration_ns,
        left_percent,
        width_percent: share(duration_ns).max(MIN_WIDTH_PERCENT).min(100.0 - left_percent),
    }
}

fn services(spans: &[Span]) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut position: HashMap<&str, usize> = HashMap::new();
    for span in spans {
        let at = *position.entry(&span.service).or_insert_with(|| {
            counts.push((span.service.clone(), 0));
            counts.len() - 1
        });
        counts[at].1 += 1;
    }
    counts
}

fn end_ns(span: &Span) -> i64 {
    span.start_ns.saturating_add(span.duration_ns.max(0))
}

/// Parents by id, children in order of start. What hangs in a cycle gets its earliest span as a root.
fn tree(spans: &[Span]) -> Tree {
    let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        by_id.entry(span.span_id).or_insert(index);
    }
    let mut parent: Vec<Option<usize>> = spans
        .iter()
        .enumerate()
        .map(|(index, span)| {
            span.parent_span_id.and_then(|id| by_id.get(&id).copied()).filter(|found| *found != index)
        })
        .collect();
    let mut by_start: Vec<usize> = (0..spans.len()).collect();
    by_start.sort_by_key(|index| (spans[*index].start_ns, *index));

    // 0: not seen, 1: on the way up just now, 2: known to reach a root.
    let mut seen = vec![0_u8; spans.len()];
    for from in &by_start {
        let (mut at, mut way) = (*from, Vec::new());
        while seen[at] == 0 {
            seen[at] = 1;
            way.push(at);
            let Some(up) = parent[at] else { break };
            at = up;
        }
        if seen[at] == 1 && parent[at].is_some() {
            let start = way.iter().position(|i| *i == at).unwrap_or_default();
            let first = way[start..].iter().copied().min_by_key(|i| (spans[*i].start_ns, *i));
            parent[first.unwrap_or(at)] = None;
        }
        for index in way {
            seen[index] = 2;
        }
    }

    let mut tree = Tree { roots: Vec::new(), children: vec![Vec::new(); spans.len()], parent };
    for index in by_start {
        match tree.parent[index] {
            Some(up) => tree.children[up].push(index),
            None => tree.roots.push(index),
        }
    }
    tree
}

/// Which spans the trace's end waited for: from the root that ends last, backwards over the child that ended last before
/// the next one began (the rule of Jaeger's critical path view).
fn critical_path(spans: &[Span], tree: &Tree) -> Vec<bool> {
    let mut critical = vec![false; spans.len()];
    let mut open: Vec<usize> =
        tree.roots.iter().copied().max_by_key(|r| end_ns(&spans[*r])).into_iter().collect();
    while let Some(index) = open.pop() {
        critical[index] = true;
        let mut cursor = end_ns(&spans[index]);
        // A child may outlive its parent; what it did afterwards did not hold the parent up.
        let limit = cursor;
        let mut children: Vec<usize> = tree.children[index].clone();
        children.sort_by_key(|c| std::cmp::Reverse(end_ns(&spans[*c]).min(limit)));
        for child in children {
            if end_ns(&spans[child]).min(limit) <= cursor && spans[child].start_ns < cursor {
                cursor = spans[child].start_ns;
                open.push(child);
            }
        }
    }
    critical
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_model::span::TraceId;

    fn span(id: u64, parent: u64, service: &str, start_ns: i64, duration_ns: i64) -> Span {
        Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId(id.to_be_bytes()),
            parent_span_id: (parent != 0).then_some(SpanId(parent.to_be_bytes())),
            service: service.to_owned(),
            name: format!("span {id}"),
            kind: SpanKind::Server,
            start_ns,
            duration_ns,
            status: SpanStatus::Unset,
            status_message: String::new(),
            attributes: Vec::new(),
            resource: Vec::new(),
            scope_name: String::new(),
            scope_version: String::new(),
            scope_attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    fn names(w: &Waterfall) -> Vec<(&str, usize)> {
        w.rows.iter().map(|r| (r.name.as_str(), r.depth)).collect()
    }

    #[test]
    fn children_follow_their_parent_in_order_of_start() {
        let w = lay_out(
            &[
                span(1, 0, "a", 0, 100),
                span(3, 1, "b", 60, 20),
                span(2, 1, "b", 10, 40),
                span(4, 2, "c", 20, 10),
            ],
            MAX_ROWS,
        );
        assert_eq!(names(&w), [("span 1", 0), ("span 2", 1), ("span 4", 2), ("span 3", 1)]);
        assert_eq!(w.rows[0].descendants, 3);
        assert_eq!((w.rows[3].left_percent, w.rows[3].width_percent), (60.0, 20.0));
        assert_eq!(w.services, [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 1)]);
    }

    #[test]
    fn an_error_shines_through_the_rows_that_hide_it() {
        let mut deep = span(3, 2, "c", 2, 1);
        deep.status = SpanStatus::Error;
        let w =
            lay_out(&[span(1, 0, "a", 0, 10), span(2, 1, "b", 1, 5), deep, span(4, 1, "d", 7, 1)], MAX_ROWS);
        assert_eq!(w.rows.iter().map(|r| r.hides_error).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(w.error_count, 1);
    }

    #[test]
    fn a_child_outside_its_parents_time_stays_inside_the_picture() {
        let w = lay_out(
            &[span(1, 0, "a", 1_000, 100), span(2, 1, "b", 900, 500), span(3, 1, "b", 1_400, -5)],
            MAX_ROWS,
        );
        assert_eq!(w.start_ns, 900);
        assert_eq!(w.duration_ns, 500);
        assert!(
            w.rows.iter().all(|r| r.left_percent >= 0.0 && r.left_percent + r.width_percent <= 100.0 + 1e-9)
        );
    }

    #[test]
    fn orphans_cycles_and_double_ids_lose_no_span() {
        let spans = [
            span(1, 9, "orphan", 5, 1),
            span(2, 3, "cycle", 1, 1),
            span(3, 2, "cycle", 2, 1),
            span(4, 4, "own parent", 3, 1),
            span(4, 1, "twin", 6, 1),
        ];
        let w = lay_out(&spans, MAX_ROWS);
        assert_eq!(names(&w), [("span 2", 0), ("span 3", 1), ("span 4", 0), ("span 1", 0), ("span 4", 1)]);
        assert!(w.rows[3].is_orphan);
    }

    #[test]
    fn the_critical_path_skips_work_that_ran_beside_it() {
        let w = lay_out(
            &[
                span(1, 0, "a", 0, 100),
                span(2, 1, "b", 0, 40),
                span(3, 1, "b", 10, 20),
                span(4, 1, "b", 50, 50),
            ],
            MAX_ROWS,
        );
        let critical: Vec<_> = w.rows.iter().filter(|r| r.is_critical).map(|r| r.name.as_str()).collect();
        assert_eq!(critical, ["span 1", "span 2", "span 4"]);
    }

    #[test]
    fn a_huge_and_deep_trace_is_cut_and_says_so() {
        let spans: Vec<Span> = (0..10_000).map(|i| span(i + 1, i, "a", i as i64, 10)).collect();
        let w = lay_out(&spans, MAX_ROWS);
        assert_eq!((w.rows.len(), w.left_out, w.span_count), (MAX_ROWS, 8_000, 10_000));
        assert!(lay_out(&[], MAX_ROWS).rows.is_empty());
    }
}
