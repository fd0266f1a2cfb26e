//! What a reading has to look at.

use std::sync::Arc;

use console_blockkit::part::PartError;
use console_model::{Labels, log::LogStream};

use super::rows::Source;
use crate::{
    head::{ByLabels, HeadRun},
    matching::Matchers,
    part::{Caches, LogPart},
};

/// One stream's runs in the order in which they were written, memory last.
pub struct StreamRuns {
    pub labels: Labels,
    pub runs: Vec<Source>,
}

/// Streams sorted by labels; each has a run.
pub type Plan = Vec<StreamRuns>;

/// Chunks of matching streams in memory, oldest first.
pub type Chunks = ByLabels<Vec<Arc<LogStream>>>;

/// The runs of matching streams that may have rows in `start_ns <= t < end_ns`. `parts` are by rising age. A part whose
/// index is damaged is left out.
pub fn plan(
    parts: &[Arc<LogPart>],
    chunks: Chunks,
    matchers: &Matchers,
    (start_ns, end_ns): (i64, i64),
    caches: &Caches,
) -> Result<Plan, PartError> {
    let mut found: ByLabels<Vec<Source>> = ByLabels::default();
    for part in parts.iter().filter(|p| p.part.overlaps(start_ns, end_ns)) {
        let index = match part.index(caches) {
            Ok(index) => index,
            Err(e) if e.is_damage() => continue,
            Err(e) => return Err(e),
        };
        for (labels, runs) in &index.streams {
            let mut there = runs.iter().filter(|r| r.overlaps(start_ns, end_ns)).peekable();
            if there.peek().is_none() {
                continue;
            }
            // Labels that matched in another part match here.
            if !found.contains_key(labels) && !matchers.matches(labels) {
                continue;
            }
            let stored =
                |run: &_| Source::Stored { part: Arc::clone(part), index: Arc::clone(&index), run: *run };
            found.entry(labels.clone()).or_default().extend(there.map(stored));
        }
    }
    for (labels, chunks) in chunks {
        let run = HeadRun::new(chunks, start_ns, end_ns);
        if !run.is_empty() {
            found.entry(labels).or_default().push(Source::Head(Arc::new(run)));
        }
    }
    let mut plan: Plan = found.into_iter().map(|(labels, runs)| StreamRuns { labels, runs }).collect();
    plan.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(plan)
}
