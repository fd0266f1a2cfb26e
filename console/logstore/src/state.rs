//! All streams in memory.

use std::collections::BTreeMap;

use console_blockkit::SegmentId;
use console_model::{Labels, log::LogStream};

use crate::{
    matching::Matchers,
    merge::{Run, Source},
    stream::Stream,
};

#[derive(Debug, Default)]
pub struct State {
    streams: BTreeMap<Labels, Stream>,
    /// Sums over all streams, kept up to date.
    pub head_bytes: u64,
    pub bytes: u64,
}

impl State {
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    pub fn contains(&self, labels: &Labels) -> bool {
        self.streams.contains_key(labels)
    }

    pub fn entries(&self) -> u64 {
        self.streams.values().map(|s| s.entries() as u64).sum()
    }

    /// Stores what is new in `stream` and answers it.
    pub fn apply(&mut self, stream: &LogStream, segment: SegmentId, block_bytes: usize) -> LogStream {
        let slot = self.streams.entry(stream.labels.clone()).or_insert_with(|| Stream::new(segment));
        self.head_bytes -= slot.head_size();
        self.bytes -= slot.size();
        let entries = slot.add(&stream.entries, segment, block_bytes);
        self.head_bytes += slot.head_size();
        self.bytes += slot.size();
        LogStream { labels: stream.labels.clone(), entries }
    }

    /// Compresses heads until at most `max_head_bytes` are raw, large ones first.
    pub fn seal_heads(&mut self, max_head_bytes: u64) {
        if self.head_bytes <= max_head_bytes {
            return;
        }
        let mean = self.head_bytes / self.streams.len().max(1) as u64;
        for stream in self.streams.values_mut().filter(|s| s.head_size() >= mean) {
            stream.seal();
        }
        self.recount();
    }

    pub fn drop_segments_before(&mut self, first_kept: SegmentId) {
        self.streams.retain(|_, s| {
            s.drop_segments_before(first_kept);
            !s.is_empty()
        });
        self.recount();
    }

    pub fn drop_older(&mut self, cutoff_ns: i64) {
        self.streams.retain(|_, s| {
            s.drop_older(cutoff_ns);
            !s.is_empty()
        });
        self.recount();
    }

    fn recount(&mut self) {
        self.head_bytes = self.streams.values().map(Stream::head_size).sum();
        self.bytes = self.streams.values().map(Stream::size).sum();
    }

    /// Label sets that match and have entries in the range, ordered.
    pub fn matching<'a>(
        &'a self,
        matchers: &'a Matchers,
        start_ns: i64,
        end_ns: i64,
    ) -> impl Iterator<Item = &'a Labels> {
        self.streams
            .iter()
            .filter(move |(labels, s)| matchers.matches(labels) && s.has_entries_in(start_ns, end_ns))
            .map(|(labels, _)| labels)
    }

    /// What a scan needs of the matching streams: heads copied, blocks shared.
    pub fn sources(&self, matchers: &Matchers, start_ns: i64, end_ns: i64) -> Vec<Source> {
        let mut out = Vec::new();
        for (labels, stream) in self.streams.iter().filter(|(l, _)| matchers.matches(l)) {
            let mut runs: Vec<Run> = stream
                .blocks
                .iter()
                .filter(|b| b.overlaps(start_ns, end_ns))
                .cloned()
                .map(Run::Block)
                .collect();
            let head = stream.head_range(start_ns, end_ns);
            if !head.is_empty() {
                runs.push(Run::Entries(head.to_vec()));
            }
            if !runs.is_empty() {
                out.push(Source { labels: labels.clone(), runs });
            }
        }
        out
    }
}
