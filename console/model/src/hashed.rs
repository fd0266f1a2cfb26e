//! Maps over keys that come with hash enough: label sets, hashes of text with a seed, numbers that the process gives.

use std::{
    collections::{HashMap, HashSet},
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

/// As [`HashedMap`].
pub type HashedSet<K> = HashSet<K, BuildHasherDefault<Hashed>>;
