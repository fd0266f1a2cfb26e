//! A damaged block with checksums that fit again: what its decoders see is then the damage itself.
//!
//! The layout is that of `console/tsdb/src/block/FORMAT.md`. The strings and the series table keep their checksums: that
//! their bytes are as they were written is what their readers build on (sorted labels, above all).

const TAIL: usize = 16;

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn uint(&mut self) -> Option<u64> {
        let mut out = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            out |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(out);
            }
        }
        None
    }

    /// Two numbers for each of as many things as are announced.
    fn skip(&mut self, numbers: usize) -> Option<()> {
        for _ in 0..self.uint()? {
            for _ in 0..numbers {
                self.uint()?;
            }
        }
        Some(())
    }
}

/// The block with every checksum that can be found made right; nothing where the end is no end of a block.
pub(crate) fn reseal(block: &[u8]) -> Option<Vec<u8>> {
    let tail = block.len().checked_sub(TAIL)?;
    let length = u32::from_le_bytes(block[tail..tail + 4].try_into().ok()?) as usize;
    let start = tail.checked_sub(length)?;
    let mut out = block.to_vec();
    // Half a footer is sealed too, up to where it makes no sense.
    let _ = sections(block, start, &mut out);
    let crc = crc32fast::hash(&out[start..tail]);
    out[tail + 4..tail + 8].copy_from_slice(&crc.to_le_bytes());
    out[..8].copy_from_slice(b"QDBLK\0\0\x01");
    out[tail + 8..].copy_from_slice(b"QDBLKEND");
    Some(out)
}

fn sections(block: &[u8], start: usize, out: &mut [u8]) -> Option<()> {
    let mut c = Cursor { bytes: &block[..block.len() - TAIL], at: start };
    for _ in 0..3 {
        c.uint()?;
    }
    c.skip(2)?;
    c.skip(1)?;
    // Strings and series.
    for _ in 0..2 {
        c.uint()?;
        c.uint()?;
        c.at += 4;
    }
    // Postings.
    section(&mut c, out)?;
    // Batches; then, only with histograms, one section more and their batches.
    for _ in 0..c.uint()? {
        section(&mut c, out)?;
    }
    section(&mut c, out)?;
    for _ in 0..c.uint()? {
        section(&mut c, out)?;
    }
    Some(())
}

fn section(c: &mut Cursor<'_>, out: &mut [u8]) -> Option<()> {
    let (offset, length) = (c.uint()?, c.uint()?);
    let at = c.at;
    c.at += 4;
    let crc = out.get_mut(at..at + 4).is_some();
    let end = usize::try_from(offset.checked_add(length)?).ok()?;
    let bytes = c.bytes.get(offset as usize..end)?;
    let sum = crc32fast::hash(bytes);
    crc.then(|| out[at..at + 4].copy_from_slice(&sum.to_le_bytes()))
}
