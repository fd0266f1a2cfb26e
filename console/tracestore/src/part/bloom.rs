//! Bloom filters over 64-bit hashes, and the hashes: fixed for ever, for they lie on disk.

use console_model::span::{AttributeValue, TraceId};

use crate::value::Value;

/// Bits of the filter that one hash sets.
const PROBES: u64 = 6;

/// FNV-1a, with the bits mixed at the end.
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mix(bytes.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)))
}

fn mix(mut h: u64) -> u64 {
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

pub fn trace_hash(id: TraceId) -> u64 {
    hash(0, &id.0)
}

/// Seeds of values: those that may be equal share one. Whole and other numbers do.
const TEXT: u64 = 1;
const BOOL: u64 = 2;
const NUMBER: u64 = 3;

pub fn text_hash(key: u64, text: &str) -> u64 {
    hash(key ^ TEXT, text.as_bytes())
}

pub fn number_hash(key: u64, number: f64) -> u64 {
    // Both zeros are equal.
    let number = if number == 0.0 { 0.0 } else { number };
    hash(key ^ NUMBER, &number.to_bits().to_le_bytes())
}

pub fn bool_hash(key: u64, value: bool) -> u64 {
    hash(key ^ BOOL, &[u8::from(value)])
}

/// Stands for a value that may be equal to anything.
pub fn opaque_hash(key: u64) -> u64 {
    hash(key, b"opaque")
}

/// Gives all hashes that a search for an equal value may ask for.
pub fn hashes_of(key: u64, value: &Value<'_>, to: &mut dyn FnMut(u64)) {
    match value {
        Value::Str(s) => to(text_hash(key, s)),
        Value::Bool(b) => to(bool_hash(key, *b)),
        Value::Int(i) => to(number_hash(key, *i as f64)),
        Value::Double(d) => to(number_hash(key, *d)),
        Value::Other(AttributeValue::Array(items)) => {
            for item in items {
                hashes_of(key, &Value::from(item), to);
            }
        }
        Value::Other(_) => to(opaque_hash(key)),
    }
}

/// A filter: a hash that was added is found, another one seldom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bloom {
    words: Vec<u8>,
}

impl Bloom {
    /// Of distinct hashes.
    pub fn new(hashes: impl ExactSizeIterator<Item = u64>, bits_each: usize) -> Self {
        let mut bloom = Self { words: vec![0; (hashes.len() * bits_each).div_ceil(8)] };
        for h in hashes {
            for bit in bloom.bits(h) {
                bloom.words[bit >> 3] |= 1 << (bit & 7);
            }
        }
        bloom
    }

    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { words: bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.words
    }

    pub fn may_contain(&self, h: u64) -> bool {
        !self.words.is_empty() && self.bits(h).all(|bit| self.words[bit >> 3] & 1 << (bit & 7) != 0)
    }

    fn bits(&self, h: u64) -> impl Iterator<Item = usize> + use<> {
        let (step, n) = (h.rotate_left(32) | 1, self.words.len() as u128 * 8);
        (0..PROBES).map(move |i| ((u128::from(h.wrapping_add(step.wrapping_mul(i))) * n) >> 64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_others_seldom() {
        let all: Vec<u64> = (0..10_000u64).map(|n| hash(n, b"x")).collect();
        let bloom = Bloom::new(all.iter().copied(), 10);
        assert!(all.iter().all(|h| bloom.may_contain(*h)));
        let wrong = (10_000..20_000u64).filter(|n| bloom.may_contain(hash(*n, b"x"))).count();
        assert!(wrong < 250, "{wrong} of 10,000");
        assert!(!Bloom::default().may_contain(1));
    }

    #[test]
    fn hashes_on_disk_never_change() {
        assert_eq!(hash(0, b""), mix(0xcbf2_9ce4_8422_2325));
        assert_eq!(number_hash(7, -0.0), number_hash(7, 0.0));
        assert_ne!(text_hash(7, "1"), number_hash(7, 1.0));
    }
}
