//! `prometheus.WriteRequest` (prometheus/prompb/remote.proto and types.proto).

use console_model::{Labels, metric::Exemplar};
use console_storage::metrics::SeriesBatch;

use super::{
    cache::{Known, LabelCache},
    series::{Collected, Problem, Reading, Tally, exemplar_labels, histogram, labels, sample, undecodable},
};
use crate::{
    limits::IngestLimits,
    refusal::Refusal,
    wire::{Field, Fields, WireError},
};

/// The key of field 1 with its wire type.
const LABEL_TAG: u8 = 1 << 3 | 2;

/// The series and metadata of a request; a damaged series is refused alone.
pub fn collect(message: &[u8], limits: &IngestLimits) -> Result<Collected, Refusal> {
    collect_with(message, Reading { limits, cache: &LabelCache::default() })
}

/// As [`collect`], with what is remembered of earlier requests.
pub fn collect_with(message: &[u8], reading: Reading<'_>) -> Result<Collected, Refusal> {
    let mut out = Collected::default();
    let mut known = reading.cache.known();
    for field in Fields::of(message) {
        let field = field.map_err(undecodable)?;
        match field.number {
            1 => {
                let bytes = field.bytes().map_err(undecodable)?;
                let mut tally = Tally::default();
                let read = series(bytes, reading.limits, &mut known, &mut out, &mut tally);
                out.admit(tally.points, reading.limits)?;
                out.take(tally, read);
            }
            3 => {
                out.admit(1, reading.limits)?;
                if let Err(e) = metadata(field, &mut out) {
                    out.refused.add(1, "invalid_metadata", || format!("metadata: {e}"));
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn series(
    bytes: &[u8],
    limits: &IngestLimits,
    known: &mut Known<'_>,
    out: &mut Collected,
    tally: &mut Tally,
) -> Result<SeriesBatch, Problem> {
    // Labels come first: their bytes as they stand name the series.
    let (expected, end) = match known.expected(bytes) {
        Some((labels, end)) if bytes.get(end) != Some(&LABEL_TAG) => (Some(labels), end),
        _ => (None, labels_end(bytes)),
    };
    let rest = &bytes[end..];
    let has_more_labels = count(rest, tally);
    if tally.points > limits.max_items_per_request as u64 {
        // The whole request is about to be refused: nothing needs to be read.
        return Ok(SeriesBatch::default());
    }
    let labels = match expected {
        _ if has_more_labels => read_labels(bytes, limits)?,
        Some(labels) => labels,
        None => out.labels(&bytes[..end], known, || read_labels(bytes, limits))?,
    };
    let mut batch = SeriesBatch::floats(labels, Vec::with_capacity(tally.points as usize));
    for field in Fields::of(rest) {
        let field = field?;
        match field.number {
            2 => batch.samples.push(sample(field)?),
            3 => match exemplar(field, limits) {
                Ok(exemplar) => batch.exemplars.push(exemplar),
                Err(e) => out.refused_exemplar(e),
            },
            4 => batch.histograms.push(histogram(field, &batch.labels)?),
            _ => {}
        }
    }
    Ok(batch)
}

/// Counts without reading; answers whether there are labels.
fn count(bytes: &[u8], tally: &mut Tally) -> bool {
    let mut has_labels = false;
    for field in Fields::of(bytes).map_while(Result::ok) {
        match field.number {
            1 => has_labels = true,
            2 | 4 => tally.points += 1,
            3 => tally.exemplars += 1,
            _ => {}
        }
    }
    has_labels
}

/// Where the labels at the beginning of a series end.
fn labels_end(bytes: &[u8]) -> usize {
    let mut fields = Fields::of(bytes);
    let mut end = 0;
    while fields.rest().first() == Some(&LABEL_TAG) && matches!(fields.next(), Some(Ok(_))) {
        end = bytes.len() - fields.rest().len();
    }
    end
}

fn read_labels(bytes: &[u8], limits: &IngestLimits) -> Result<Labels, Problem> {
    let mut pairs = Vec::new();
    for field in Fields::of(bytes) {
        let field = field?;
        // One more than the limit is enough to refuse the series.
        if field.number == 1 && pairs.len() <= limits.max_labels {
            pairs.push(label(field)?);
        }
    }
    labels(&pairs, limits)
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

fn exemplar(field: Field<'_>, limits: &IngestLimits) -> Result<Exemplar, Problem> {
    let (mut pairs, mut value, mut t_ms) = (Vec::new(), 0.0, 0);
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 if pairs.len() <= limits.max_labels => pairs.push(label(field)?),
            2 => value = field.double()?,
            3 => t_ms = field.varint()?.cast_signed(),
            _ => {}
        }
    }
    Ok(Exemplar { labels: exemplar_labels(&pairs, limits)?, value, t_ms })
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
