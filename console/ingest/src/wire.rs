//! The protobuf wire format, walked by hand: nothing is copied, and nothing is allocated.
//!
//! Source: protobuf.dev, "Encoding". Groups, which proto3 does not have, are refused.

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("message is truncated")]
    Truncated,
    #[error("number is longer than ten bytes")]
    Overlong,
    #[error("wire type {0} is not supported")]
    WireType(u64),
    #[error("field {0} has another type than expected")]
    Type(u64),
    #[error("field {0} is not valid UTF-8")]
    Utf8(u64),
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    pub number: u64,
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        if let Value::Bytes(bytes) = self.value { Ok(bytes) } else { Err(WireError::Type(self.number)) }
    }

    pub fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8(self.number))
    }

    pub fn varint(self) -> Result<u64, WireError> {
        if let Value::Varint(n) = self.value { Ok(n) } else { Err(WireError::Type(self.number)) }
    }

    /// Every bit is kept: staleness markers are told by their bits.
    pub fn double(self) -> Result<f64, WireError> {
        if let Value::Fixed64(bits) = self.value {
            Ok(f64::from_bits(bits))
        } else {
            Err(WireError::Type(self.number))
        }
    }
}

/// The fields of a message in order; ends after the first error.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn field(&mut self) -> Result<Field<'a>, WireError> {
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.chunk::<8>()?)),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).map_err(|_| WireError::Truncated)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => {
                self.chunk::<4>()?;
                Value::Fixed32
            }
            other => return Err(WireError::WireType(other)),
        };
        Ok(Field { number: key >> 3, value })
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(chunk)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// A zigzag-coded number (`sint32`, `sint64`).
pub fn signed(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// Takes one base-128 number off the front.
#[inline]
pub fn varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut out = 0;
    for shift in (0..70).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(WireError::Truncated)?;
        *rest = tail;
        out |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(out);
        }
    }
    Err(WireError::Overlong)
}
