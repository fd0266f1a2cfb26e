//! Single bits in a byte vector, most significant bit first.

/// Appends bits.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Free bits of the last byte.
    free: u8,
}

impl BitWriter {
    pub fn bit(&mut self, bit: bool) {
        self.bits(u64::from(bit), 1);
    }

    /// Appends the low `n` bits of `value`, highest first; `n <= 64`.
    pub fn bits(&mut self, value: u64, n: u8) {
        let mut left = n;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let part = ((value >> (left - take)) & ((1u64 << take) - 1)) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= part << (self.free - take);
            }
            self.free -= take;
            left -= take;
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Takes bits off a byte slice.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn bit(&mut self) -> Option<bool> {
        self.bits(1).map(|b| b == 1)
    }

    /// The next `n <= 64` bits; none when fewer are left.
    pub fn bits(&mut self, n: u8) -> Option<u64> {
        if self.at + usize::from(n) > self.bytes.len() * 8 {
            return None;
        }
        let (mut out, mut left) = (0u64, n);
        while left > 0 {
            let used = (self.at % 8) as u8;
            let take = left.min(8 - used);
            let byte = self.bytes[self.at / 8];
            let part = (u16::from(byte) >> (8 - used - take)) & ((1u16 << take) - 1);
            out = if take == 64 { u64::from(part) } else { (out << take) | u64::from(part) };
            self.at += usize::from(take);
            left -= take;
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_in_order() {
        let mut w = BitWriter::default();
        let parts = [(1, 1), (0, 1), (0b1011, 4), (u64::MAX, 64), (0x1234_5678_9abc, 48), (3, 7)];
        for (v, n) in parts {
            w.bits(v, n);
        }
        let mut r = BitReader::new(w.as_bytes());
        for (v, n) in parts {
            assert_eq!(r.bits(n), Some(v));
        }
        assert_eq!(r.bits(8), None);
    }
}
