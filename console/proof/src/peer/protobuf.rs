//! The few parts of protobuf's wire format that senders need (protobuf.dev, "Encoding"). Numbers of fields are below 16: a
//! field's key is one byte.

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
pub(crate) const LENGTH_DELIMITED: u8 = 2;

pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes, text, or a message that is encoded already.
pub(crate) fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | LENGTH_DELIMITED);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// `int32`, `int64`, `uint64`, enums.
pub(crate) fn int64(out: &mut Vec<u8>, field: u8, value: i64) {
    out.push(field << 3 | VARINT);
    varint(out, value.cast_unsigned());
}

pub(crate) fn fixed64(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3 | FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn double(out: &mut Vec<u8>, field: u8, value: f64) {
    fixed64(out, field, value.to_bits());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_the_specification_shows_them() {
        let mut out = Vec::new();
        int64(&mut out, 1, 150);
        bytes(&mut out, 2, b"testing");
        fixed64(&mut out, 3, 1);
        assert_eq!(
            out,
            [&[0x08, 0x96, 0x01, 0x12, 0x07][..], b"testing", &[0x19, 1, 0, 0, 0, 0, 0, 0, 0]].concat()
        );
    }
}
