//! Who fills the store with series.

use std::collections::HashMap;

use console_model::{Labels, labels::METRIC_NAME};

use crate::head::Head;

/// How long an answer holds: while the limit is hit, every write asks.
const FRESH_MS: i64 = 10_000;

/// The metric with most series and its label with most values, found now and then.
#[derive(Debug, Default)]
pub(crate) struct Explosion {
    found: Option<(i64, String)>,
}

impl Explosion {
    /// `: metric "x" has n series, and its label "y" m values`; says so of the largest metric, and whether the refused
    /// series is of it.
    pub fn name(&mut self, head: &Head, refused: &Labels, now_ms: i64) -> String {
        if let Some((_, text)) = self.found.as_ref().filter(|(at, _)| (now_ms - at).abs() < FRESH_MS) {
            return text.clone();
        }
        let text = describe(head, refused);
        self.found = Some((now_ms, text.clone()));
        text
    }
}

fn describe(head: &Head, refused: &Labels) -> String {
    let largest = head.index.values(METRIC_NAME).max_by_key(|(_, ids)| ids.len());
    let Some((metric, ids)) = largest else { return String::new() };
    let mut values: HashMap<&str, std::collections::HashSet<&str>> = HashMap::new();
    for series in ids.iter().filter_map(|id| head.get(*id)) {
        for l in series.labels.iter().filter(|l| &*l.name != METRIC_NAME) {
            values.entry(&l.name).or_default().insert(&l.value);
        }
    }
    let mut label = values.iter().map(|(name, values)| (values.len(), *name)).collect::<Vec<_>>();
    label.sort_unstable();
    let label = label.last().map_or(String::new(), |(n, name)| format!(", its label {name:?} {n} values"));
    let other = if refused.metric_name() == &**metric { "" } else { " (another metric)" };
    format!(": metric {metric:?}{other} has {} series{label}", ids.len())
}
