//! `prometheus.WriteRequest` (prometheus/prompb/remote.proto and types.proto).

use console_model::{Labels, metric::Sample};

use super::{
    series::{Collected, Numbers, Problem, Tally, labels, sample, undecodable},
    wire::{Field, Fields, WireError},
};
use crate::{limits::IngestLimits, refusal::Refusal};

const NUMBERS: Numbers = Numbers { exemplars: 3, histograms: 4 };

/// The series and metadata of a request; a damaged series is refused alone.
pub fn collect(message: &[u8], limits: &IngestLimits) -> Result<Collected, Refusal> {
    let mut out = Collected::default();
    for field in Fields::of(message) {
        let field = field.map_err(undecodable)?;
        match field.number {
            1 => {
                let bytes = field.bytes().map_err(undecodable)?;
                let tally = Tally::of(bytes, NUMBERS);
                out.admit(tally.samples + tally.histograms, limits)?;
                out.take(tally, series(bytes, limits));
            }
            3 => {
                out.admit(1, limits)?;
                if let Err(e) = metadata(field, &mut out) {
                    out.refused.add(1, "invalid_metadata", || format!("metadata: {e}"));
                }
            }
            _ => {}
        }
    }
    Ok(out.sorted())
}

fn series(bytes: &[u8], limits: &IngestLimits) -> Result<(Labels, Vec<Sample>), Problem> {
    let (mut pairs, mut samples) = (Vec::new(), Vec::new());
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            // One more than the limit is enough to refuse the series.
            1 if pairs.len() <= limits.max_labels => pairs.push(label(field)?),
            2 => samples.push(sample(field)?),
            _ => {}
        }
    }
    Ok((labels(&pairs, limits)?, samples))
}

fn label(field: Field<'_>) -> Result<(&str, &str), WireError> {
    let (mut name, mut value) = ("", "");
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn metadata(field: Field<'_>, out: &mut Collected) -> Result<(), WireError> {
    let (mut kind, mut family, mut help, mut unit) = (0, "", "", "");
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => kind = field.varint()?,
            2 => family = field.text()?,
            4 => help = field.text()?,
            5 => unit = field.text()?,
            _ => {}
        }
    }
    if !family.is_empty() {
        out.describe(family, kind, help, unit);
    }
    Ok(())
}
