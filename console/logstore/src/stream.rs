//! One stream: a sorted raw head and older blocks.

use console_blockkit::SegmentId;
use console_model::log::LogEntry;

use crate::block::Block;

#[derive(Debug)]
pub struct Stream {
    /// Sorted by time; entries of equal time in order of arrival. All of `head_segment`.
    head: Vec<LogEntry>,
    head_segment: SegmentId,
    head_line_bytes: usize,
    head_size: u64,
    pub blocks: Vec<Block>,
}

/// Bytes that an entry in a head takes.
fn size(e: &LogEntry) -> u64 {
    (72 + e.line.len() + e.metadata.iter().map(|(n, v)| 48 + n.len() + v.len()).sum::<usize>()) as u64
}

impl Stream {
    pub fn new(segment: SegmentId) -> Self {
        Self { head: Vec::new(), head_segment: segment, head_line_bytes: 0, head_size: 0, blocks: Vec::new() }
    }

    pub fn head_size(&self) -> u64 {
        self.head_size
    }

    pub fn size(&self) -> u64 {
        self.head_size + self.blocks.iter().map(Block::size).sum::<u64>()
    }

    pub fn entries(&self) -> usize {
        self.head.len() + self.blocks.iter().map(|b| b.entries).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.blocks.is_empty()
    }

    pub fn has_entries_in(&self, start_ns: i64, end_ns: i64) -> bool {
        self.blocks.iter().any(|b| b.overlaps(start_ns, end_ns))
            || !self.head_range(start_ns, end_ns).is_empty()
    }

    /// The head's entries with `start_ns <= t < end_ns`.
    pub fn head_range(&self, start_ns: i64, end_ns: i64) -> &[LogEntry] {
        let from = self.head.partition_point(|e| e.t_ns < start_ns);
        let to = self.head.partition_point(|e| e.t_ns < end_ns);
        self.head.get(from..to).unwrap_or_default()
    }

    /// Adds entries in any order, without exact repetitions (time, line and metadata); answers those that were new.
    pub fn add(&mut self, entries: &[LogEntry], segment: SegmentId, block_bytes: usize) -> Vec<LogEntry> {
        if segment != self.head_segment {
            self.seal();
            self.head_segment = segment;
        }
        // The block read last: a repeated push mostly meets one block.
        let mut decoded: Option<(usize, Vec<LogEntry>)> = None;
        let mut added = Vec::with_capacity(entries.len());
        for entry in entries {
            let from = self.head.partition_point(|e| e.t_ns < entry.t_ns);
            let to = from + self.head[from..].partition_point(|e| e.t_ns == entry.t_ns);
            let repeated = self.head[from..to].contains(entry) || self.in_blocks(entry, &mut decoded);
            if repeated {
                continue;
            }
            self.head_line_bytes += entry.line.len();
            self.head_size += size(entry);
            self.head.insert(to, entry.clone());
            added.push(entry.clone());
            if self.head_line_bytes >= block_bytes {
                self.seal();
                decoded = None;
            }
        }
        added
    }

    fn in_blocks(&self, entry: &LogEntry, decoded: &mut Option<(usize, Vec<LogEntry>)>) -> bool {
        for (i, block) in self.blocks.iter().enumerate().rev() {
            if block.first_ns > entry.t_ns || block.last_ns < entry.t_ns {
                continue;
            }
            if decoded.as_ref().is_none_or(|(at, _)| *at != i) {
                *decoded = block.read(&[]).ok().map(|entries| (i, entries));
            }
            let Some((_, entries)) = decoded else { continue };
            let from = entries.partition_point(|e| e.t_ns < entry.t_ns);
            if entries[from..].iter().take_while(|e| e.t_ns == entry.t_ns).any(|e| e == entry) {
                return true;
            }
        }
        false
    }

    /// Turns the head into a block.
    pub fn seal(&mut self) {
        if !self.head.is_empty() {
            self.blocks.push(Block::build(&self.head, self.head_segment));
            self.head = Vec::new();
            self.head_line_bytes = 0;
            self.head_size = 0;
        }
    }

    /// Drops what segments before `first_kept` hold.
    pub fn drop_segments_before(&mut self, first_kept: SegmentId) {
        self.blocks.retain(|b| b.segment >= first_kept);
        if self.head_segment < first_kept {
            self.clear_head();
        }
    }

    /// Drops blocks that end before the cutoff, and older lines of the head.
    pub fn drop_older(&mut self, cutoff_ns: i64) {
        self.blocks.retain(|b| b.last_ns >= cutoff_ns);
        let old = self.head.partition_point(|e| e.t_ns < cutoff_ns);
        for e in self.head.drain(..old) {
            self.head_line_bytes -= e.line.len();
            self.head_size -= size(&e);
        }
    }

    fn clear_head(&mut self) {
        self.head.clear();
        self.head_line_bytes = 0;
        self.head_size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(t_ns: i64, line: &str) -> LogEntry {
        LogEntry { t_ns, line: line.into(), metadata: vec![] }
    }

    #[test]
    fn late_entries_are_sorted_in_and_repetitions_dropped_across_blocks() {
        let mut s = Stream::new(SegmentId(1));
        s.add(&[entry(10, "a"), entry(5, "b"), entry(10, "a"), entry(10, "c")], SegmentId(1), 1 << 20);
        let lines: Vec<&str> = s.head_range(0, 100).iter().map(|e| e.line.as_str()).collect();
        assert_eq!(lines, ["b", "a", "c"]);
        s.seal();
        let added = s.add(&[entry(10, "c"), entry(10, "d")], SegmentId(1), 1 << 20);
        assert_eq!(added, [entry(10, "d")]);
        assert_eq!(s.entries(), 4);
    }

    #[test]
    fn a_block_never_spans_two_segments() {
        let mut s = Stream::new(SegmentId(1));
        s.add(&[entry(1, "a")], SegmentId(1), 1 << 20);
        s.add(&[entry(2, "b")], SegmentId(2), 1 << 20);
        s.drop_segments_before(SegmentId(2));
        assert_eq!(s.entries(), 1);
    }
}
