//! Memory for decompressed bodies, used again and again: a fresh piece of some hundred kilobytes comes from the system page
//! by page, which costs as much as the decompression.

use parking_lot::Mutex;

/// What waits for its next use: as many as decompress at a time on a small machine, and none that is unusually large.
const MAX_SPARE: usize = 4;
const MAX_SPARE_BYTES: usize = 2 << 20;

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Bytes that go back to be used again.
pub struct Buffer {
    /// At least `length`; what is behind it is left from before.
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Some bytes, to be overwritten.
    pub fn take(length: usize) -> Self {
        let mut bytes = SPARE.lock().pop().unwrap_or_default();
        if bytes.len() < length {
            // What it held need not be copied.
            bytes.clear();
            bytes.resize(length, 0);
        }
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes.capacity() > MAX_SPARE_BYTES {
            return;
        }
        let mut spare = SPARE.lock();
        if spare.len() < MAX_SPARE {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_the_length_asked_for_whatever_it_was_before() {
        for length in [10, 3, 0, 4_000, 17, MAX_SPARE_BYTES + 1, 1] {
            let mut buffer = Buffer::take(length);
            assert_eq!(buffer.as_ref().len(), length);
            buffer.as_mut().fill(7);
        }
        let many: Vec<Buffer> = (0..20).map(Buffer::take).collect();
        assert!(many.iter().enumerate().all(|(length, b)| b.as_ref().len() == length));
        drop(many);
        let spare = SPARE.lock();
        assert!(spare.len() <= MAX_SPARE && spare.iter().all(|b| b.capacity() <= MAX_SPARE_BYTES));
    }
}
