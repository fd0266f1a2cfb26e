//! From labels to series.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use console_model::{Labels, hashed::HashedMap, labels::Label};

use crate::matching::{Compiled, Test};

/// A series' place in the head; never reused while the process lives.
pub(crate) type SeriesId = u32;

pub(crate) type Values = BTreeMap<Arc<str>, Vec<SeriesId>>;

/// Postings lists, each in rising order of ids.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_labels: HashedMap<Labels, SeriesId>,
    postings: BTreeMap<Arc<str>, Values>,
    strings: HashSet<Arc<str>>,
}

impl Index {
    pub fn find(&self, labels: &Labels) -> Option<SeriesId> {
        self.by_labels.get(labels).copied()
    }

    /// Enters a series under an id that is larger than all before; gives back the labels with shared strings.
    pub fn insert(&mut self, labels: &Labels, id: SeriesId) -> Labels {
        let shared: Vec<Label> = labels
            .iter()
            .map(|l| Label { name: self.intern(&l.name), value: self.intern(&l.value) })
            .collect();
        for l in &shared {
            let values = self.postings.entry(Arc::clone(&l.name)).or_default();
            values.entry(Arc::clone(&l.value)).or_default().push(id);
        }
        // A writer that came back with a label set of a series that left meanwhile goes on being recognised.
        let is_shared =
            |(a, b): (&Label, &Label)| Arc::ptr_eq(&a.name, &b.name) && Arc::ptr_eq(&a.value, &b.value);
        let labels = if labels.iter().zip(&shared).all(is_shared) {
            labels.clone()
        } else {
            Labels::from_sorted(shared)
        };
        self.by_labels.insert(labels.clone(), id);
        labels
    }

    fn intern(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return Arc::clone(known);
        }
        self.strings.insert(Arc::clone(text));
        Arc::clone(text)
    }

    /// Forgets series; `gone` in rising order.
    pub fn remove(&mut self, gone: &[SeriesId]) {
        let is_gone = |id: &SeriesId| gone.binary_search(id).is_ok();
        self.by_labels.retain(|_, id| !is_gone(id));
        self.postings.retain(|_, values| {
            values.retain(|_, ids| {
                ids.retain(|id| !is_gone(id));
                !ids.is_empty()
            });
            !values.is_empty()
        });
        // What nobody but this set holds is free to go.
        self.strings.retain(|s| Arc::strong_count(s) > 1);
    }

    /// Series by the values of each label.
    pub fn postings(&self) -> &BTreeMap<Arc<str>, Values> {
        &self.postings
    }

    /// Values of a label and how many series have each.
    pub fn values(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &[SeriesId])> {
        self.postings.get(name).into_iter().flatten().map(|(value, ids)| (value, ids.as_slice()))
    }

    /// Names of labels, each with the series that have it, value by value.
    pub fn names(&self) -> impl Iterator<Item = (&Arc<str>, impl Iterator<Item = &[SeriesId]>)> {
        self.postings.iter().map(|(name, values)| (name, values.values().map(Vec::as_slice)))
    }

    /// The series that match all of `matchers`, in rising order of ids.
    pub fn select(
        &self,
        matchers: &[Compiled],
        labels_of: impl Fn(SeriesId) -> Option<Labels>,
    ) -> Vec<SeriesId> {
        let mut found: Option<Vec<SeriesId>> = None;
        let mut rest = Vec::new();
        for m in matchers {
            // Absent labels match too: a list of series that have the label cannot answer that.
            if m.matches("") {
                rest.push(m);
                continue;
            }
            let ids = self.having(m);
            found = Some(match found {
                Some(before) => intersect(&before, &ids),
                None => ids,
            });
            if found.as_ref().is_some_and(Vec::is_empty) {
                return Vec::new();
            }
        }
        let mut ids = found.unwrap_or_else(|| {
            let mut all: Vec<SeriesId> = self.by_labels.values().copied().collect();
            all.sort_unstable();
            all
        });
        for m in rest {
            let mut known: HashMap<Arc<str>, bool> = HashMap::new();
            ids.retain(|id| {
                let Some(labels) = labels_of(*id) else { return false };
                match labels.iter().find(|l| *l.name == *m.name) {
                    None => true,
                    Some(l) => *known.entry(Arc::clone(&l.value)).or_insert_with(|| m.matches(&l.value)),
                }
            });
        }
        ids
    }

    fn having(&self, m: &Compiled) -> Vec<SeriesId> {
        let Some(values) = self.postings.get(m.name.as_str()) else { return Vec::new() };
        match (&m.test, m.negated) {
            (Test::Equal(v), false) => values.get(v.as_str()).cloned().unwrap_or_default(),
            (Test::OneOf(words), false) => {
                let words: BTreeSet<&str> = words.iter().map(String::as_str).collect();
                union(words.into_iter().filter_map(|w| values.get(w)))
            }
            _ => union(values.iter().filter(|(v, _)| m.matches(v)).map(|(_, ids)| ids)),
        }
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<SeriesId>>) -> Vec<SeriesId> {
    let mut out: Vec<SeriesId> = lists.flatten().copied().collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn intersect(a: &[SeriesId], b: &[SeriesId]) -> Vec<SeriesId> {
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                out.push(a[i]);
                i += 1;
                j += 1;
            }
        }
    }
    out
}
