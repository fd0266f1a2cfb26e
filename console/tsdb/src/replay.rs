//! Memory from the log.

use console_blockkit::SegmentId;

use crate::{
    block::Mark,
    exemplars::ExemplarRing,
    head::Head,
    index::SeriesId,
    record::{SeriesRecord, visit},
    writer::Writer,
};

/// The head being rebuilt from the log.
#[derive(Default)]
pub(crate) struct Replay {
    pub head: Head,
    pub writer: Writer,
    pub exemplars: ExemplarRing,
    /// Series by their number in the current segment.
    numbers: Vec<Option<SeriesId>>,
    pub damaged: u64,
    /// What blocks hold already.
    marks: Vec<Mark>,
}

/// Numbers of series in a segment are counted from 0; one far beyond what was declared is damage, not a reason to allocate.
const MAX_GAP: usize = 1 << 20;

impl Replay {
    pub fn new(marks: Vec<Mark>, exemplars: ExemplarRing) -> Self {
        Self { exemplars, marks, ..Self::default() }
    }

    pub fn record(&mut self, segment: SegmentId, bytes: &[u8]) {
        if segment != self.writer.segment {
            self.writer.segment = segment;
            self.numbers.clear();
        }
        let Ok(metadata) = visit(bytes, &mut |series| self.series(segment, series)) else {
            self.damaged += 1;
            return;
        };
        for m in metadata.into_iter().flatten() {
            self.head.metadata.insert(m.metric.clone(), m);
        }
    }

    /// The number that the current segment's next series gets.
    pub fn next_number(&self) -> u32 {
        self.numbers.len() as u32
    }

    fn series(&mut self, segment: SegmentId, record: &SeriesRecord) {
        let at = record.number as usize;
        let id = match &record.labels {
            Some(labels) if at < self.numbers.len() + MAX_GAP => {
                let id = self.head.find_or_create(labels);
                if at >= self.numbers.len() {
                    self.numbers.resize(at + 1, None);
                }
                self.numbers[at] = Some(id);
                Some(id)
            }
            Some(_) => None,
            None => self.numbers.get(at).copied().flatten(),
        };
        let Some((id, series)) = id.and_then(|id| Some((id, self.head.get_mut(id)?))) else {
            self.damaged += 1;
            return;
        };
        series.declared = Some((segment, record.number));
        // Most of the time all of a record is newer than the marks, or older.
        let in_block = |t_ms: i64| self.marks.iter().any(|m| m.covers(segment, t_ms));
        let mut newest = i64::MIN;
        for sample in &record.samples {
            newest = newest.max(sample.t_ms);
            if !in_block(sample.t_ms)
                && (series.last_t() < Some(sample.t_ms) || series.at(sample.t_ms).is_none())
            {
                series.add(*sample);
            }
        }
        for sample in &record.histograms {
            newest = newest.max(sample.t_ms);
            if !in_block(sample.t_ms)
                && (series.last_t() < Some(sample.t_ms) || series.at(sample.t_ms).is_none())
            {
                series.add_histogram(sample);
            }
        }
        if newest > i64::MIN {
            self.writer.note_newest(newest);
        }
        if !record.exemplars.is_empty() {
            let labels = self.head.get(id).map(|s| s.labels.clone()).unwrap_or_default();
            record.exemplars.iter().for_each(|e| self.exemplars.push(&labels, e.clone()));
        }
    }
}
