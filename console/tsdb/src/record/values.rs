//! The column of values: each without the zeros at its end, in groups of four.

use console_blockkit::record::RecordError;

const GROUP: u8 = 4;

/// Appends values.
#[derive(Debug, Default)]
pub struct ValueWriter {
    pub bytes: Vec<u8>,
    /// Where the widths of the group stand.
    widths_at: usize,
    /// Values of the group; a full one is followed by another.
    filled: u8,
}

impl ValueWriter {
    pub fn with_capacity(values: usize) -> Self {
        Self { bytes: Vec::with_capacity(values * 9 + 8), widths_at: 0, filled: GROUP }
    }

    #[inline]
    pub fn push(&mut self, v: f64) {
        if self.filled == GROUP {
            self.widths_at = self.bytes.len();
            self.bytes.push(0);
            self.filled = 0;
        }
        let bits = v.to_bits();
        let cut = (bits.trailing_zeros() / 16).min(3);
        self.bytes.extend_from_slice(&bits.to_be_bytes());
        self.bytes.truncate(self.bytes.len() - 2 * cut as usize);
        self.bytes[self.widths_at] |= (3 - cut as u8) << (2 * self.filled);
        self.filled += 1;
    }
}

/// A place between two values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    pub at: u32,
    /// Of the rest of the group.
    widths: u8,
    left: u8,
}

/// Takes values off a byte slice.
#[derive(Debug)]
pub struct ValueReader<'a> {
    bytes: &'a [u8],
    at: usize,
    widths: u8,
    left: u8,
}

/// Bytes of a group of four, by its first byte.
const GROUP_BYTES: [u8; 256] = {
    let mut out = [0; 256];
    let mut widths = 0;
    while widths < 256 {
        out[widths] = 9 + 2 * ((widths & 3) + (widths >> 2 & 3) + (widths >> 4 & 3) + (widths >> 6)) as u8;
        widths += 1;
    }
    out
};

impl<'a> ValueReader<'a> {
    pub fn new(bytes: &'a [u8], from: Position) -> Self {
        Self { bytes, at: from.at as usize, widths: from.widths, left: from.left }
    }

    pub fn position(&self) -> Position {
        Position { at: self.at as u32, widths: self.widths, left: self.left }
    }

    /// The width of the next value.
    #[inline]
    fn width(&mut self) -> Result<usize, RecordError> {
        if self.left == 0 {
            self.widths = *self.bytes.get(self.at).ok_or(RecordError::Short)?;
            self.at += 1;
            self.left = GROUP;
        }
        let width = 2 + 2 * usize::from(self.widths & 3);
        self.widths >>= 2;
        self.left -= 1;
        Ok(width)
    }

    #[inline]
    pub fn value(&mut self) -> Result<f64, RecordError> {
        let width = self.width()?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bits = match rest.first_chunk::<8>() {
            Some(eight) => u64::from_be_bytes(*eight) & (u64::MAX << (64 - 8 * width)),
            None => last(rest, width)?,
        };
        self.at += width;
        Ok(f64::from_bits(bits))
    }

    /// Steps over values; fails where there are fewer.
    pub fn skip(&mut self, values: usize) -> Result<(), RecordError> {
        let mut left = values;
        while left > 0 {
            if self.left == 0 && left >= usize::from(GROUP) {
                let widths = *self.bytes.get(self.at).ok_or(RecordError::Short)?;
                self.at += usize::from(GROUP_BYTES[usize::from(widths)]);
                left -= usize::from(GROUP);
            } else {
                self.at += self.width()?;
                left -= 1;
            }
        }
        if self.at > self.bytes.len() { Err(RecordError::Short) } else { Ok(()) }
    }
}

/// A value with fewer than eight bytes behind its beginning.
#[cold]
fn last(bytes: &[u8], width: usize) -> Result<u64, RecordError> {
    let own = bytes.get(..width).ok_or(RecordError::Short)?;
    let mut eight = [0; 8];
    eight[..width].copy_from_slice(own);
    Ok(u64::from_be_bytes(eight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back_bit_by_bit_and_a_cut_is_found() {
        let values = [0.0, -0.0, 1.0, 1_048_575.0, 1e9, 1e15, 0.1, f64::NAN, f64::MIN_POSITIVE, -7.0, 2.5];
        for n in 0..values.len() {
            let mut w = ValueWriter::with_capacity(n);
            values[..n].iter().for_each(|v| w.push(*v));
            for skipped in 0..=n {
                let mut over = ValueReader::new(&w.bytes, Position::default());
                assert_eq!(over.skip(skipped), Ok(()));
                let mut r = ValueReader::new(&w.bytes, over.position());
                for v in &values[skipped..n] {
                    assert_eq!(r.value().map(f64::to_bits), Ok(v.to_bits()));
                }
                assert_eq!(r.position().at as usize, w.bytes.len());
            }
            for cut in 0..w.bytes.len() {
                let mut r = ValueReader::new(&w.bytes[..cut], Position::default());
                assert!((0..n).any(|_| r.value().is_err()), "cut at {cut}");
                assert!(
                    ValueReader::new(&w.bytes[..cut], Position::default()).skip(n).is_err(),
                    "cut at {cut}"
                );
            }
        }
    }
}
