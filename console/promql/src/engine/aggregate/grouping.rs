//! Which rows belong together.

use std::{hash::Hasher, ops::Range, sync::Arc};

use console_model::{
    Labels,
    hashed::Places,
    labels::{Label, METRIC_NAME, text_hasher},
};

use crate::{ast::Grouping, engine::grid::Row};

/// The labels that rows are grouped by.
pub(super) fn group_of(grouping: &Grouping, labels: &Labels) -> Labels {
    if grouping.without {
        labels.filter(|name| is_kept(grouping, name))
    } else if grouping.labels.is_empty() {
        Labels::default()
    } else {
        labels.filter(|name| grouping.labels.iter().any(|l| l == name))
    }
}

fn is_kept(grouping: &Grouping, name: &str) -> bool {
    name != METRIC_NAME && !grouping.labels.iter().any(|l| l == name)
}

/// Rows by group, groups in order of first appearance.
pub(super) struct Groups {
    /// Of each group.
    pub labels: Vec<Labels>,
    /// Places of rows, group by group, in their order.
    members: Vec<u32>,
    /// Where each group's members end.
    ends: Vec<u32>,
}

impl Groups {
    /// Only the first row of a group has its labels made: of the others the text is compared.
    pub fn of(grouping: &Grouping, rows: &[Row]) -> Self {
        let mut keys = Keys::new(grouping);
        let mut known = Places::default();
        let mut labels: Vec<Labels> = Vec::new();
        let mut firsts: Vec<&Labels> = Vec::new();
        let mut group_of_row: Vec<usize> = Vec::with_capacity(rows.len());
        let mut sizes: Vec<u32> = Vec::new();
        for row in rows {
            let hash = keys.hash(&row.labels);
            let known_group = known.find(hash, |group| keys.same(firsts[group], &row.labels));
            let group = known_group.unwrap_or_else(|| {
                known.put(hash, labels.len());
                labels.push(group_of(grouping, &row.labels));
                firsts.push(&row.labels);
                sizes.push(0);
                labels.len() - 1
            });
            sizes[group] += 1;
            group_of_row.push(group);
        }
        let mut next = 0;
        let mut places: Vec<u32> = Vec::with_capacity(sizes.len());
        for size in sizes {
            places.push(next);
            next += size;
        }
        let mut members = vec![0; rows.len()];
        for (row, group) in group_of_row.into_iter().enumerate() {
            let place = &mut places[group];
            members[*place as usize] = row as u32;
            *place += 1;
        }
        Self { labels, members, ends: places }
    }

    /// Each group's labels and the places of its rows.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, &[u32])> {
        let start = |group: usize| group.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let range = move |group: usize| -> Range<usize> { start(group)..self.ends[group] as usize };
        self.labels.iter().enumerate().map(move |(group, labels)| (labels, &self.members[range(group)]))
    }
}

/// The part of label sets that matters for their group.
struct Keys<'a> {
    grouping: &'a Grouping,
    /// The labels of `by`, each with where it was found last.
    by: Vec<(&'a str, usize)>,
}

impl<'a> Keys<'a> {
    fn new(grouping: &'a Grouping) -> Self {
        let mut by: Vec<(&str, usize)> = grouping.labels.iter().map(|l| (l.as_str(), 0)).collect();
        by.sort_unstable();
        by.dedup();
        Self { grouping, by }
    }

    fn hash(&mut self, labels: &Labels) -> u64 {
        let mut hasher = text_hasher();
        if self.grouping.without {
            for l in labels.iter().filter(|l| is_kept(self.grouping, &l.name)) {
                hasher.write(l.name.as_bytes());
                hasher.write(l.value.as_bytes());
            }
        } else {
            for (name, place) in &mut self.by {
                hasher.write(labels.get_near(name, place).map_or(&[], |value| value.as_bytes()));
            }
        }
        hasher.finish()
    }

    fn same(&mut self, a: &Labels, b: &Labels) -> bool {
        if self.grouping.without {
            let kept = |l: &&Label| is_kept(self.grouping, &l.name);
            return a.iter().filter(kept).eq(b.iter().filter(kept));
        }
        self.by.iter_mut().all(|(name, place)| {
            match (a.get_near(name, place), b.get_near(name, place)) {
                // Stores share strings.
                (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
                (a, b) => a == b,
            }
        })
    }
}
