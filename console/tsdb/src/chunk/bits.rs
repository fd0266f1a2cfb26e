//! Single bits in a byte vector, most significant bit first.

use std::sync::Arc;

/// Bytes by which a chunk being filled grows. Each series has one: doubling would leave a third of their memory unused.
const GROWTH: usize = 64;

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
        if self.bytes.capacity() - self.bytes.len() < 8 {
            self.grow();
        }
        self.bytes.extend_from_slice(&self.word.to_be_bytes());
        self.used = used - 64;
        // What did not fit; nothing when the word came out even.
        self.word = value.checked_shl(u32::from(n - self.used)).unwrap_or(0);
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.reserve_exact(GROWTH);
    }

    /// All bits so far, the last byte padded with zeros.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rest = usize::from(self.used.div_ceil(8));
        let mut out = Vec::with_capacity(self.bytes.len() + rest);
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(&self.word.to_be_bytes()[..rest]);
        out
    }

    /// The bits so far: whole words, and the bytes of a last one that is padded with zeros.
    pub fn parts(&self) -> (&[u8], [u8; 8]) {
        (&self.bytes, self.word.to_be_bytes())
    }

    /// All bits so far, as [`BitWriter::to_bytes`] gives them; none are left, but their memory is kept.
    pub fn take(&mut self) -> Arc<[u8]> {
        let rest = usize::from(self.used.div_ceil(8));
        self.bytes.reserve_exact(rest);
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

/// Takes bits off bytes, and off one word behind them.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// What follows the bytes.
    rest: &'a [u8],
    /// The next bits, from the top; zeros behind them.
    word: u64,
    /// Bits in `word`.
    have: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8], rest: &'a [u8]) -> Self {
        Self { bytes, rest, word: 0, have: 0 }
    }

    /// Makes at least 57 bits ready, or all that are left.
    #[inline]
    pub fn refill(&mut self) {
        if let Some(eight) = self.bytes.first_chunk::<8>() {
            self.word |= u64::from_be_bytes(*eight) >> self.have;
            // Bits of a byte that is taken in part come again, and are the same then.
            let whole = (63 - self.have) / 8;
            self.bytes = &self.bytes[whole as usize..];
            self.have += whole * 8;
        } else {
            self.refill_at_end();
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        while self.have <= 56 {
            let from = if self.bytes.is_empty() { &mut self.rest } else { &mut self.bytes };
            let Some((byte, others)) = from.split_first() else { return };
            *from = others;
            self.word |= u64::from(*byte) << (56 - self.have);
            self.have += 8;
        }
    }

    /// The bits that are ready, from the top; zeros behind them.
    #[inline]
    pub fn peek(&self) -> u64 {
        self.word
    }

    /// Steps over `n < 64` bits; false where fewer are ready.
    #[inline]
    pub fn skip(&mut self, n: u32) -> bool {
        self.word <<= n;
        let is_there = self.have >= n;
        self.have = self.have.wrapping_sub(n);
        is_there
    }

    /// The next `1 <= n <= 64` bits; none when fewer are left.
    #[inline]
    pub fn bits(&mut self, n: u32) -> Option<u64> {
        if n > 56 {
            return self.many_bits(n);
        }
        self.refill();
        let value = self.word >> (64 - n);
        self.skip(n).then_some(value)
    }

    /// As [`BitReader::bits`] of more than 56: they come in two parts.
    #[inline(never)]
    fn many_bits(&mut self, n: u32) -> Option<u64> {
        let high = self.bits(32)?;
        let low_bits = n - 32;
        self.refill();
        let low = self.word >> (64 - low_bits);
        self.skip(low_bits).then_some(high << low_bits | low)
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
            let (whole, rest) = w.parts();
            for mut r in
                [BitReader::new(&bytes, &[]), BitReader::new(whole, &rest[..bytes.len() - whole.len()])]
            {
                if shift > 0 {
                    assert_eq!(r.bits(u32::from(shift)), Some(0));
                }
                for (v, n) in parts {
                    assert_eq!(r.bits(u32::from(n)), Some(v));
                }
                assert_eq!(r.bits(8), None);
            }
            assert_eq!(w.take()[..], bytes);
            assert!(w.to_bytes().is_empty());
        }
    }
}
