//! What a span's expressions may ask about its trace. What few queries ask is worked out when one does.

use std::{cell::OnceCell, collections::HashMap};

use console_model::span::{Span, SpanId, Trace};

pub struct Context<'a> {
    pub trace: &'a Trace,
    pub root: Option<&'a Span>,
    positions: OnceCell<HashMap<SpanId, usize>>,
    children: OnceCell<HashMap<SpanId, i64>>,
    nested_sets: OnceCell<Vec<NestedSet>>,
    duration_ns: i64,
}

/// A span's place in a walk of its tree that counts on entering and on leaving. All zero for spans that hang below no root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NestedSet {
    pub left: i64,
    pub right: i64,
    /// The parent's `left`; -1 for a root.
    pub parent: i64,
}

fn is_root(span: &Span) -> bool {
    span.parent_span_id.is_none_or(|p| p.is_zero())
}

impl<'a> Context<'a> {
    pub fn new(trace: &'a Trace) -> Self {
        let start = trace.spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
        let end = trace.spans.iter().map(Span::end_ns).max().unwrap_or(0);
        Self {
            root: trace.spans.iter().find(|s| is_root(s)),
            positions: OnceCell::new(),
            children: OnceCell::new(),
            nested_sets: OnceCell::new(),
            duration_ns: end.saturating_sub(start),
            trace,
        }
    }

    pub fn duration_ns(&self) -> i64 {
        self.duration_ns
    }

    /// Where the parent of the span at `i` stands; none for a root and for one whose parent has not arrived.
    pub fn parent(&self, i: usize) -> Option<usize> {
        let id = self.trace.spans[i].parent_span_id?;
        let positions = self
            .positions
            .get_or_init(|| self.trace.spans.iter().enumerate().map(|(i, s)| (s.span_id, i)).collect());
        positions.get(&id).copied()
    }

    pub fn child_count(&self, id: SpanId) -> i64 {
        let children = self.children.get_or_init(|| {
            let mut children = HashMap::new();
            for parent in self.trace.spans.iter().filter_map(|s| s.parent_span_id) {
                *children.entry(parent).or_insert(0) += 1;
            }
            children
        });
        children.get(&id).copied().unwrap_or(0)
    }

    pub fn nested_set(&self, i: usize) -> NestedSet {
        self.nested_sets.get_or_init(|| self.walk())[i]
    }

    /// Every span has at most one parent, so that what hangs below a root is a tree.
    fn walk(&self) -> Vec<NestedSet> {
        let spans = &self.trace.spans;
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
        let mut roots = Vec::new();
        for (i, span) in spans.iter().enumerate() {
            match self.parent(i) {
                _ if is_root(span) => roots.push(i),
                Some(p) => children[p].push(i),
                None => {}
            }
        }
        let mut sets = vec![NestedSet::default(); spans.len()];
        let mut next = 1;
        for root in roots {
            sets[root] = NestedSet { left: next, right: 0, parent: -1 };
            next += 1;
            let mut path = vec![(root, 0)];
            while let Some((at, child)) = path.last_mut() {
                if let Some(below) = children[*at].get(*child).copied() {
                    *child += 1;
                    sets[below] = NestedSet { left: next, right: 0, parent: sets[*at].left };
                    path.push((below, 0));
                } else {
                    sets[*at].right = next;
                    path.pop();
                }
                next += 1;
            }
        }
        sets
    }
}
