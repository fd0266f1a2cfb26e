//! Label sets by the bytes that senders name them with.

use std::{collections::HashMap, hash::BuildHasher};

use console_model::Labels;
use foldhash::fast::RandomState;
use parking_lot::{RwLock, RwLockReadGuard};

/// Bytes of keys that a generation may hold.
const GENERATION_BYTES: usize = 16 << 20;

#[derive(Debug)]
struct Entry {
    start: usize,
    end: usize,
    labels: Labels,
}

/// Entries in the order in which they came, which is the order in which senders repeat them.
#[derive(Debug, Default)]
struct Generation {
    keys: Vec<u8>,
    entries: Vec<Entry>,
    /// Of two keys with one hash only the first is found.
    by_hash: HashMap<u64, usize, RandomState>,
}

impl Generation {
    fn key(&self, at: usize) -> Option<&[u8]> {
        self.entries.get(at).map(|e| &self.keys[e.start..e.end])
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let at = *self.by_hash.get(&hash)?;
        (self.key(at) == Some(key)).then_some(at)
    }

    fn insert(&mut self, hash: u64, key: &[u8], labels: Labels) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.by_hash.entry(hash).or_insert(self.entries.len());
        self.entries.push(Entry { start, end: self.keys.len(), labels });
    }
}

#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

/// A sender repeats the labels of its series with every sample: known bytes need not be read again. What is not asked for
/// goes after a while, in whole generations.
#[derive(Debug, Default)]
pub struct LabelCache {
    seed: RandomState,
    generations: RwLock<Generations>,
}

/// What to remember once the store knows the series.
pub type Fresh = Vec<(Box<[u8]>, Labels)>;

/// The cache during one request.
pub struct Known<'a> {
    seed: &'a RandomState,
    generations: RwLockReadGuard<'a, Generations>,
    /// The entry that should come next.
    next: usize,
}

impl Known<'_> {
    /// The label set of the entry that is due, where `bytes` begin with its key, and the key's length.
    pub fn expected(&mut self, bytes: &[u8]) -> Option<(Labels, usize)> {
        let key = self.generations.young.key(self.next)?;
        let length = key.len();
        if !bytes.starts_with(key) {
            return None;
        }
        let labels = self.generations.young.entries[self.next].labels.clone();
        self.next += 1;
        Some((labels, length))
    }

    /// The label set that was remembered under `key`. What only the older generation knows is handed to `fresh` too, and so
    /// remembered anew.
    pub fn get(&mut self, key: &[u8], fresh: &mut Fresh) -> Option<Labels> {
        let Generations { young, old } = &*self.generations;
        let hash = self.seed.hash_one(key);
        if let Some(at) = young.find(hash, key) {
            self.next = at + 1;
            return Some(young.entries[at].labels.clone());
        }
        let labels = old.entries[old.find(hash, key)?].labels.clone();
        fresh.push((key.into(), labels.clone()));
        Some(labels)
    }
}

impl LabelCache {
    /// Not to be held when something is remembered.
    pub fn known(&self) -> Known<'_> {
        Known { seed: &self.seed, generations: self.generations.read(), next: 0 }
    }

    pub fn remember(&self, fresh: Fresh) {
        if fresh.is_empty() {
            return;
        }
        let mut generations = self.generations.write();
        for (key, labels) in fresh {
            let hash = self.seed.hash_one(&*key);
            if generations.young.find(hash, &key).is_some() {
                continue;
            }
            if generations.young.keys.len() + key.len() > GENERATION_BYTES {
                generations.old = std::mem::take(&mut generations.young);
            }
            generations.young.insert(hash, &key, labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_outlives_its_generation_and_the_rest_goes() {
        let cache = LabelCache::default();
        let labels = Labels::from_pairs([("__name__", "up")]);
        let key = |n: u8| vec![n; GENERATION_BYTES / 4];
        let get = |n| {
            let mut fresh = Fresh::new();
            let found = cache.known().get(&key(n), &mut fresh);
            cache.remember(fresh);
            found
        };
        assert_eq!(get(0), None);
        for n in 0..6 {
            cache.remember(vec![(key(n).into(), labels.clone())]);
            assert_eq!(get(0).as_ref(), Some(&labels), "{n}");
        }
        for n in 6..20 {
            cache.remember(vec![(key(n).into(), labels.clone())]);
        }
        assert_eq!((get(0), get(19)), (None, Some(labels)));
    }

    #[test]
    fn series_that_come_in_the_same_order_are_expected() {
        let cache = LabelCache::default();
        let labels = |n: &str| Labels::from_pairs([("__name__", n)]);
        let all = ["aa", "b", "cc"].map(|n| (n.as_bytes().into(), labels(n)));
        cache.remember(all.into());
        let mut known = cache.known();
        assert_eq!(known.expected(b"aa and samples"), Some((labels("aa"), 2)));
        assert_eq!(known.expected(b"cc and samples"), None);
        assert_eq!(known.get(b"b", &mut Fresh::new()), Some(labels("b")));
        assert_eq!(known.expected(b"cc and samples"), Some((labels("cc"), 2)));
        assert_eq!(known.expected(b""), None);
    }
}
