//! A compressed run of one stream's entries, sorted by time, all from one log segment. Lives in memory only.
//!
//! The payload keeps all lines in one piece, so that a wanted substring can be looked for before entries are built:
//! count; times (zigzag differences); line lengths; lines; metadata (count and strings an entry).

use std::sync::Arc;

use console_blockkit::{
    SegmentId,
    record::{self, Reader, RecordError, Writer},
};
use console_model::log::LogEntry;

use crate::codec::MAX_PAYLOAD;

#[derive(Clone, Debug)]
pub struct Block {
    pub first_ns: i64,
    pub last_ns: i64,
    pub segment: SegmentId,
    pub entries: usize,
    bytes: Arc<[u8]>,
}

impl Block {
    /// `entries` is sorted by time and not empty.
    pub fn build(entries: &[LogEntry], segment: SegmentId) -> Self {
        let mut out = Writer::default();
        out.uint(entries.len() as u64);
        let mut before = 0;
        for e in entries {
            out.int(e.t_ns.wrapping_sub(before));
            before = e.t_ns;
        }
        for e in entries {
            out.uint(e.line.len() as u64);
        }
        for e in entries {
            out.raw(e.line.as_bytes());
        }
        for e in entries {
            out.uint(e.metadata.len() as u64);
            for (name, value) in &e.metadata {
                out.blob(name.as_bytes());
                out.blob(value.as_bytes());
            }
        }
        Self {
            first_ns: entries.first().map_or(0, |e| e.t_ns),
            last_ns: entries.last().map_or(0, |e| e.t_ns),
            segment,
            entries: entries.len(),
            bytes: record::seal(1, &out.bytes).into(),
        }
    }

    /// Bytes in memory.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64 + 96
    }

    pub fn overlaps(&self, start_ns: i64, end_ns: i64) -> bool {
        self.first_ns < end_ns && self.last_ns >= start_ns
    }

    /// The entries, in order of time; none when some hint occurs in no line.
    pub fn read(&self, line_hints: &[String]) -> Result<Vec<LogEntry>, RecordError> {
        let (_, payload) = record::open(&self.bytes, MAX_PAYLOAD)?;
        let mut r = Reader::new(&payload);
        let n = r.count()?;
        let mut before = 0i64;
        let mut entries = Vec::with_capacity(n);
        for _ in 0..n {
            let t_ns = before.wrapping_add(r.int()?);
            before = t_ns;
            entries.push(LogEntry { t_ns, line: String::new(), metadata: Vec::new() });
        }
        let lengths = (0..n).map(|_| Ok(r.uint()? as usize)).collect::<Result<Vec<_>, RecordError>>()?;
        let total =
            lengths.iter().try_fold(0usize, |sum, l| sum.checked_add(*l)).ok_or(RecordError::Short)?;
        let lines = std::str::from_utf8(r.raw(total)?).map_err(|_| RecordError::Utf8)?;
        if line_hints.iter().any(|hint| !lines.contains(hint.as_str())) {
            return Ok(Vec::new());
        }
        let mut at = 0;
        for (entry, length) in entries.iter_mut().zip(&lengths) {
            entry.line = lines.get(at..at + length).ok_or(RecordError::Utf8)?.to_owned();
            at += length;
            let pairs = r.uint()? as usize;
            for _ in 0..pairs {
                entry.metadata.push((r.text()?.to_owned(), r.text()?.to_owned()));
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_that_no_line_contains_skips_the_block() {
        let entries: Vec<LogEntry> = (0..100)
            .map(|i| LogEntry {
                t_ns: i,
                line: format!("line {i}"),
                metadata: vec![("k".into(), i.to_string())],
            })
            .collect();
        let block = Block::build(&entries, SegmentId(1));
        assert_eq!(block.read(&[]), Ok(entries.clone()));
        assert_eq!(block.read(&["line 7".into()]), Ok(entries));
        assert_eq!(block.read(&["needle".into()]), Ok(vec![]));
    }
}
