//! A record's points as columns, and the reading of those that lie there as such.

use std::ops::Range;

use console_blockkit::record::{Reader, RecordError, open_borrowed};
use console_model::{
    Labels,
    metric::{Exemplar, Sample},
};

use super::{
    MAX_PAYLOAD_BYTES, SeriesRecord, VERSION, fields,
    values::{Position, ValueReader},
};
use crate::chunk::histogram;

/// The points of a record. What few series have comes with the place of its series.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Numbers of series, by place: runs of a first one and how many rise from there.
    pub numbers: Vec<(u32, u32)>,
    pub samples: Samples,
    /// Time of the newest point.
    pub newest: i64,
    /// Where labels stand in `text`; most were seen before.
    pub declared: Vec<(usize, Range<usize>)>,
    pub histograms: Histograms,
    pub exemplars: Exemplars,
    pub text: Vec<u8>,
}

/// Native histograms that are not decoded yet.
#[derive(Debug, Default)]
pub(crate) struct Histograms {
    /// Place, number of histograms, and where their chunk stands in `bytes`.
    pub chunks: Vec<(usize, usize, Range<usize>)>,
    pub bytes: Vec<u8>,
}

/// Exemplars that are not decoded yet.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    /// Times are counted from here.
    pub base_ms: i64,
    /// Place, number of exemplars, and where they stand in `bytes`.
    pub parts: Vec<(usize, usize, Range<usize>)>,
    pub bytes: Vec<u8>,
}

impl Histograms {
    fn add(&mut self, place: usize, count: usize, chunk: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(chunk);
        self.chunks.push((place, count, start..self.bytes.len()));
    }
}

impl Exemplars {
    pub fn len(&self) -> usize {
        self.parts.iter().map(|(_, count, _)| count).sum()
    }

    fn add(&mut self, place: usize, count: usize, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.parts.push((place, count, start..self.bytes.len()));
    }

    /// Each series' exemplars, with its place.
    pub fn decode(&self) -> impl Iterator<Item = (usize, Result<Vec<Exemplar>, RecordError>)> {
        self.parts.iter().map(|(place, count, bytes)| {
            let mut r = Reader::new(&self.bytes[bytes.clone()]);
            (*place, fields::read_exemplars(&mut r, *count, self.base_ms))
        })
    }
}

/// By place.
#[derive(Debug)]
pub(crate) enum Samples {
    /// Each series has one, or none.
    One(Column),
    /// Series have so many.
    Many { counts: Vec<u32>, all: Vec<Sample> },
}

/// Samples that are not decoded yet.
#[derive(Debug, Default)]
pub(crate) struct Column {
    /// Numbers of series that have one, as [`Columns::numbers`].
    pub numbers: Vec<(u32, u32)>,
    /// Runs of places, and whether they have one (1) or not (0); none where all have.
    pub counts: Vec<(u32, u32)>,
    /// Runs of samples of one time.
    pub times: Vec<(u32, i64)>,
    /// Enough of them, as they stand in the record.
    pub values: Vec<u8>,
}

/// Labels of a declaration's bytes.
pub(crate) fn labels(declaration: &[u8]) -> Result<Labels, RecordError> {
    fields::read_labels(&mut Reader::new(declaration))
}

/// How many times each value, of runs of those.
fn expand(runs: &[(u32, u32)]) -> impl Iterator<Item = u32> {
    runs.iter().flat_map(|(length, value)| std::iter::repeat_n(*value, *length as usize))
}

/// The numbers of series at each place, of runs.
pub(crate) fn each_number(runs: &[(u32, u32)]) -> impl Iterator<Item = u32> {
    runs.iter().flat_map(|(first, length)| *first..=first + (length - 1))
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            samples: Samples::One(Column::default()),
            newest: i64::MIN,
            declared: Vec::new(),
            histograms: Histograms::default(),
            exemplars: Exemplars::default(),
            text: Vec::new(),
        }
    }
}

impl Samples {
    /// How many of each series.
    fn counts(&self, series: usize) -> Vec<u32> {
        match self {
            Self::One(column) if column.counts.is_empty() => vec![1; series],
            Self::One(column) => expand(&column.counts).collect(),
            Self::Many { counts, .. } => counts.clone(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::One(column) => column.times.iter().map(|(length, _)| *length as usize).sum(),
            Self::Many { all, .. } => all.len(),
        }
    }

    pub fn decode(&self) -> Result<Vec<Sample>, RecordError> {
        match self {
            Self::One(Column { times, values, .. }) => {
                let mut values = ValueReader::new(values, Position::default());
                let each =
                    times.iter().flat_map(|(length, t_ms)| std::iter::repeat_n(*t_ms, *length as usize));
                each.map(|t_ms| Ok(Sample { t_ms, v: values.value()? })).collect()
            }
            Self::Many { all, .. } => Ok(all.clone()),
        }
    }
}

impl Columns {
    pub fn add_number(&mut self, number: u32) {
        match self.numbers.last_mut() {
            Some((first, length)) if first.checked_add(*length) == Some(number) => *length += 1,
            _ => self.numbers.push((number, 1)),
        }
    }

