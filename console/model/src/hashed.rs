//! Maps over keys that come with hash enough: label sets, hashes of text with a seed, numbers that the process gives.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
};

/// Takes what is hashed already as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, v: u32) {
        // Fibonacci hashing: near ids go far apart.
        self.0 ^= u64::from(v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u64(&mut self, v: u64) {
        self.0 = self.0.rotate_left(5) ^ v;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// By label sets, hashes or numbers, which need no more hashing.
pub type HashedMap<K, V> = HashMap<K, V, BuildHasherDefault<Hashed>>;

/// Places of things by a hash of theirs, or by the next free number after it where others have the same.
#[derive(Debug, Default)]
pub struct Places {
    by_hash: HashedMap<u64, usize>,
}

impl Places {
    pub fn reserve(&mut self, more: usize) {
        self.by_hash.reserve(more);
    }

    /// Enters a thing that is not there yet.
    pub fn put(&mut self, mut hash: u64, place: usize) {
        while let Entry::Occupied(_) = self.by_hash.entry(hash) {
            hash = hash.wrapping_add(1);
        }
        self.by_hash.insert(hash, place);
    }

    /// The place of the thing that `is_it` knows; `hash` is its.
    pub fn find(&self, mut hash: u64, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        loop {
            let place = *self.by_hash.get(&hash)?;
            if is_it(place) {
                return Some(place);
            }
            hash = hash.wrapping_add(1);
        }
    }
}

/// As [`HashedMap`].
pub type HashedSet<K> = HashSet<K, BuildHasherDefault<Hashed>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_with_one_hash_are_told_apart() {
        let things = ["a", "b", "c"];
        let mut places = Places::default();
        places.put(u64::MAX, 0);
        places.put(u64::MAX, 1);
        places.put(0, 2);
        for (hash, thing, place) in
            [(u64::MAX, "a", Some(0)), (u64::MAX, "b", Some(1)), (0, "c", Some(2)), (7, "a", None)]
        {
            assert_eq!(places.find(hash, |at| things[at] == thing), place, "{thing}");
        }
    }
}
