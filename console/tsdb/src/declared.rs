//! Series by their labels as they stand in the log: every segment declares all of them again, mostly in the same order.

use std::{
    hash::{BuildHasher, RandomState},
    ops::Range,
};

use console_model::hashed::HashedMap;

use crate::index::SeriesId;

#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// Declarations one after the other, as they were first met.
    text: Vec<u8>,
    /// Where each begins, and whose it is.
    all: Vec<(usize, SeriesId)>,
    /// By hash, the place in `all`.
    places: HashedMap<u64, usize>,
    seed: RandomState,
    /// The place that follows the one met last.
    due: usize,
}

impl Declared {
    /// The series that was declared with the same bytes before.
    pub fn find(&mut self, declaration: &[u8]) -> Option<SeriesId> {
        let is_same = |place: &usize| self.bytes(*place) == Some(declaration);
        let place = Some(self.due)
            .filter(is_same)
            .or_else(|| self.places.get(&self.seed.hash_one(declaration)).copied().filter(is_same))?;
        self.due = place + 1;
        Some(self.all[place].1)
    }

    pub fn insert(&mut self, declaration: &[u8], series: SeriesId) {
        let place = self.all.len();
        self.places.insert(self.seed.hash_one(declaration), place);
        self.all.push((self.text.len(), series));
        self.text.extend_from_slice(declaration);
        self.due = place + 1;
    }

    fn bytes(&self, place: usize) -> Option<&[u8]> {
        let start = self.all.get(place)?.0;
        let end = self.all.get(place + 1).map_or(self.text.len(), |next| next.0);
        self.text.get(Range { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_found_in_any_order() {
        let mut declared = Declared::default();
        let names = ["a", "b", "", "cd"];
        for (series, name) in (7..).zip(names) {
            assert_eq!(declared.find(name.as_bytes()), None);
            declared.insert(name.as_bytes(), series);
        }
        for (series, name) in [(7, "a"), (8, "b"), (9, ""), (10, "cd"), (8, "b"), (7, "a"), (10, "cd")] {
            assert_eq!(declared.find(name.as_bytes()), Some(series));
        }
        assert_eq!(declared.find(b"c"), None);
    }
}