    pub fn add_histograms(&mut self, place: usize, count: usize, newest: i64, chunk: &[u8]) {
        self.newest = self.newest.max(newest);
        self.histograms.add(place, count, chunk);
    }

    pub fn add_exemplars(&mut self, place: usize, count: usize, bytes: &[u8]) {
        self.exemplars.add(place, count, bytes);
    }

    /// The same, series by series.
    pub fn into_series(self) -> Result<Vec<SeriesRecord>, RecordError> {
        let mut samples = self.samples.decode()?.into_iter();
        let numbers: Vec<u32> = each_number(&self.numbers).collect();
        let counts = self.samples.counts(numbers.len());
        let series = |(number, n): (u32, u32)| SeriesRecord {
            number,
            samples: samples.by_ref().take(n as usize).collect(),
            ..SeriesRecord::default()
        };
        let mut out: Vec<SeriesRecord> = numbers.into_iter().zip(counts).map(series).collect();
        for (place, declaration) in &self.declared {
            out[*place].labels = Some(labels(&self.text[declaration.clone()])?);
        }
        for (place, count, chunk) in &self.histograms.chunks {
            let all = histogram::decode(&self.histograms.bytes[chunk.clone()])?;
            if all.len() != *count {
                return Err(RecordError::Short);
            }
            out[*place].histograms = all;
        }
        for (place, exemplars) in self.exemplars.decode() {
            out[place].exemplars = exemplars?;
        }
        Ok(out)
    }
}

/// Series of a record that have nothing; more of them than the bytes can hold are damage.
const EMPTY_SERIES: usize = 1 << 16;

/// Reads what follows the kind.
pub(super) fn read(r: &mut Reader<'_>, into: &mut Columns) -> Result<(), RecordError> {
    let bytes = r.rest().len();
    let base = r.int()?;
    into.exemplars.base_ms = base;
    let text = r.blob()?;
    if !text.is_empty() {
        read_text(text, into)?;
    }
    read_histograms(r, base, into)?;
    let series = usize::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?;
    if series > bytes + into.text.len() + EMPTY_SERIES {
        return Err(RecordError::Short);
    }
    read_numbers(r, series, &mut into.numbers)?;
    let counts = match r.u8()? {
        0 => Vec::new(),
        1 => read_counts(r, series)?,
        _ => return Err(RecordError::Tag),
    };
    if counts.iter().any(|(_, n)| *n > 1) {
        read_many(r, base, expand(&counts).collect(), into)?;
    } else {
        read_one_each(r, base, series, counts, into)?;
    }
    let declared = into.declared.last().map(|(place, _)| *place);
    let histograms = into.histograms.chunks.last().map(|(place, ..)| *place);
    let exemplars = into.exemplars.parts.last().map(|(place, ..)| *place);
    // Places rise: the last ones tell.
    let last = declared.max(histograms).max(exemplars);
    if last.is_none_or(|place| place < series) { Ok(()) } else { Err(RecordError::Reference) }
}

fn read_counts(r: &mut Reader<'_>, series: usize) -> Result<Vec<(u32, u32)>, RecordError> {
    let (mut left, mut out) = (series, Vec::new());
    while left > 0 {
        let length = run(r, left)?;
        left -= length as usize;
        let count = u32::try_from(r.int()?).map_err(|_| RecordError::Overflow)?;
        out.push((length, count));
    }
    Ok(out)
}

/// The numbers at the places that `counts` gives one sample.
fn with_one(numbers: &[(u32, u32)], counts: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut counts = counts.iter().copied();
    let (mut left, mut has_one, mut out) = (0, false, Vec::new());
    for (first, length) in numbers {
        let (mut first, mut rest) = (*first, *length);
        while rest > 0 {
            if left == 0 {
                let Some((length, count)) = counts.next() else { return out };
                (left, has_one) = (length, count == 1);
            }
            let part = left.min(rest);
            if has_one {
                out.push((first, part));
            }
            first = first.wrapping_add(part);
            rest -= part;
            left -= part;
        }
    }
    out
}

fn read_numbers(r: &mut Reader<'_>, series: usize, out: &mut Vec<(u32, u32)>) -> Result<(), RecordError> {
    let (mut after, mut left) = (0i64, series);
    while left > 0 {
        let start = after.checked_add(r.int()?).ok_or(RecordError::Overflow)?;
        let length = run(r, left)?;
        let first = u32::try_from(start).map_err(|_| RecordError::Overflow)?;
        first.checked_add(length - 1).ok_or(RecordError::Overflow)?;
        out.push((first, length));
        after = start + i64::from(length);
        left -= length as usize;
    }
    Ok(())
}

/// The length of a run of what is left.
#[inline]
fn run(r: &mut Reader<'_>, left: usize) -> Result<u32, RecordError> {
    let length = r.uint()?;
    if length == 0 || length > left as u64 { Err(RecordError::Short) } else { Ok(length as u32) }
}

/// Runs of steps in time of `samples` samples; the values stand behind them.
fn read_steps(r: &mut Reader<'_>, samples: usize, out: &mut Vec<(u32, i64)>) -> Result<(), RecordError> {
    let mut left = samples;
    while left > 0 {
        let length = run(r, left)?;
        left -= length as usize;
        out.push((length, r.int()?));
    }
    // Two bytes a value are the least.
    if samples > r.rest().len() / 2 { Err(RecordError::Short) } else { Ok(()) }
}

fn read_one_each(
    r: &mut Reader<'_>,
    base: i64,
    series: usize,
    counts: Vec<(u32, u32)>,
    into: &mut Columns,
) -> Result<(), RecordError> {
    let (numbers, samples) = if counts.is_empty() {
        (into.numbers.clone(), series)
    } else {
        let samples = counts.iter().map(|(length, count)| (length * count) as usize).sum();
        (with_one(&into.numbers, &counts), samples)
    };
    let mut times = Vec::new();
    read_steps(r, samples, &mut times)?;
    for (_, t_ms) in &mut times {
        *t_ms = base.wrapping_add(*t_ms);
        into.newest = into.newest.max(*t_ms);
    }
    let mut values = ValueReader::new(r.rest(), Position::default());
    values.skip(samples)?;
    let values = r.rest()[..values.position().at as usize].to_vec();
    into.samples = Samples::One(Column { numbers, counts, times, values });
    Ok(())
}

fn read_many(r: &mut Reader<'_>, base: i64, counts: Vec<u32>, into: &mut Columns) -> Result<(), RecordError> {
    let samples = usize::try_from(counts.iter().map(|n| u64::from(*n)).sum::<u64>());
    let samples = samples.map_err(|_| RecordError::Overflow)?;
    let mut steps = Vec::new();
    read_steps(r, samples, &mut steps)?;
    let mut steps = steps.into_iter().flat_map(|(length, step)| std::iter::repeat_n(step, length as usize));
    let mut values = ValueReader::new(r.rest(), Position::default());
    let mut all = Vec::with_capacity(samples);
    for count in &counts {
        let mut t_ms = base;
        for step in steps.by_ref().take(*count as usize) {
            t_ms = t_ms.wrapping_add(step);
            into.newest = into.newest.max(t_ms);
            all.push(Sample { t_ms, v: values.value()? });
        }
    }
    into.samples = Samples::Many { counts, all };
    Ok(())
}

/// Places that rise, as many as are said.
struct Places {
    left: usize,
    next: usize,
}

impl Places {
    fn read(r: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Self { left: r.count()?, next: 0 })
    }

