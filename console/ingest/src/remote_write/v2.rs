//! `io.prometheus.write.v2.Request` (prometheus/prompb/io/prometheus/write/v2/types.proto).

use console_model::{Labels, metric::Exemplar};
use console_storage::metrics::SeriesBatch;

use super::{
    cache::{Known, LabelCache},
    series::{Collected, Problem, Reading, Tally, exemplar_labels, histogram, labels, sample, undecodable},
};
use crate::{
    limits::IngestLimits,
    refusal::Refusal,
    wire::{self, Field, Fields, Value},
};

/// The series of a request and what they say of their metrics; a damaged series is refused alone.
pub fn collect(message: &[u8], limits: &IngestLimits) -> Result<Collected, Refusal> {
    collect_with(message, Reading { limits, cache: &LabelCache::default() })
}

/// As [`collect`], with what is remembered of earlier requests.
pub fn collect_with(message: &[u8], reading: Reading<'_>) -> Result<Collected, Refusal> {
    let symbols = Symbols::of(message, reading.limits)?;
    let mut out = Collected::default();
    let (mut key, mut known) = (Vec::new(), reading.cache.known());
    for field in Fields::of(message) {
        let field = field.map_err(undecodable)?;
        if field.number != 5 {
            continue;
        }
        let bytes = field.bytes().map_err(undecodable)?;
        let mut tally = Tally::default();
        for field in Fields::of(bytes).map_while(Result::ok) {
            match field.number {
                2 | 3 => tally.points += 1,
                4 => tally.exemplars += 1,
                _ => {}
            }
        }
        out.admit(tally.points.max(1), reading.limits)?;
        let mut described = None;
        let read = series(bytes, &symbols, reading.limits, &mut out, (&mut known, &mut key), &mut described);
        if let (Ok(batch), Some(metadata)) = (&read, described) {
            metadata.put(&batch.labels, &mut out);
        }
        out.take(tally, read.and_then(|batch| not_empty(tally, batch)));
    }
    Ok(out)
}

/// "At least one element in samples or in histograms MUST be provided."
fn not_empty(tally: Tally, batch: SeriesBatch) -> Result<SeriesBatch, Problem> {
    if tally.points > 0 {
        return Ok(batch);
    }
    Err(Problem::new("empty_series", format!("series {} has neither samples nor histograms", batch.labels)))
}

/// Strings, as bytes: one that is not UTF-8 spoils only the series that refer to it.
struct Symbols<'a>(Vec<&'a [u8]>);

impl<'a> Symbols<'a> {
    fn of(message: &'a [u8], limits: &IngestLimits) -> Result<Self, Refusal> {
        let mut count = Collected::default();
        let mut symbols = Vec::new();
        for field in Fields::of(message) {
            let field = field.map_err(undecodable)?;
            if field.number == 4 {
                count.admit(1, limits)?;
                symbols.push(field.bytes().map_err(undecodable)?);
            }
        }
        match symbols.first() {
            Some(first) if !first.is_empty() => {
                Err(Refusal::invalid("invalid_symbols", "the first symbol must be the empty string"))
            }
            _ => Ok(Self(symbols)),
        }
    }

    fn get(&self, reference: u64) -> Result<&'a str, Problem> {
        let symbol = usize::try_from(reference).ok().and_then(|at| self.0.get(at)).ok_or_else(|| {
            let count = self.0.len();
            Problem::new("invalid_symbols", format!("symbol {reference} is not among the {count} symbols"))
        })?;
        std::str::from_utf8(symbol)
            .map_err(|_| Problem::new("invalid_symbols", format!("symbol {reference} is not valid UTF-8")))
    }

    fn pairs(&self, references: &[u64]) -> Result<Vec<(&'a str, &'a str)>, Problem> {
        if !references.len().is_multiple_of(2) {
            return Err(Problem::new("invalid_labels", "labels_refs has a name without a value"));
        }
        references.chunks_exact(2).map(|pair| Ok((self.get(pair[0])?, self.get(pair[1])?))).collect()
    }

    /// What `references` stand for, as bytes that mean the same in every request: symbols with their lengths. A reference
    /// to nothing makes a key that no label set is remembered under.
    fn key(&self, references: &[u64], key: &mut Vec<u8>) {
        key.clear();
        // No label field of version 1 begins so.
        key.push(0);
        for reference in references {
            let symbol = usize::try_from(*reference).ok().and_then(|at| self.0.get(at));
            let length = symbol.map_or(u32::MAX, |s| s.len() as u32);
            key.extend_from_slice(&length.to_le_bytes());
            key.extend_from_slice(symbol.copied().unwrap_or_default());
        }
    }
}

