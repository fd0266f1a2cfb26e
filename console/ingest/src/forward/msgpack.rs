//! MessagePack, as much as the forward protocol has of it (github.com/msgpack/msgpack, spec.md).
//!
//! A cursor over bytes that are all there. Nothing is allocated by what a length says: texts and byte strings are slices.

use serde_json::{Map, Value};

/// Values in one record, with those inside of others.
const MAX_VALUES: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct MsgpackError {
    pub what: &'static str,
    pub at: usize,
}

/// A value, or the header of one that has others in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Past what `Int` holds.
    Unsigned(u64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// How many values follow.
    Array(usize),
    /// How many pairs follow.
    Map(usize),
    Extension(i8, &'a [u8]),
}

#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

type Read<T> = Result<T, MsgpackError>;

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn error(&self, what: &'static str) -> MsgpackError {
        MsgpackError { what, at: self.at }
    }

    fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.error("a value ends too early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// A number of one to eight bytes.
    fn number(&mut self, bytes: usize) -> Read<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn length(&mut self, bytes: usize) -> Read<usize> {
        let n = self.number(bytes)?;
        usize::try_from(n).map_err(|_| self.error("a length that memory has no room for"))
    }

    /// A signed number of one to eight bytes.
    fn signed(&mut self, bytes: usize) -> Read<i64> {
        let shift = 64 - 8 * bytes as u32;
        Ok((self.number(bytes)? << shift) as i64 >> shift)
    }

    pub fn token(&mut self) -> Read<Token<'a>> {
        let start = self.at;
        let first = self.take(1)?[0];
        Ok(match first {
            0x00..=0x7f => Token::Int(first.into()),
            0x80..=0x8f => Token::Map(usize::from(first & 0x0f)),
            0x90..=0x9f => Token::Array(usize::from(first & 0x0f)),
            0xa0..=0xbf => Token::Text(self.take(usize::from(first & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(MsgpackError { what: "0xc1, which begins no value", at: start }),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let n = self.length(1 << (first - 0xc4))?;
                Token::Bytes(self.take(n)?)
            }
            0xc7..=0xc9 => {
                let n = self.length(1 << (first - 0xc7))?;
                self.extension(n)?
            }
            0xca => Token::Float(f32::from_bits(self.number(4)? as u32).into()),
            0xcb => Token::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => {
                let n = self.number(1 << (first - 0xcc))?;
                i64::try_from(n).map_or(Token::Unsigned(n), Token::Int)
            }
            0xd0..=0xd3 => Token::Int(self.signed(1 << (first - 0xd0))?),
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4))?,
            0xd9..=0xdb => {
                let n = self.length(1 << (first - 0xd9))?;
                Token::Text(self.take(n)?)
            }
            0xdc | 0xdd => Token::Array(self.length(2 << (first - 0xdc))?),
            0xde | 0xdf => Token::Map(self.length(2 << (first - 0xde))?),
            0xe0..=0xff => Token::Int(i64::from(first as i8)),
        })
    }

    fn extension(&mut self, n: usize) -> Read<Token<'a>> {
        let kind = self.take(1)?[0] as i8;
        Ok(Token::Extension(kind, self.take(n)?))
    }

    /// Leaves one value out, and what is in it.
    pub fn skip(&mut self) -> Read<()> {
        let mut left = 1u64;
        while left > 0 {
            left = left - 1 + inside(&self.token()?);
        }
        Ok(())
    }

    /// One value as JSON: byte strings and keys as text, extensions as null, numbers that JSON has not as text.
    pub fn value(&mut self, max_depth: usize) -> Read<Value> {
        let mut left = MAX_VALUES;
        self.value_of(max_depth, &mut left)
    }

    fn value_of(&mut self, depth: usize, left: &mut usize) -> Read<Value> {
        *left = left.checked_sub(1).ok_or_else(|| self.error("more than 4096 values in one record"))?;
        Ok(match self.token()? {
            Token::Nil | Token::Extension(..) => Value::Null,
            Token::Bool(b) => b.into(),
            Token::Int(n) => n.into(),
            Token::Unsigned(n) => n.into(),
            Token::Float(f) if f.is_finite() => f.into(),
            Token::Float(f) => f.to_string().into(),
            Token::Text(text) | Token::Bytes(text) => String::from_utf8_lossy(text).into(),
            Token::Array(n) => {
                let depth = self.deeper(depth)?;
                let mut out = Vec::new();
                for _ in 0..n {
                    out.push(self.value_of(depth, left)?);
                }
                out.into()
            }
            Token::Map(n) => {
                let depth = self.deeper(depth)?;
                let mut out = Map::new();
                for _ in 0..n {
                    let key = match self.value_of(depth, left)? {
                        Value::String(key) => key,
                        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other.to_string(),
                        // As text it would be escaped once more at each level.
                        Value::Array(_) | Value::Object(_) => {
                            return Err(self.error("a key that is a list or a map"));
                        }
                    };
                    out.insert(key, self.value_of(depth, left)?);
                }
                out.into()
            }
        })
    }

    fn deeper(&self, depth: usize) -> Read<usize> {
        depth.checked_sub(1).ok_or_else(|| self.error("nested deeper than max_json_depth"))
    }
}

