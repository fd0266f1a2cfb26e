//! The route tree, flattened: each route with inherited settings, children by index (dispatch/route.go).

use std::collections::BTreeSet;

use console_model::Labels;

use crate::routing::matcher::LabelMatcher;

/// Position of a route in the tree; the root is zero. Stable for one loaded file.
pub type RouteId = usize;

/// By what alerts are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// `'...'`: every alert on its own.
    All,
    Labels(BTreeSet<String>),
}

impl GroupBy {
    pub fn labels_of(&self, labels: &Labels) -> Labels {
        match self {
            Self::All => labels.clone(),
            Self::Labels(names) => labels.filter(|n| names.contains(n)),
        }
    }
}

/// A route with everything that it inherits.
#[derive(Clone, Debug)]
pub struct Route {
    /// Stable over restarts: the matchers from the root to here.
    pub key: String,
    pub receiver: String,
    pub group_by: GroupBy,
    pub group_wait_ms: i64,
    pub group_interval_ms: i64,
    pub repeat_interval_ms: i64,
    pub mute_time_intervals: Vec<String>,
    pub active_time_intervals: Vec<String>,
    pub matchers: Vec<LabelMatcher>,
    pub continues: bool,
    pub children: Vec<RouteId>,
}

/// Routes that take an alert with these labels: the deepest matching ones, in order.
pub fn matching(routes: &[Route], labels: &Labels) -> Vec<RouteId> {
    visit(routes, 0, labels).unwrap_or_default()
}

fn visit(routes: &[Route], id: RouteId, labels: &Labels) -> Option<Vec<RouteId>> {
    let route = routes.get(id)?;
    if !route.matchers.iter().all(|m| m.matches(labels)) {
        return None;
    }
    let mut all = Vec::new();
    for child in &route.children {
        if let Some(found) = visit(routes, *child, labels) {
            all.extend(found);
            if !routes[*child].continues {
                break;
            }
        }
    }
    if all.is_empty() {
        all.push(id);
    }
    Some(all)
}
