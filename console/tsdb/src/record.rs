//! Records of the write-ahead log. The segment's frame is the kit's (`console_blockkit::wal`); a record is sealed
//! (`console_blockkit::record`, version 1). Its payload, with integers and strings as the kit writes them:
//!
//! | field | meaning |
//! |---|---|
//! | u8 | kind: 1 samples, 2 metadata, 3 points |
//!
//! Samples:
//!
//! | field | meaning |
//! |---|---|
//! | int | base time, milliseconds |
//! | uint | number of series; for each of them: |
//! | uint | number of the series in this segment |
//! | u8 | 1: declared here for the first time in this segment, 0: declared before in this segment |
//! | uint, (string, string).. | where declared: the count of labels, then names and values, sorted by name |
//! | uint | number of samples; for each of them: |
//! | int | time, against the sample before it (the first: against the base time) |
//! | 8 bytes | value, IEEE 754, little endian |
//!
//! Points: as samples, but each series goes on after its samples with
//!
//! | field | meaning |
//! |---|---|
//! | string | native histograms, a chunk of [`crate::chunk::histogram`] (bytes, not UTF-8) |
//! | uint | number of exemplars; for each of them: |
//! | int | time, against the base time |
//! | 8 bytes | value |
//! | uint, (string, string).. | the exemplar's own labels |
//!
//! Metadata: uint count, then for each metric: string name, u8 kind (0 counter, 1 gauge, 2 histogram, 3 gauge
//! histogram, 4 summary, 5 info, 6 state set, 7 unknown), string help, string unit.
//!
//! Numbers of series are counted from 0 in each segment, in order of declaration: a segment can be read without any
//! other. At the start of a segment all metadata known is written again.

use console_blockkit::record::{Reader, RecordError, Writer, open, seal};
use console_model::{
    Labels,
    labels::Label,
    metric::{Exemplar, HistogramSample, MetricKind, MetricMetadata, Sample},
};

use crate::chunk::histogram;

const VERSION: u8 = 1;
const SAMPLES: u8 = 1;
const METADATA: u8 = 2;
const POINTS: u8 = 3;
/// A record's payload is refused above this.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

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

/// What a record has for one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesRecord {
    /// The series' number in this segment.
    pub number: u32,
    /// Set where the record declares the series.
    pub labels: Option<Labels>,
    pub samples: Vec<Sample>,
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<Exemplar>,
}

/// The same, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesEntry<'a> {
    pub number: u32,
    pub labels: Option<&'a Labels>,
    pub samples: &'a [Sample],
    pub histograms: &'a [HistogramSample],
    pub exemplars: &'a [Exemplar],
}

impl SeriesRecord {
    fn entry(&self) -> SeriesEntry<'_> {
        SeriesEntry {
            number: self.number,
            labels: self.labels.as_ref(),
            samples: &self.samples,
            histograms: &self.histograms,
            exemplars: &self.exemplars,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Series(Vec<SeriesRecord>),
    Metadata(Vec<MetricMetadata>),
}

/// A sealed record of `count` series. `floats_only`: none of them has anything but samples. `base_ms`: a time near theirs.
pub(crate) fn encode_series<'a>(
    count: usize,
    series: impl Iterator<Item = SeriesEntry<'a>>,
    floats_only: bool,
    base_ms: i64,
) -> Vec<u8> {
    let mut w = Writer { bytes: Vec::with_capacity(16 * count) };
    w.u8(if floats_only { SAMPLES } else { POINTS });
    w.int(base_ms);
    w.uint(count as u64);
    for s in series {
        write_series(&mut w, &s, base_ms);
        if !floats_only {
            w.blob(&histogram::encode(s.histograms));
            write_exemplars(&mut w, s.exemplars, base_ms);
        }
    }
    seal(VERSION, &w.bytes)
}

impl Record {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Series(series) => {
                let floats = series.iter().all(|s| s.histograms.is_empty() && s.exemplars.is_empty());
                let base = series.iter().find_map(|s| s.samples.first()).map_or(0, |s| s.t_ms);
                encode_series(series.len(), series.iter().map(SeriesRecord::entry), floats, base)
            }
            Self::Metadata(metrics) => {
                let mut w = Writer::default();
                w.u8(METADATA);
                w.uint(metrics.len() as u64);
                for m in metrics {
                    w.blob(m.metric.as_bytes());
                    w.u8(KINDS.iter().position(|k| *k == m.kind).unwrap_or(7) as u8);
                    w.blob(m.help.as_bytes());
                    w.blob(m.unit.as_bytes());
                }
                seal(VERSION, &w.bytes)
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut series = Vec::new();
        let metadata = visit(bytes, &mut |s| series.push(s.clone()))?;
        Ok(metadata.map_or(Self::Series(series), Self::Metadata))
    }
}

