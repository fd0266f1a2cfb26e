//! The series that one thread has met, found by the text of their labels without making labels first.

use std::collections::HashMap;

use console_model::{Labels, labels::Label};
use console_storage::SourceError;

use super::{gather::Gather, grid::Grid};
use crate::budget::Budget;

pub struct Table<G> {
    /// By hash; those with the same follow one another.
    first: HashMap<u64, usize>,
    pub series: Vec<Entry<G>>,
}

pub struct Entry<G> {
    pub labels: Labels,
    next: Option<usize>,
    pub gathered: G,
}

impl<G> Default for Table<G> {
    fn default() -> Self {
        Self { first: HashMap::new(), series: Vec::new() }
    }
}

impl<G: Gather> Table<G> {
    /// The series with these labels, ordered by name.
    pub fn place(
        &mut self,
        pairs: &[(&str, &str)],
        grid: &Grid,
        budget: &Budget,
    ) -> Result<usize, SourceError> {
        let hash = Labels::hash_of(pairs.iter().copied());
        let first = self.first.get(&hash).copied();
        if let Some(found) = self.find(first, |labels| labels.are(pairs.iter().copied())) {
            return Ok(found);
        }
        let label = |(name, value): &(&str, &str)| Label { name: (*name).into(), value: (*value).into() };
        self.insert(hash, Labels::from_sorted(pairs.iter().map(label).collect()), grid, budget)
    }

    /// As [`Table::place`], of labels that are there already.
    pub fn place_of(&mut self, labels: &Labels, grid: &Grid, budget: &Budget) -> Result<usize, SourceError> {
        let first = self.first.get(&labels.hash_value()).copied();
        match self.find(first, |other| other == labels) {
            Some(found) => Ok(found),
            None => self.insert(labels.hash_value(), labels.clone(), grid, budget),
        }
    }

    fn find(&self, mut at: Option<usize>, is: impl Fn(&Labels) -> bool) -> Option<usize> {
        while let Some(place) = at {
            if is(&self.series[place].labels) {
                return Some(place);
            }
            at = self.series[place].next;
        }
        None
    }

    fn insert(
        &mut self,
        hash: u64,
        labels: Labels,
        grid: &Grid,
        budget: &Budget,
    ) -> Result<usize, SourceError> {
        let place = self.series.len();
        budget.series(place + 1)?;
        let next = self.first.insert(hash, place);
        self.series.push(Entry { labels, next, gathered: G::new(grid) });
        Ok(place)
    }

    /// Takes in what another thread has.
    pub fn absorb(&mut self, other: Self, grid: &Grid, budget: &Budget) -> Result<(), SourceError> {
        for entry in other.series {
            let place = self.place_of(&entry.labels, grid, budget)?;
            self.series[place].gathered.merge(entry.gathered, budget);
        }
        Ok(())
    }
}
