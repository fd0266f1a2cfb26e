//! Single bits in a byte vector, most significant bit first.

use std::sync::Arc;

/// Appends bits.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill eight bytes yet, at the top.
    word: u64,
    used: u8,
}

impl BitWriter {
    /// Appends the low `n` bits of `value`, highest first; `n <= 64`.
    #[inline]
    pub fn bits(&mut self, value: u64, n: u8) {
        if n == 0 {
            return;
        }
        let value = value << (64 - n);
        self.word |= value >> self.used;
        let used = self.used + n;
        if used < 64 {
            self.used = used;
            return;
        }
        self.bytes.extend_from_slice(&self.word.to_be_bytes());
        self.used = used - 64;
        // What did not fit; nothing when the word came out even.
        self.word = value.checked_shl(u32::from(n - self.used)).unwrap_or(0);
    }

    /// All bits so far, the last byte padded with zeros.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rest = usize::from(self.used.div_ceil(8));
        let mut out = Vec::with_capacity(self.bytes.len() + rest);
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(&self.word.to_be_bytes()[..rest]);
        out
    }

    /// All bits so far, as [`BitWriter::to_bytes`] gives them; none are left, but their memory is kept.
    pub fn take(&mut self) -> Arc<[u8]> {
        let rest = usize::from(self.used.div_ceil(8));
        self.bytes.extend_from_slice(&self.word.to_be_bytes()[..rest]);
        let all = Arc::from(self.bytes.as_slice());
        self.bytes.clear();
        (self.word, self.used) = (0, 0);
        all
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Takes bits off a byte slice.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits taken.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub fn bit(&mut self) -> Option<bool> {
        self.bits(1).map(|b| b == 1)
    }

    /// The next `n <= 64` bits; none when fewer are left.
    #[inline]
    pub fn bits(&mut self, n: u8) -> Option<u64> {
        let end = self.at + usize::from(n);
        if end > self.bytes.len() * 8 {
            return None;
        }
        if n == 0 {
            return Some(0);
        }
        let (byte, used) = (self.at / 8, (self.at % 8) as u32);
        self.at = end;
        let word = match self.bytes.get(byte..byte + 8).and_then(|b| b.first_chunk::<8>()) {
            Some(eight) => u64::from_be_bytes(*eight),
            None => {
                let mut eight = [0; 8];
                let rest = &self.bytes[byte..];
                eight[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(eight)
            }
        };
        let mut top = word << used;
        // A ninth byte has the last bits of a long field.
        if used + u32::from(n) > 64 {
            top |= u64::from(self.bytes[byte + 8]) >> (8 - used);
        }
        Some(top >> (64 - n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_in_order() {
        let parts = [(1, 1), (0, 1), (0b1011, 4), (u64::MAX, 64), (0x1234_5678_9abc, 48), (3, 7), (5, 3)];
        for shift in 0..=64 {
            let mut w = BitWriter::default();
            w.bits(0, shift);
            for (v, n) in parts {
                w.bits(v, n);
            }
            let bytes = w.to_bytes();
            assert_eq!(bytes.len(), (usize::from(shift) + 128).div_ceil(8));
            assert_eq!(w.take()[..], bytes);
            assert!(w.to_bytes().is_empty());
            let mut r = BitReader::new(&bytes);
            assert_eq!(r.bits(shift), Some(0));
            for (v, n) in parts {
                assert_eq!(r.bits(n), Some(v));
            }
            assert_eq!(r.bits(8), None);
        }
    }
}
