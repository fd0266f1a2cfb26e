//! The parts of native histograms that protobuf messages of several protocols share.

use super::{Side, Span};
use crate::wire::{Field, Fields, Value, WireError, signed, varint};

/// `BucketSpan`.
pub fn span(field: Field<'_>) -> Result<Span, WireError> {
    let mut span = Span { offset: 0, length: 0 };
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => span.offset = signed(field.varint()?),
            2 => span.length = field.varint()?,
            _ => {}
        }
    }
    Ok(span)
}

/// A repeated sint64, packed or not.
pub fn deltas(field: Field<'_>, side: &mut Side) -> Result<(), WireError> {
    if let Value::Varint(v) = field.value {
        side.deltas.push(signed(v));
        return Ok(());
    }
    let mut packed = field.bytes()?;
    while !packed.is_empty() {
        side.deltas.push(signed(varint(&mut packed)?));
    }
    Ok(())
}

/// A repeated double, packed or not.
pub fn doubles(field: Field<'_>, out: &mut Vec<f64>) -> Result<(), WireError> {
    if let Value::Fixed64(bits) = field.value {
        out.push(f64::from_bits(bits));
        return Ok(());
    }
    let (values, rest) = field.bytes()?.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(WireError::Truncated);
    }
    out.extend(values.iter().map(|v| f64::from_le_bytes(*v)));
    Ok(())
}