    fn next(&mut self, r: &mut Reader<'_>) -> Result<Option<usize>, RecordError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        let step = usize::try_from(r.uint()?).map_err(|_| RecordError::Overflow)?;
        let place = self.next.checked_add(step).ok_or(RecordError::Overflow)?;
        (self.left, self.next) = (left, place);
        Ok(Some(place))
    }
}

fn read_histograms(r: &mut Reader<'_>, base: i64, into: &mut Columns) -> Result<(), RecordError> {
    let mut places = Places::read(r)?;
    while let Some(place) = places.next(r)? {
        let count = r.count()?;
        let newest = base.wrapping_add(r.int()?);
        into.add_histograms(place, count, newest, r.blob()?);
    }
    Ok(())
}

fn read_text(sealed: &[u8], into: &mut Columns) -> Result<(), RecordError> {
    let (version, text) = open_borrowed(sealed, MAX_PAYLOAD_BYTES)?;
    if version > VERSION {
        return Err(RecordError::Version(version));
    }
    let r = &mut Reader::new(&text);
    let mut places = Places::read(r)?;
    while let Some(place) = places.next(r)? {
        let labels = r.blob()?;
        let end = text.len() - r.rest().len();
        into.declared.push((place, end - labels.len()..end));
    }
    let mut places = Places::read(r)?;
    while let Some(place) = places.next(r)? {
        let count = r.count()?;
        into.add_exemplars(place, count, r.blob()?);
    }
    into.text = text.into_owned();
    Ok(())
}
