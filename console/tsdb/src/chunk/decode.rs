//! The way back from bits to samples.

use console_model::metric::Sample;

use super::{DELTA_WIDTHS, bits::BitReader};

/// Appends the samples of the range (both ends inclusive) of a chunk of `len` samples; ends early where the bytes are
/// damaged.
pub(super) fn samples(bytes: &[u8], len: u16, range: (i64, i64), out: &mut Vec<Sample>) {
    read(BitReader::new(bytes, &[]), len, range, out);
}

/// As [`samples`], of a chunk whose last word is not full yet.
pub(super) fn open(whole: &[u8], rest: [u8; 8], len: u16, range: (i64, i64), out: &mut Vec<Sample>) {
    read(BitReader::new(whole, &rest), len, range, out);
}

fn read(mut bits: BitReader<'_>, len: u16, (start, end): (i64, i64), out: &mut Vec<Sample>) -> Option<()> {
    if len == 0 {
        return None;
    }
    let mut t_ms = bits.bits(64)? as i64;
    let mut value = bits.bits(64)?;
    let mut delta = 0i64;
    // Where the meaningful bits of a difference lie.
    let (mut length, mut trailing) = (0u32, 0u32);
    for left in (0..len).rev() {
        if t_ms > end {
            return None;
        }
        if t_ms >= start {
            out.push(Sample { t_ms, v: f64::from_bits(value) });
        }
        if left == 0 {
            break;
        }
        bits.refill();
        if bits.peek() >> 63 == 0 {
            if !bits.skip(1) {
                return None;
            }
        } else {
            delta = delta.wrapping_add(time(&mut bits)?);
        }
        t_ms = t_ms.wrapping_add(delta);
        // At least 33 bits are ready: a time takes 23, or fills up again.
        let head = bits.peek();
        if head >> 63 == 0 {
            if !bits.skip(1) {
                return None;
            }
            continue;
        }
        if head >> 62 == 0b10 {
            if !bits.skip(2) {
                return None;
            }
        } else {
            let leading = (head >> 57) as u32 & 31;
            length = (head >> 51) as u32 & 63;
            if length == 0 {
                length = 64;
            }
            trailing = 64u32.checked_sub(leading + length)?;
            if !bits.skip(13) {
                return None;
            }
        }
        if length == 0 {
            // A window before there was any: damaged.
            return None;
        }
        value ^= bits.bits(length)? << trailing;
    }
    Some(())
}

/// A difference of differences that is not zero.
#[inline(never)]
fn time(bits: &mut BitReader<'_>) -> Option<i64> {
    let ones = (!bits.peek()).leading_zeros();
    let Some(width) = DELTA_WIDTHS.get(ones as usize - 1).map(|w| u32::from(*w)) else {
        bits.skip(4).then_some(())?;
        let d = bits.bits(64)? as i64;
        bits.refill();
        return Some(d);
    };
    bits.skip(ones + 1).then_some(())?;
    let raw = bits.peek();
    bits.skip(width).then_some(())?;
    // The sign bit is on top.
    Some(raw as i64 >> (64 - width))
}
