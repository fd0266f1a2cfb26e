//! What all metrics have: labels, a time, exemplars; and the kinds that have one value or quantiles.

use super::walk::{At, EXEMPLAR, EXEMPLAR_LABEL, Flaw, LABEL, QUANTILE, SIMPLE, SUMMARY, Shape, TIMESTAMP};
use crate::{
    limits::MAX_EXEMPLAR_CHARS,
    scrape::exposition::{ExemplarText, LabelText, MAX_LABELS, cursor::NORMAL_NAN, entry::Quotes},
    wire::{Field, WireError},
};

/// No NaN may pass for a staleness marker.
pub fn plain(v: f64) -> f64 {
    if v.is_nan() { NORMAL_NAN } else { v }
}

/// A double that is a value.
pub fn double(field: Field<'_>) -> Result<f64, WireError> {
    field.double().map(plain)
}

/// `LabelPair`.
pub fn label<'a>(at: At<'a>, field: Field<'a>, labels: &mut Vec<LabelText<'a>>) -> Result<(), Flaw> {
    let label = pair(at, field, &LABEL)?;
    if label.name.is_empty() {
        return Err(Flaw::Said("a label has no name".to_owned()));
    }
    if labels.len() == MAX_LABELS {
        return Err(Flaw::Said(format!("a metric has more than {MAX_LABELS} labels")));
    }
    labels.push(label);
    Ok(())
}

/// Names that are there twice, or that belong to the values of the metric.
pub fn check_names(labels: &[LabelText<'_>], reserved: &str) -> Result<(), Flaw> {
    let mut names: Vec<&str> = labels.iter().map(|l| l.name).chain([reserved]).collect();
    names.sort_unstable();
    match names.windows(2).find(|w| w[0] == w[1]) {
        Some(twice) if twice[0] == reserved => {
            Err(Flaw::Said(format!("the label {reserved} is not for the metric as a whole")))
        }
        Some(twice) => Err(Flaw::Said(format!("label {:?} is there twice", twice[0]))),
        None => Ok(()),
    }
}

fn pair<'a>(at: At<'a>, field: Field<'a>, shape: &Shape) -> Result<LabelText<'a>, Flaw> {
    let mut label = LabelText { name: "", raw: "", name_quotes: Quotes::None, quotes: Quotes::None };
    at.each(field.bytes()?, shape, |field| {
        match field.number {
            1 => label.name = field.text()?,
            2 => label.raw = field.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(label)
}

/// `Exemplar`; nothing where its labels are longer than OpenMetrics allows, which is no reason to refuse the metric.
pub fn exemplar<'a>(at: At<'a>, field: Field<'a>) -> Result<Option<ExemplarText<'a>>, Flaw> {
    let (mut out, mut chars) = (ExemplarText { labels: Vec::new(), value: 0.0, timestamp_ms: None }, 0);
    at.each(field.bytes()?, &EXEMPLAR, |field| {
        match field.number {
            1 => {
                let label = pair(at, field, &EXEMPLAR_LABEL)?;
                chars += label.name.chars().count() + label.raw.chars().count();
                if out.labels.len() < MAX_EXEMPLAR_CHARS {
                    out.labels.push(label);
                } else {
                    chars = usize::MAX / 2;
                }
            }
            2 => out.value = double(field)?,
            3 => out.timestamp_ms = Some(timestamp(at, field)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok((chars <= MAX_EXEMPLAR_CHARS).then_some(out))
}

/// `google.protobuf.Timestamp`, in milliseconds.
fn timestamp<'a>(at: At<'a>, field: Field<'a>) -> Result<i64, Flaw> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    at.each(field.bytes()?, &TIMESTAMP, |field| {
        match field.number {
            1 => seconds = field.varint()?.cast_signed(),
            2 => nanos = field.varint()?.cast_signed(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

/// `Gauge`, `Counter` and `Untyped`, of which only the second has an exemplar.
pub fn simple<'a>(
    at: At<'a>,
    field: Field<'a>,
    value: &mut f64,
    exemplars: &mut Vec<ExemplarText<'a>>,
) -> Result<(), Flaw> {
    at.each(field.bytes()?, &SIMPLE, |field| {
        match field.number {
            1 => *value = double(field)?,
            2 => {
                exemplars.clear();
                exemplars.extend(exemplar(at, field)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(())
}

/// `Summary`.
#[derive(Default)]
pub struct Summary {
    pub count: u64,
    pub sum: f64,
    /// Quantiles and their values.
    pub quantiles: Vec<(f64, f64)>,
}

impl Summary {
    pub fn read<'a>(&mut self, at: At<'a>, field: Field<'a>) -> Result<(), Flaw> {
        at.each(field.bytes()?, &SUMMARY, |field| {
            match field.number {
                1 => self.count = field.varint()?,
                2 => self.sum = double(field)?,
                3 => {
                    let (mut quantile, mut value) = (0.0, 0.0);
                    at.each(field.bytes()?, &QUANTILE, |field| {
                        match field.number {
                            1 => quantile = double(field)?,
                            2 => value = double(field)?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    self.quantiles.push((quantile, value));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(())
    }
}
