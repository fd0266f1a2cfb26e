//! Records of the write-ahead log. The segment's frame is the kit's (`console_blockkit::wal`); a record is sealed
//! (`console_blockkit::record`, version 1). Its payload, with integers and strings as the kit writes them:
//!
//! | field | meaning |
//! |---|---|
//! | u8 | kind: 1 samples, 2 metadata |
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
//! Metadata: uint count, then for each metric: string name, u8 kind (0 counter, 1 gauge, 2 histogram, 3 gauge
//! histogram, 4 summary, 5 info, 6 state set, 7 unknown), string help, string unit.
//!
//! Numbers of series are counted from 0 in each segment, in order of declaration: a segment can be read without any
//! other. At the start of a segment all metadata known is written again.

use console_blockkit::record::{Reader, RecordError, Writer, open, seal};
use console_model::{
    Labels,
    labels::Label,
    metric::{MetricKind, MetricMetadata, Sample},
};

const VERSION: u8 = 1;
const SAMPLES: u8 = 1;
const METADATA: u8 = 2;
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

/// The samples of one series in a record.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRecord {
    /// The series' number in this segment.
    pub number: u32,
    /// Set where the record declares the series.
    pub labels: Option<Labels>,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Samples(Vec<SeriesRecord>),
    Metadata(Vec<MetricMetadata>),
}

impl Record {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        match self {
            Self::Samples(series) => {
                w.u8(SAMPLES);
                let base = series.iter().find_map(|s| s.samples.first()).map_or(0, |s| s.t_ms);
                w.int(base);
                w.uint(series.len() as u64);
                for s in series {
                    write_series(&mut w, s, base);
                }
            }
            Self::Metadata(metrics) => {
                w.u8(METADATA);
                w.uint(metrics.len() as u64);
                for m in metrics {
                    w.blob(m.metric.as_bytes());
                    w.u8(KINDS.iter().position(|k| *k == m.kind).unwrap_or(7) as u8);
                    w.blob(m.help.as_bytes());
                    w.blob(m.unit.as_bytes());
                }
            }
        }
        seal(VERSION, &w.bytes)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, payload) = open(bytes, MAX_PAYLOAD_BYTES)?;
        if version != VERSION {
            return Err(RecordError::Encoding);
        }
        let mut r = Reader::new(&payload);
        match r.u8()? {
            SAMPLES => {
                let base = r.int()?;
                let n = r.count()?;
                (0..n).map(|_| read_series(&mut r, base)).collect::<Result<_, _>>().map(Self::Samples)
            }
            METADATA => {
                let n = r.count()?;
                (0..n).map(|_| read_metadata(&mut r)).collect::<Result<_, _>>().map(Self::Metadata)
            }
            _ => Err(RecordError::Tag),
        }
    }
}

fn write_series(w: &mut Writer, series: &SeriesRecord, base: i64) {
    w.uint(u64::from(series.number));
    match &series.labels {
        Some(labels) => {
            w.u8(1);
            w.uint(labels.len() as u64);
            for l in labels.iter() {
                w.blob(l.name.as_bytes());
                w.blob(l.value.as_bytes());
            }
        }
        None => w.u8(0),
    }
    w.uint(series.samples.len() as u64);
    let mut t = base;
    for s in &series.samples {
        w.int(s.t_ms.wrapping_sub(t));
        w.raw(&s.v.to_bits().to_le_bytes());
        t = s.t_ms;
    }
}

fn read_series(r: &mut Reader<'_>, base: i64) -> Result<SeriesRecord, RecordError> {
    let number = u32::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?;
    let labels = match r.u8()? {
        0 => None,
        1 => Some(read_labels(r)?),
        _ => return Err(RecordError::Tag),
    };
    let n = r.count()?;
    let mut samples = Vec::with_capacity(n);
    let mut t = base;
    for _ in 0..n {
        t = t.wrapping_add(r.int()?);
        samples.push(Sample { t_ms: t, v: f64::from_bits(u64::from_le_bytes(r.array()?)) });
    }
    Ok(SeriesRecord { number, labels, samples })
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
    use super::*;

    #[test]
    fn records_survive_the_round_trip() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "orders")]);
        let at = |t_ms, v| Sample { t_ms, v };
        let record = Record::Samples(vec![
            SeriesRecord { number: 0, labels: Some(labels), samples: vec![at(1000, 1.5), at(2000, -0.0)] },
            SeriesRecord { number: 7, labels: None, samples: vec![at(-5, f64::INFINITY)] },
        ]);
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
