//! Memory from the log: this thread reads records and says whose the points are, others put them into their series.

use std::{collections::BTreeMap, thread};

use console_blockkit::{SegmentId, record::RecordError};
use console_model::{
    Labels,
    metric::{MetricMetadata, Sample},
};

use crate::{
    block::Mark,
    declared::Declared,
    exemplars::{ExemplarRing, RecentExemplars},
    fill::Filling,
    head::Head,
    index::{Index, SeriesId},
    pieces::{NOBODY, Numbers},
    record::{self, Columns, Read, Samples, each_number},
    writer::Writer,
};

/// Numbers of series in a segment are counted from 0; one far beyond what was declared is damage, not a reason to allocate.
const MAX_GAP: usize = 1 << 20;

/// What the log held.
pub(crate) struct Replayed {
    pub head: Head,
    pub writer: Writer,
    pub exemplars: ExemplarRing,
    /// The number that the current segment's next series gets.
    pub next_number: u32,
    /// Records that could not be read.
    pub damaged: u64,
}

/// A segment that another release wrote.
pub(crate) type Newer = (SegmentId, RecordError);

/// The reading side.
pub(crate) struct Replay<'scope> {
    marks: Vec<Mark>,
    /// What is older is in a block already, in the current segment.
    flushed_before: i64,
    index: Index,
    labels: Vec<Labels>,
    declared: Declared,
    writer: Writer,
    /// Series by their number in the current segment.
    numbers: Vec<SeriesId>,
    metadata: BTreeMap<String, MetricMetadata>,
    exemplars: ExemplarRing,
    recent: RecentExemplars,
    damaged: u64,
    newer: Option<Newer>,
    filling: Filling<'scope>,
}

/// Runs `read` with a place to put each record; answers what it gave and what the records held. `marks`: what blocks hold
/// already.
pub(crate) fn replay<T>(
    marks: Vec<Mark>,
    exemplars: ExemplarRing,
    read: impl FnOnce(&mut Replay<'_>) -> T,
) -> (T, Result<Replayed, Newer>) {
    thread::scope(|scope| {
        let mut replay = Replay {
            marks,
            flushed_before: i64::MIN,
            index: Index::default(),
            labels: Vec::new(),
            declared: Declared::default(),
            writer: Writer::default(),
            numbers: Vec::new(),
            metadata: BTreeMap::new(),
            recent: RecentExemplars::new(exemplars.limit()),
            exemplars,
            damaged: 0,
            newer: None,
            filling: Filling::start(scope),
        };
        let answer = read(&mut replay);
        (answer, replay.finish())
    })
}

impl Replay<'_> {
    pub fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment != self.writer.segment {
            self.writer.segment = segment;
            self.numbers.clear();
            let marks = self.marks.iter().filter(|m| segment < m.segment);
            self.flushed_before = marks.map(|m| m.before_ms).max().unwrap_or(i64::MIN);
        }
        match record::read(bytes) {
            Ok(Read::Points(columns)) => self.points(columns),
            Ok(Read::Metadata(metadata)) => {
                self.metadata.extend(metadata.into_iter().map(|m| (m.metric.clone(), m)));
            }
            Err(e @ RecordError::Version(_)) => {
                self.newer.get_or_insert((segment, e));
            }
            Err(_) => self.damaged += 1,
        }
    }

    fn points(&mut self, columns: Columns) {
        let Columns { numbers: runs, mut samples, newest, histograms, exemplars, declared, text } = columns;
        // By place, where that is asked for.
        let has_places = !declared.is_empty() || !exemplars.parts.is_empty();
        let numbers: Vec<u32> = if has_places { each_number(&runs).collect() } else { Vec::new() };
        for (place, labels) in declared {
            self.declare(numbers[place] as usize, &text[labels]);
        }
        if newest > i64::MIN {
            self.writer.note_newest(newest);
        }
        let keep_from = self.flushed_before;
        let known = Numbers { runs: &runs, declared: &self.numbers, keep_from };
        if !exemplars.parts.is_empty() {
            let mut exemplars = exemplars;
            for (place, ..) in &mut exemplars.parts {
                // From here on, the series.
                *place = known.series(numbers[*place]) as usize;
            }
            self.recent.add(exemplars);
        }
        if let Samples::Many { counts, all } = &mut samples {
            retain(counts, all, |s| s.t_ms >= keep_from);
        }
        self.damaged += self.filling.add(samples, histograms, &known);
    }

    fn declare(&mut self, number: usize, declaration: &[u8]) {
        if number >= self.numbers.len() + MAX_GAP {
            return;
        }
        let id = match self.declared.find(declaration) {
            Some(id) => id,
            None => {
                let Ok(labels) = record::labels(declaration) else { return };
                let id = self.enter(&labels);
                self.declared.insert(declaration, id);
                id
            }
        };
        if number >= self.numbers.len() {
            self.numbers.resize(number + 1, NOBODY);
        }
        self.numbers[number] = id;
    }

    fn enter(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.index.find(labels) {
            return id;
        }
        let shared = self.index.insert(labels, self.labels.len() as SeriesId);
        self.labels.push(shared.clone());
        self.filling.create(shared)
    }

    fn finish(mut self) -> Result<Replayed, Newer> {
        let (mut series, damaged) = self.filling.finish();
        self.damaged += damaged;
        if let Some(newer) = self.newer {
            return Err(newer);
        }
        self.damaged += self.recent.fill(&mut self.exemplars, &self.labels);
        let segment = self.writer.segment;
        for (number, id) in self.numbers.iter().enumerate() {
            if let Some(series) = series.get_mut(*id) {
                series.declared = Some((segment, number as u32));
            }
        }
        Ok(Replayed {
            head: Head::new(self.index, series, self.metadata),
            writer: self.writer,
            exemplars: self.exemplars,
            next_number: self.numbers.len() as u32,
            damaged: self.damaged,
        })
    }
}

/// Keeps what `keep` wants of samples of series that have so many.
fn retain(counts: &mut [u32], samples: &mut Vec<Sample>, keep: impl Fn(&Sample) -> bool) {
    if samples.iter().all(&keep) {
        return;
    }
    let mut first = 0;
    for count in counts {
        let own = &samples[first..first + *count as usize];
        first += *count as usize;
        *count = own.iter().filter(|s| keep(s)).count() as u32;
    }
    samples.retain(keep);
}
