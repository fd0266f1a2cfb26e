//! Label sets by the bytes that senders name them with.

use std::collections::HashMap;

use console_model::Labels;
use foldhash::fast::RandomState;
use parking_lot::RwLock;

/// Bytes of keys that a generation may hold.
const GENERATION_BYTES: usize = 16 << 20;

type Map = HashMap<Box<[u8]>, Labels, RandomState>;

#[derive(Debug, Default)]
struct Generations {
    young: Map,
    old: Map,
    /// Bytes of the keys of `young`.
    bytes: usize,
}

/// A sender repeats the labels of its series with every sample: known bytes need not be read again. What is not asked for
/// goes after a while, in whole generations.
#[derive(Debug, Default)]
pub struct LabelCache {
    generations: RwLock<Generations>,
}

/// What to remember once the store knows the series.
pub type Fresh = Vec<(Box<[u8]>, Labels)>;

impl LabelCache {
    /// The label set that was remembered under `key`. What only the older generation knows comes back as a miss now and then,
    /// through `fresh`, and is remembered anew.
    pub fn get(&self, key: &[u8], fresh: &mut Fresh) -> Option<Labels> {
        let generations = self.generations.read();
        if let Some(labels) = generations.young.get(key) {
            return Some(labels.clone());
        }
        let labels = generations.old.get(key)?.clone();
        fresh.push((key.into(), labels.clone()));
        Some(labels)
    }

    pub fn remember(&self, fresh: Fresh) {
        if fresh.is_empty() {
            return;
        }
        let mut generations = self.generations.write();
        for (key, labels) in fresh {
            if generations.bytes + key.len() > GENERATION_BYTES {
                generations.old = std::mem::take(&mut generations.young);
                generations.bytes = 0;
            }
            generations.bytes += key.len();
            generations.young.insert(key, labels);
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
        let mut fresh = Fresh::new();
        assert_eq!(cache.get(&key(0), &mut fresh), None);
        for n in 0..6 {
            cache.remember(vec![(key(n).into(), labels.clone())]);
            assert_eq!(cache.get(&key(0), &mut fresh).as_ref(), Some(&labels), "{n}");
            cache.remember(std::mem::take(&mut fresh));
        }
        for n in 6..20 {
            cache.remember(vec![(key(n).into(), labels.clone())]);
        }
        assert_eq!((cache.get(&key(0), &mut fresh), cache.get(&key(19), &mut fresh)), (None, Some(labels)));
    }
}
