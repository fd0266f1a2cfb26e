//! Rows of one or several streams, one after the other, compressed together by column. The bytes are documented in
//! `FORMAT.md`.

use console_blockkit::record::{self, Reader, RecordError, Writer};

use crate::metadata::{Metadata, MetadataBuilder};

const VERSION: u8 = 1;
/// A section of a block never inflates past this.
pub const MAX_SECTION: usize = 32 << 20;
/// Rows of a block.
pub const MAX_ROWS: usize = 1 << 16;

/// The sections of a block as they lie on disk.
pub struct Sections {
    pub times: Vec<u8>,
    pub lines: Vec<u8>,
    /// Nothing when no row has any.
    pub metadata: Option<Vec<u8>>,
}

/// Collects rows.
#[derive(Default)]
pub struct BlockBuilder {
    rows: u32,
    times: Writer,
    before: i64,
    lengths: Writer,
    lines: Vec<u8>,
    metadata: MetadataBuilder,
    metadata_bytes: usize,
}

impl BlockBuilder {
    pub fn push(&mut self, t_ns: i64, line: &str, metadata: &[(&str, &str)]) {
        self.times.int(t_ns.wrapping_sub(self.before));
        self.before = t_ns;
        self.lengths.uint(line.len() as u64);
        self.lines.extend_from_slice(line.as_bytes());
        self.metadata.row(self.rows, metadata.iter().copied());
        self.metadata_bytes += metadata.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        self.rows += 1;
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes of lines and metadata.
    pub fn raw_bytes(&self) -> usize {
        self.lines.len() + self.metadata_bytes
    }

    /// The block; begins anew.
    pub fn finish(&mut self) -> Sections {
        let mut times = Writer::default();
        times.uint(u64::from(self.rows));
        times.raw(&self.times.bytes);
        times.raw(&self.lengths.bytes);
        let sections = Sections {
            times: record::seal(VERSION, &times.bytes),
            lines: record::seal(VERSION, &self.lines),
            metadata: self.metadata.finish(self.rows).map(|bytes| record::seal(VERSION, &bytes)),
        };
        self.times.bytes.clear();
        self.lengths.bytes.clear();
        self.lines.clear();
        (self.rows, self.before, self.metadata_bytes) = (0, 0, 0);
        sections
    }
}

fn open(section: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, RecordError> {
    match record::open_borrowed(section, MAX_SECTION)? {
        (VERSION, payload) => Ok(payload),
        (newer, _) => Err(RecordError::Version(newer)),
    }
}

/// When rows happened, and how long their lines are.
#[derive(Debug)]
pub struct Times {
    pub times: Vec<i64>,
    /// Where each line ends in the text of all lines.
    ends: Vec<u32>,
}

impl Times {
    pub fn decode(section: &[u8]) -> Result<Self, RecordError> {
        let payload = open(section)?;
        let mut r = Reader::new(&payload);
        let rows = r.count()?;
        if rows > MAX_ROWS {
            return Err(RecordError::TooLarge);
        }
        let (mut times, mut before) = (Vec::with_capacity(rows), 0i64);
        for _ in 0..rows {
            before = before.wrapping_add(r.int()?);
            times.push(before);
        }
        let (mut ends, mut end) = (Vec::with_capacity(rows), 0u32);
        for _ in 0..rows {
            let length = u32::try_from(r.uint()?).map_err(|_| RecordError::TooLarge)?;
            end = end.checked_add(length).ok_or(RecordError::TooLarge)?;
            ends.push(end);
        }
        if r.is_empty() { Ok(Self { times, ends }) } else { Err(RecordError::Short) }
    }

    pub fn rows(&self) -> usize {
        self.times.len()
    }

    fn begin(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    /// Bytes of the lines of some rows.
    pub fn bytes(&self, rows: std::ops::Range<usize>) -> usize {
        self.begin(rows.end) - self.begin(rows.start)
    }
}

/// A decoded block. Rows are below [`Times::rows`].
#[derive(Debug)]
pub struct BlockRows {
    pub times: Times,
    lines: String,
    metadata: Metadata,
}

impl BlockRows {
    /// The lines' text; damage when it is not the one that `times` speaks of.
    pub fn lines(times: &Times, section: &[u8]) -> Result<String, RecordError> {
        let lines = open(section)?.into_owned();
        let lines = String::from_utf8(lines).map_err(|_| RecordError::Utf8)?;
        if times.ends.last().map_or(0, |end| *end as usize) != lines.len() {
            return Err(RecordError::Short);
        }
        let whole = times.ends.iter().all(|end| lines.is_char_boundary(*end as usize));
        if whole { Ok(lines) } else { Err(RecordError::Utf8) }
    }

    pub fn new(times: Times, lines: String, metadata: Option<&[u8]>) -> Result<Self, RecordError> {
        let rows = times.rows();
        let metadata = metadata.map(|section| Metadata::decode(&open(section)?, rows)).transpose()?;
        Ok(Self { times, lines, metadata: metadata.unwrap_or_default() })
    }

    pub fn line(&self, row: usize) -> &str {
        &self.lines[self.times.begin(row)..self.times.ends[row] as usize]
    }

    /// Where the text of some rows begins, and that text.
    pub fn text(&self, rows: std::ops::Range<usize>) -> (usize, &str) {
        let from = self.times.begin(rows.start);
        let to = rows.end.checked_sub(1).map_or(0, |last| self.times.ends[last] as usize).max(from);
        (from, &self.lines[from..to])
    }

    /// Whose line holds the byte at a place of the text.
    pub fn row_at(&self, place: usize) -> usize {
        self.times.ends.partition_point(|end| *end as usize <= place)
    }

    pub fn line_end(&self, row: usize) -> usize {
        self.times.ends[row] as usize
    }

    pub fn metadata<'a>(&'a self, row: usize, out: &mut Vec<(&'a str, &'a str)>) {
        self.metadata.row(row, out);
    }

    pub fn memory_bytes(&self) -> usize {
        self.times.rows() * 12 + self.lines.len() + self.metadata.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(sections: &Sections) -> Result<BlockRows, RecordError> {
        let times = Times::decode(&sections.times)?;
        let lines = BlockRows::lines(&times, &sections.lines)?;
        BlockRows::new(times, lines, sections.metadata.as_deref())
    }

    #[test]
    fn rows_come_back_and_the_builder_begins_anew() {
        let mut builder = BlockBuilder::default();
        for round in 0..2 {
            let rows: Vec<(i64, String)> = (0..500)
                .map(|i| (i * 1_000_003 - round, format!("ä line {i}")))
                .chain([(i64::MIN, String::new())])
                .collect();
            for (i, (t, line)) in rows.iter().enumerate() {
                let value = i.to_string();
                let pairs = [("k", value.as_str())];
                builder.push(*t, line, if i % 3 == 0 { &pairs } else { &[] });
            }
            assert_eq!(builder.rows(), 501);
            let block = decode(&builder.finish()).unwrap();
            for (i, (t, line)) in rows.iter().enumerate() {
                let mut pairs = Vec::new();
                block.metadata(i, &mut pairs);
                assert_eq!((block.times.times[i], block.line(i)), (*t, line.as_str()));
                assert_eq!(block.times.bytes(i..i + 1), line.len());
                assert_eq!(pairs.first().map(|p| p.1.to_owned()), (i % 3 == 0).then(|| i.to_string()));
            }
            let (from, text) = block.text(7..9);
            assert_eq!((text, block.row_at(from), block.line_end(7) - from), ("ä line 7ä line 8", 7, 9));
        }
        assert_eq!(builder.raw_bytes(), 0);
    }

    #[test]
    fn lengths_that_cut_a_character_or_do_not_fit_the_text_are_damage() {
        let times = |lengths: &[u64]| {
            let mut w = Writer::default();
            w.uint(lengths.len() as u64);
            for _ in lengths {
                w.int(0);
            }
            for length in lengths {
                w.uint(*length);
            }
            record::seal(VERSION, &w.bytes)
        };
        let lines = record::seal(VERSION, "ää".as_bytes());
        let read = |lengths: &[u64]| {
            Times::decode(&times(lengths)).and_then(|t| BlockRows::lines(&t, &lines)).map(|l| l.len())
        };
        assert_eq!(read(&[2, 2]), Ok(4));
        assert_eq!(read(&[1, 3]), Err(RecordError::Utf8));
        assert_eq!(read(&[2, 3]), Err(RecordError::Short));
        assert_eq!(read(&[u64::from(u32::MAX), 5]), Err(RecordError::TooLarge));
    }
}
