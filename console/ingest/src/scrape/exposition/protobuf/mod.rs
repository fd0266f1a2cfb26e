//! Prometheus' protobuf (prometheus/client_model, io/prometheus/client/metrics.proto): messages `MetricFamily`, each behind
//! its length, read as Prometheus reads them (prometheus/model/textparse: `ProtobufParser`).
//!
//! Walked by hand: names, labels and helps are parts of the bytes; what is built are histograms, and nothing else. Created
//! timestamps are skipped.

mod family;
mod histogram;
mod metric;
mod walk;

use self::{
    family::Reader,
    walk::{At, FAMILY},
};
use super::{Entry, Histograms, SyntaxError};
use crate::wire::{WireError, varint};

pub fn parse<'a, E: From<SyntaxError>>(
    bytes: &'a [u8],
    histograms: Histograms,
    mut visit: impl FnMut(Entry<'a, '_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = bytes;
    let mut reader = Reader::new(histograms);
    while !rest.is_empty() {
        let at = At { whole: bytes, family: "" };
        let start = rest;
        let length = varint(&mut rest).map_err(|e| at.error(start, FAMILY.path, e.to_string()))?;
        let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let truncated = || at.error(start, FAMILY.path, WireError::Truncated.to_string());
        let (family, behind) = split.ok_or_else(truncated)?;
        reader.family(at, family, &mut visit)?;
        rest = behind;
    }
    Ok(())
}
