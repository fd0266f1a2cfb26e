//! Fields that several kinds of records have.

use std::ops::Range;

use console_blockkit::record::{Reader, RecordError, Writer};
use console_model::{
    Labels,
    labels::Label,
    metric::{Exemplar, MetricKind, MetricMetadata},
};

const KINDS: [MetricKind; 8] = [
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::GaugeHistogram,
    MetricKind::Summary,
    MetricKind::Info,
    MetricKind::StateSet,
    MetricKind::Unknown,
];

pub fn write_float(w: &mut Writer, v: f64) {
    w.raw(&v.to_bits().to_le_bytes());
}

pub fn read_float(r: &mut Reader<'_>) -> Result<f64, RecordError> {
    r.array().map(|b| f64::from_bits(u64::from_le_bytes(b)))
}

pub fn write_labels(w: &mut Writer, labels: &Labels) {
    w.uint(labels.len() as u64);
    for l in labels.iter() {
        w.blob(l.name.as_bytes());
        w.blob(l.value.as_bytes());
    }
}

pub fn read_labels(r: &mut Reader<'_>) -> Result<Labels, RecordError> {
    let n = r.count()?;
    let mut labels: Vec<Label> = Vec::with_capacity(n);
    for _ in 0..n {
        let (name, value) = (r.text()?, r.text()?);
        if labels.last().is_some_and(|l| *l.name >= *name) {
            return Err(RecordError::Encoding);
        }
        labels.push(Label { name: name.into(), value: value.into() });
    }
    Ok(Labels::from_sorted(labels))
}

/// The bytes that [`read_labels`] would take of `text`, of which the reader is a part; not looked at but for lengths.
pub fn skip_labels(r: &mut Reader<'_>, text: &[u8]) -> Result<Range<usize>, RecordError> {
    let start = text.len() - r.rest().len();
    for _ in 0..r.count()? {
        r.blob()?;
        r.blob()?;
    }
    Ok(start..text.len() - r.rest().len())
}

/// Without their number.
pub fn write_exemplars(w: &mut Writer, exemplars: &[Exemplar], base: i64) {
    for e in exemplars {
        w.int(e.t_ms.wrapping_sub(base));
        write_float(w, e.value);
        write_labels(w, &e.labels);
    }
}

pub fn read_exemplars(r: &mut Reader<'_>, n: usize, base: i64) -> Result<Vec<Exemplar>, RecordError> {
    let mut one = || -> Result<Exemplar, RecordError> {
        Ok(Exemplar { t_ms: base.wrapping_add(r.int()?), value: read_float(r)?, labels: read_labels(r)? })
    };
    (0..n).map(|_| one()).collect()
}

pub fn write_metadata(w: &mut Writer, m: &MetricMetadata) {
    w.blob(m.metric.as_bytes());
    w.u8(KINDS.iter().position(|k| *k == m.kind).unwrap_or(7) as u8);
    w.blob(m.help.as_bytes());
    w.blob(m.unit.as_bytes());
}

pub fn read_metadata(r: &mut Reader<'_>) -> Result<MetricMetadata, RecordError> {
    let metric = r.text()?.to_owned();
    let kind = *KINDS.get(usize::from(r.u8()?)).ok_or(RecordError::Tag)?;
    Ok(MetricMetadata { metric, kind, help: r.text()?.to_owned(), unit: r.text()?.to_owned() })
}