/// How many values follow a header.
pub fn inside(token: &Token<'_>) -> u64 {
    match token {
        Token::Array(n) => *n as u64,
        Token::Map(n) => (*n as u64).saturating_mul(2),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(bytes: &[u8]) -> Read<Value> {
        Cursor::new(bytes).value(4)
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let cases: [(&[u8], Value); 16] = [
            (&[0x7f], json!(127)),
            (&[0xe0], json!(-32)),
            (&[0xcc, 0xff], json!(255)),
            (&[0xcd, 1, 0], json!(256)),
            (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], json!(u64::MAX)),
            (&[0xd0, 0x80], json!(-128)),
            (&[0xd1, 0xff, 0xfe], json!(-2)),
            (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], json!(-1)),
            (&[0xca, 0x3f, 0xc0, 0, 0], json!(1.5)),
            (&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], json!("inf")),
            (&[0xa2, b'h', b'i'], json!("hi")),
            (&[0xd9, 1, 0xff], json!("\u{fffd}")),
            (&[0xc4, 2, b'o', b'k'], json!("ok")),
            (&[0x82, 0xa1, b'a', 0xc3, 1, 0xc0], json!({"a": true, "1": null})),
            (&[0xdc, 0, 2, 0x91, 1, 2], json!([[1], 2])),
            (&[0xd6, 0, 1, 2, 3, 4], json!(null)),
        ];
        for (bytes, want) in cases {
            assert_eq!(of(bytes), Ok(want), "{bytes:?}");
        }
    }

    #[test]
    fn lengths_that_lie_and_depth_are_refused() {
        let told = |bytes: &[u8]| of(bytes).unwrap_err().to_string();
        assert_eq!(told(&[0xdb, 0xff, 0xff, 0xff, 0xff, b'a']), "a value ends too early at byte 5");
        assert_eq!(told(&[0xdd, 0xff, 0xff, 0xff, 0xff]), "a value ends too early at byte 5");
        assert_eq!(told(&[0xc1]), "0xc1, which begins no value at byte 0");
        assert!(told(&[0x91; 9]).contains("nested deeper"));
        assert!(told(&[0x81, 0x81, 1, 1, 1]).contains("a key that is a list or a map"));
        let wide = [&[0xdc, 0x20, 0][..], &[0; 0x2000]].concat();
        assert!(told(&wide).contains("4096 values"));
        assert!(Cursor::new(&[0x91; 9]).skip().is_err());
        assert_eq!(Cursor::new(&wide).skip(), Ok(()), "what is left out need not fit");
    }
}