fn series<'a>(
    bytes: &[u8],
    symbols: &Symbols<'a>,
    limits: &IngestLimits,
    out: &mut Collected,
    (known, key): (&mut Known<'_>, &mut Vec<u8>),
    described: &mut Option<Metadata<'a>>,
) -> Result<SeriesBatch, Problem> {
    let mut refs = Vec::new();
    let mut batch = SeriesBatch::default();
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => references(field, &mut refs, limits)?,
            2 => batch.samples.push(sample(field)?),
            4 => match exemplar(field, symbols, limits) {
                Ok(exemplar) => batch.exemplars.push(exemplar),
                Err(e) => out.refused_exemplar(e),
            },
            5 => *described = Some(Metadata::of(field, symbols)?),
            _ => {}
        }
    }
    symbols.key(&refs, key);
    batch.labels = out.labels(key, known, || labels(&symbols.pairs(&refs)?, limits))?;
    // Their errors name the series.
    for field in Fields::of(bytes) {
        let field = field?;
        if field.number == 3 {
            batch.histograms.push(histogram(field, &batch.labels)?);
        }
    }
    Ok(batch)
}

/// Repeated references, packed or not.
fn references(field: Field<'_>, out: &mut Vec<u64>, limits: &IngestLimits) -> Result<(), Problem> {
    // One pair more than the limit is enough to refuse the series.
    let max = limits.max_labels * 2 + 2;
    if let Value::Varint(reference) = field.value {
        if out.len() < max {
            out.push(reference);
        }
        return Ok(());
    }
    let mut packed = field.bytes()?;
    while !packed.is_empty() && out.len() < max {
        out.push(wire::varint(&mut packed)?);
    }
    Ok(())
}

fn exemplar(field: Field<'_>, symbols: &Symbols<'_>, limits: &IngestLimits) -> Result<Exemplar, Problem> {
    let (mut refs, mut value, mut t_ms) = (Vec::new(), 0.0, 0);
    for field in Fields::of(field.bytes()?) {
        let field = field?;
        match field.number {
            1 => references(field, &mut refs, limits)?,
            2 => value = field.double()?,
            3 => t_ms = field.varint()?.cast_signed(),
            _ => {}
        }
    }
    Ok(Exemplar { labels: exemplar_labels(&symbols.pairs(&refs)?, limits)?, value, t_ms })
}

/// What a series says of its metric.
struct Metadata<'a> {
    kind: u64,
    help: &'a str,
    unit: &'a str,
}

impl<'a> Metadata<'a> {
    fn of(field: Field<'_>, symbols: &Symbols<'a>) -> Result<Self, Problem> {
        let mut out = Self { kind: 0, help: "", unit: "" };
        for field in Fields::of(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => out.kind = field.varint()?,
                3 => out.help = symbols.get(field.varint()?)?,
                4 => out.unit = symbols.get(field.varint()?)?,
                _ => {}
            }
        }
        Ok(out)
    }

    /// Of the family: histograms and summaries have it on each of their series.
    fn put(&self, labels: &Labels, out: &mut Collected) {
        if self.kind == 0 && self.help.is_empty() && self.unit.is_empty() {
            return;
        }
        let name = labels.metric_name();
        let family = match self.kind {
            3..=5 => ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)),
            _ => None,
        };
        out.describe(family.unwrap_or(name), self.kind, self.help, self.unit);
    }
}
