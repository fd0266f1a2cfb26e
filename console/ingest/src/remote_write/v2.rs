//! `io.prometheus.write.v2.Request` (prometheus/prompb/io/prometheus/write/v2/types.proto).

use console_model::{Labels, metric::Sample};

use super::{
    series::{Collected, Numbers, Problem, Tally, labels, sample, undecodable},
    wire::{self, Field, Fields, Value},
};
use crate::{limits::IngestLimits, refusal::Refusal};

const NUMBERS: Numbers = Numbers { exemplars: 4, histograms: 3 };

/// The series of a request and what they say of their metrics; a damaged series is refused alone.
pub fn collect(message: &[u8], limits: &IngestLimits) -> Result<Collected, Refusal> {
    let symbols = Symbols::of(message, limits)?;
    let mut out = Collected::default();
    for field in Fields::of(message) {
        let field = field.map_err(undecodable)?;
        if field.number != 5 {
            continue;
        }
        let bytes = field.bytes().map_err(undecodable)?;
        let tally = Tally::of(bytes, NUMBERS);
        out.admit((tally.samples + tally.histograms).max(1), limits)?;
        let mut described = None;
        let read = series(bytes, &symbols, limits, &mut described);
        if let (Ok((labels, _)), Some(metadata)) = (&read, described) {
            metadata.put(labels, &mut out);
        }
        out.take(tally, read.and_then(|read| not_empty(tally, read)));
    }
    Ok(out.sorted())
}

/// "At least one element in samples or in histograms MUST be provided."
fn not_empty(tally: Tally, read: (Labels, Vec<Sample>)) -> Result<(Labels, Vec<Sample>), Problem> {
    if tally.samples + tally.histograms > 0 {
        return Ok(read);
    }
    Err(Problem::new("empty_series", format!("series {} has neither samples nor histograms", read.0)))
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
}

fn series<'a>(
    bytes: &[u8],
    symbols: &Symbols<'a>,
    limits: &IngestLimits,
    described: &mut Option<Metadata<'a>>,
) -> Result<(Labels, Vec<Sample>), Problem> {
    let (mut references, mut samples) = (Vec::new(), Vec::new());
    // One pair more than the limit is enough to refuse the series.
    let max = limits.max_labels * 2 + 2;
    for field in Fields::of(bytes) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Varint(reference)) if references.len() < max => references.push(reference),
            (1, Value::Varint(_)) => {}
            (1, _) => {
                let mut packed = field.bytes()?;
                while !packed.is_empty() && references.len() < max {
                    references.push(wire::varint(&mut packed)?);
                }
            }
            (2, _) => samples.push(sample(field)?),
            (5, _) => *described = Some(Metadata::of(field, symbols)?),
            _ => {}
        }
    }
    if references.len() % 2 != 0 {
        return Err(Problem::new("invalid_labels", "labels_refs has a name without a value"));
    }
    let pairs = references
        .chunks_exact(2)
        .map(|pair| Ok((symbols.get(pair[0])?, symbols.get(pair[1])?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    Ok((labels(&pairs, limits)?, samples))
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