/// Visits the series of a record in order, each in the same place of memory; answers the metadata of a record of those.
/// Of a damaged record the series before the damage are visited.
pub(crate) fn visit(
    bytes: &[u8],
    on_series: &mut dyn FnMut(&SeriesRecord),
) -> Result<Option<Vec<MetricMetadata>>, RecordError> {
    let (version, payload) = open(bytes, MAX_PAYLOAD_BYTES)?;
    if version != VERSION {
        return Err(RecordError::Encoding);
    }
    let mut r = Reader::new(&payload);
    match r.u8()? {
        kind @ (SAMPLES | POINTS) => {
            let base = r.int()?;
            let mut series = SeriesRecord::default();
            for _ in 0..r.count()? {
                read_series(&mut r, base, &mut series)?;
                if kind == POINTS {
                    series.histograms = histogram::decode(r.blob()?)?;
                    series.exemplars = read_exemplars(&mut r, base)?;
                }
                on_series(&series);
            }
            Ok(None)
        }
        METADATA => {
            let n = r.count()?;
            (0..n).map(|_| read_metadata(&mut r)).collect::<Result<_, _>>().map(Some)
        }
        _ => Err(RecordError::Tag),
    }
}

fn write_labels(w: &mut Writer, labels: &Labels) {
    w.uint(labels.len() as u64);
    for l in labels.iter() {
        w.blob(l.name.as_bytes());
        w.blob(l.value.as_bytes());
    }
}

fn write_series(w: &mut Writer, series: &SeriesEntry<'_>, base: i64) {
    w.uint(u64::from(series.number));
    match series.labels {
        Some(labels) => {
            w.u8(1);
            write_labels(w, labels);
        }
        None => w.u8(0),
    }
    w.uint(series.samples.len() as u64);
    let mut t = base;
    for s in series.samples {
        w.int(s.t_ms.wrapping_sub(t));
        w.raw(&s.v.to_bits().to_le_bytes());
        t = s.t_ms;
    }
}

fn read_series(r: &mut Reader<'_>, base: i64, series: &mut SeriesRecord) -> Result<(), RecordError> {
    series.number = u32::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?;
    series.labels = match r.u8()? {
        0 => None,
        1 => Some(read_labels(r)?),
        _ => return Err(RecordError::Tag),
    };
    series.samples.clear();
    let mut t = base;
    for _ in 0..r.count()? {
        t = t.wrapping_add(r.int()?);
        series.samples.push(Sample { t_ms: t, v: float(r)? });
    }
    Ok(())
}

fn float(r: &mut Reader<'_>) -> Result<f64, RecordError> {
    r.array().map(|b| f64::from_bits(u64::from_le_bytes(b)))
}

fn write_exemplars(w: &mut Writer, exemplars: &[Exemplar], base: i64) {
    w.uint(exemplars.len() as u64);
    for e in exemplars {
        w.int(e.t_ms.wrapping_sub(base));
        w.raw(&e.value.to_bits().to_le_bytes());
        write_labels(w, &e.labels);
    }
}

fn read_exemplars(r: &mut Reader<'_>, base: i64) -> Result<Vec<Exemplar>, RecordError> {
    let n = r.count()?;
    let mut one = || -> Result<Exemplar, RecordError> {
        Ok(Exemplar { t_ms: base.wrapping_add(r.int()?), value: float(r)?, labels: read_labels(r)? })
    };
    (0..n).map(|_| one()).collect()
}

fn read_labels(r: &mut Reader<'_>) -> Result<Labels, RecordError> {
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

fn read_metadata(r: &mut Reader<'_>) -> Result<MetricMetadata, RecordError> {
    let metric = r.text()?.to_owned();
    let kind = *KINDS.get(usize::from(r.u8()?)).ok_or(RecordError::Tag)?;
    Ok(MetricMetadata { metric, kind, help: r.text()?.to_owned(), unit: r.text()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use console_model::histogram::Histogram;

    use super::*;

    #[test]
    fn records_survive_the_round_trip() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "orders")]);
        let at = |t_ms, v| Sample { t_ms, v };
        let first = SeriesRecord {
            labels: Some(labels.clone()),
            samples: vec![at(1000, 1.5), at(2000, -0.0)],
            ..SeriesRecord::default()
        };
        let second =
            SeriesRecord { number: 7, samples: vec![at(-5, f64::INFINITY)], ..SeriesRecord::default() };
        let record = Record::Series(vec![first, second.clone()]);
        assert_eq!(Record::decode(&record.encode()), Ok(record));
        let histogram = Histogram { count: 3.0, sum: 0.5, ..Histogram::default() };
        let third = SeriesRecord {
            number: 8,
            histograms: vec![HistogramSample { t_ms: 3000, h: histogram.into() }],
            exemplars: vec![Exemplar { labels, value: 0.25, t_ms: 2999 }],
            ..SeriesRecord::default()
        };
        let record = Record::Series(vec![second, third]);
        assert_eq!(Record::decode(&record.encode()), Ok(record));
        let metadata = Record::Metadata(vec![MetricMetadata {
            metric: "up".into(),
            kind: MetricKind::Gauge,
            help: "is it".into(),
            unit: String::new(),
        }]);
        assert_eq!(Record::decode(&metadata.encode()), Ok(metadata));
    }
}
