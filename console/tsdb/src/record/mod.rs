#![doc = include_str!("FORMAT.md")]

mod columns;
mod encode;
mod fields;
mod rows;
mod values;

use console_blockkit::record::{Reader, RecordError, Writer, open_borrowed, seal};
use console_model::{
    Labels,
    metric::{Exemplar, HistogramSample, MetricMetadata, Sample},
};

pub(crate) use columns::{Column, Columns, Exemplars, Histograms, Samples, each_number, labels};
pub(crate) use encode::encode_series;
pub(crate) use values::{Position, ValueReader};

/// Records of this version are written, and those of all before are read.
const VERSION: u8 = 2;
const SAMPLES: u8 = 1;
const METADATA: u8 = 2;
const POINTS: u8 = 3;
const COLUMNS: u8 = 4;
/// A record's payload is refused above this.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;

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

impl Record {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Series(series) => {
                let base = series.iter().find_map(|s| s.samples.first()).map_or(0, |s| s.t_ms);
                encode_series(series.iter().map(SeriesRecord::entry), base)
            }
            Self::Metadata(metrics) => {
                let mut w = Writer::default();
                w.u8(METADATA);
                w.uint(metrics.len() as u64);
                for m in metrics {
                    fields::write_metadata(&mut w, m);
                }
                seal(VERSION, &w.bytes)
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match read(bytes)? {
            Read::Points(columns) => columns.into_series().map(Self::Series),
            Read::Metadata(metadata) => Ok(Self::Metadata(metadata)),
        }
    }
}

/// What a record holds, points not yet by series.
pub(crate) enum Read {
    Points(Columns),
    Metadata(Vec<MetricMetadata>),
}

/// Reads all of a record, or nothing.
pub(crate) fn read(bytes: &[u8]) -> Result<Read, RecordError> {
    let (version, payload) = open_borrowed(bytes, MAX_PAYLOAD_BYTES)?;
    if version > VERSION {
        return Err(RecordError::Version(version));
    }
    let mut r = Reader::new(&payload);
    let mut columns = Columns::default();
    match r.u8()? {
        kind @ (SAMPLES | POINTS) => rows::read(&mut r, kind == POINTS, &mut columns)?,
        COLUMNS => columns::read(&mut r, &mut columns)?,
        METADATA => {
            let n = r.count()?;
            let all = (0..n).map(|_| fields::read_metadata(&mut r)).collect::<Result<_, _>>();
            return all.map(Read::Metadata);
        }
        _ => return Err(RecordError::Tag),
    }
    Ok(Read::Points(columns))
}

#[cfg(test)]
mod tests {
    use console_model::{histogram::Histogram, metric::MetricKind};

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
            exemplars: vec![Exemplar { labels: labels.clone(), value: 0.25, t_ms: 2999 }],
            ..SeriesRecord::default()
        };
        let fourth = SeriesRecord { number: 0, labels: Some(labels), ..SeriesRecord::default() };
        let record = Record::Series(vec![second, third, fourth]);
        assert_eq!(Record::decode(&record.encode()), Ok(record));
        let metadata = Record::Metadata(vec![MetricMetadata {
            metric: "up".into(),
            kind: MetricKind::Gauge,
            help: "is it".into(),
            unit: String::new(),
        }]);
        assert_eq!(Record::decode(&metadata.encode()), Ok(metadata));
    }

    #[test]
    fn a_scrape_of_small_numbers_takes_little_more_than_their_bytes() {
        let series = |number: u32| SeriesRecord {
            number,
            samples: vec![Sample { t_ms: 1_700_000_000_000, v: f64::from(number % 2) }],
            ..SeriesRecord::default()
        };
        let record = Record::Series((0..1000).map(series).collect()).encode();
        assert!((2250..2300).contains(&record.len()), "{} bytes", record.len());
    }

    #[test]
    fn a_record_of_a_newer_version_is_told_from_damage() {
        let mut bytes = Record::Series(Vec::new()).encode();
        bytes[0] = VERSION + 1;
        assert_eq!(Record::decode(&bytes), Err(RecordError::Version(VERSION + 1)));
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_are_refused_before_memory_is_taken() {
        let of = |fields: &dyn Fn(&mut Writer)| {
            let mut w = Writer::default();
            w.u8(COLUMNS);
            w.int(0);
            w.blob(&[]);
            w.uint(0);
            fields(&mut w);
            Record::decode(&seal(VERSION, &w.bytes))
        };
        // A number of series; a run of them; a number of samples; a run of times.
        assert!(of(&|w| w.uint(1 << 40)).is_err());
        let series = |w: &mut Writer, run: u64| {
            w.uint(1);
            w.int(0);
            w.uint(run);
        };
        assert!(of(&|w| series(w, u64::MAX)).is_err());
        assert!(of(&|w| series(w, 0)).is_err());
        let samples = |w: &mut Writer, count: i64, run: u64| {
            series(w, 1);
            w.u8(1);
            w.uint(1);
            w.int(count);
            w.uint(run);
            w.int(0);
            w.raw(&[0; 8]);
        };
        assert!(of(&|w| samples(w, i64::MAX, 1)).is_err());
        assert!(of(&|w| samples(w, i64::from(u32::MAX), 1)).is_err());
        assert!(of(&|w| samples(w, -1, 1)).is_err());
        assert!(of(&|w| samples(w, 1, u64::MAX)).is_err());
        assert!(of(&|w| samples(w, 1, 0)).is_err());
        assert!(of(&|w| samples(w, 1, 1)).is_ok());
    }
}
