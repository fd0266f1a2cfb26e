//! The latest exemplars, in memory; the log brings them back after a restart as long as it holds them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use console_model::{
    Labels,
    metric::{Exemplar, ExemplarSeries},
};

use crate::{matching::Compiled, record::Exemplars};

/// Exemplars of all series, bounded; the oldest to arrive go first.
#[derive(Debug)]
pub(crate) struct ExemplarRing {
    limit: usize,
    all: VecDeque<(Labels, Exemplar)>,
    /// The newest of each series in `all`.
    newest: HashMap<Labels, Exemplar>,
}

impl Default for ExemplarRing {
    fn default() -> Self {
        Self::new(0)
    }
}

impl ExemplarRing {
    pub fn new(limit: usize) -> Self {
        Self { limit, all: VecDeque::new(), newest: HashMap::new() }
    }

    /// Leaves those that are newer than what is known of the series, in order; scrapes repeat the others again and again.
    /// Answers how many are the one that is known.
    pub fn fresh(&self, series: &Labels, exemplars: &mut Vec<Exemplar>) -> u64 {
        if exemplars.is_empty() {
            return 0;
        }
        exemplars.sort_by_key(|e| e.t_ms);
        let newest = self.newest.get(series);
        let again = exemplars.iter().filter(|e| newest == Some(*e)).count() as u64;
        let known = newest.map_or(i64::MIN, |e| e.t_ms);
        exemplars.retain(|e| e.t_ms > known);
        exemplars.dedup_by_key(|e| e.t_ms);
        let over = exemplars.len().saturating_sub(self.limit);
        exemplars.drain(..over);
        again
    }

    pub fn push(&mut self, series: &Labels, exemplar: Exemplar) {
        if self.limit == 0 || self.newest.get(series).is_some_and(|n| n.t_ms >= exemplar.t_ms) {
            return;
        }
        while self.all.len() >= self.limit {
            let Some((old, gone)) = self.all.pop_front() else { break };
            if self.newest.get(&old).is_some_and(|n| n.t_ms == gone.t_ms) {
                self.newest.remove(&old);
            }
        }
        self.newest.insert(series.clone(), exemplar.clone());
        self.all.push_back((series.clone(), exemplar));
    }

    /// Those of series that match one of the selectors, in the range (both ends inclusive).
    pub fn select(&self, selectors: &[Vec<Compiled>], start_ms: i64, end_ms: i64) -> Vec<ExemplarSeries> {
        let matches = |labels: &Labels| {
            let all = |m: &Compiled| m.matches(labels.get(&m.name).unwrap_or_default());
            selectors.iter().any(|s| s.iter().all(all))
        };
        let mut found: BTreeMap<&Labels, Vec<Exemplar>> = BTreeMap::new();
        for (labels, exemplar) in &self.all {
            if (start_ms..=end_ms).contains(&exemplar.t_ms) && matches(labels) {
                found.entry(labels).or_default().push(exemplar.clone());
            }
        }
        let series = |(labels, exemplars): (&Labels, _)| ExemplarSeries { labels: labels.clone(), exemplars };
        found.into_iter().map(series).collect()
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }
}

/// The last exemplars of a log, as many as a ring holds: all others need not be decoded.
#[derive(Debug)]
pub(crate) struct RecentExemplars {
    limit: usize,
    /// With series in the place of places.
    records: VecDeque<Exemplars>,
    count: usize,
}

impl RecentExemplars {
    pub fn new(limit: usize) -> Self {
        Self { limit, records: VecDeque::new(), count: 0 }
    }

    pub fn add(&mut self, exemplars: Exemplars) {
        self.count += exemplars.len();
        self.records.push_back(exemplars);
        while let Some(oldest) = self.records.front().map(Exemplars::len) {
            // The log holds none that a ring did not take.
            if self.count - oldest < self.limit {
                break;
            }
            self.count -= oldest;
            self.records.pop_front();
        }
    }

    /// Puts them into a ring; answers how many parts could not be read.
    pub fn fill(self, ring: &mut ExemplarRing, labels: &[Labels]) -> u64 {
        let mut damaged = 0;
        for (series, part) in self.records.iter().flat_map(Exemplars::decode) {
            let (Ok(part), Some(labels)) = (part, labels.get(series)) else {
                damaged += 1;
                continue;
            };
            for exemplar in part {
                ring.push(labels, exemplar);
            }
        }
        damaged
    }
}
