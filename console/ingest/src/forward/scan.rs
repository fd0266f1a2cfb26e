//! Where a value ends that is still arriving: looked at once, however many pieces it comes in.

use super::msgpack::{Cursor, MsgpackError, inside};

/// A walk over a value as far as it is there.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    at: usize,
    /// Values that are still to come.
    left: u64,
}

impl Default for Scan {
    fn default() -> Self {
        Self { at: 0, left: 1 }
    }
}

impl Scan {
    /// The length of the first value of `bytes`, once all of it is there. `bytes` must begin as in the last call.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, MsgpackError> {
        let mut cursor = Cursor::new(bytes);
        cursor.at = self.at;
        while self.left > 0 {
            let before = cursor.at;
            match cursor.token() {
                Ok(token) => {
                    self.left = (self.left - 1).saturating_add(inside(&token));
                    self.at = cursor.at;
                }
                Err(e) if bytes.get(before) == Some(&0xc1) => return Err(e),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_whatever_the_pieces() {
        let value = [0x93, 0xa1, b't', 0x81, 0xa1, b'k', 0xdc, 0, 2, 1, 2, 0xc0];
        let more = [&value[..], &[0x01]].concat();
        let mut scan = Scan::default();
        for end in 0..value.len() {
            assert_eq!(scan.advance(&more[..end]), Ok(None), "{end}");
        }
        assert_eq!(scan.advance(&more), Ok(Some(value.len())));
        assert!(Scan::default().advance(&[0x91, 0xc1]).is_err());
    }
}
