//! Which streams a part has, and where their rows lie.

use console_blockkit::{
    part::{PartError, Section},
    record::{self, Reader, RecordError, Table, TableBuilder, Writer},
};
use console_model::Labels;

use crate::block::{MAX_ROWS, MAX_SECTION};

const VERSION: u8 = 1;
/// An index never inflates past this.
const MAX_INDEX: usize = 512 << 20;

/// Where a block lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockInfo {
    pub times: Section,
    pub lines: Section,
    /// Of length 0 where no row has any.
    pub metadata: Section,
    pub bloom: Section,
    pub rows: u32,
    /// Bytes of lines and metadata.
    pub raw_bytes: u64,
}

/// Rows of one stream side by side in a block, in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub block: u32,
    pub first_row: u32,
    pub rows: u32,
    pub first_ns: i64,
    pub last_ns: i64,
    /// Bytes of lines.
    pub bytes: u64,
}

impl Run {
    /// Whether rows may lie in `start_ns <= t < end_ns`.
    pub fn overlaps(&self, start_ns: i64, end_ns: i64) -> bool {
        self.first_ns < end_ns && self.last_ns >= start_ns
    }
}

/// A part's index, decoded.
#[derive(Debug, Default)]
pub struct Index {
    pub blocks: Vec<BlockInfo>,
    /// Sorted by labels; the runs of each in order of time, and no row twice.
    pub streams: Vec<(Labels, Vec<Run>)>,
}

impl Index {
    pub fn encode(&self) -> Vec<u8> {
        let (mut table, mut out) = (TableBuilder::default(), Writer::default());
        out.uint(self.blocks.len() as u64);
        for block in &self.blocks {
            for section in [block.times, block.lines, block.metadata, block.bloom] {
                section.put(&mut out);
            }
            out.uint(u64::from(block.rows));
            out.uint(block.raw_bytes);
        }
        out.uint(self.streams.len() as u64);
        for (labels, runs) in &self.streams {
            out.uint(labels.len() as u64);
            for label in labels.iter() {
                out.uint(table.id(&label.name));
                out.uint(table.id(&label.value));
            }
            out.uint(runs.len() as u64);
            for run in runs {
                out.uint(u64::from(run.block));
                out.uint(u64::from(run.first_row));
                out.uint(u64::from(run.rows));
                out.int(run.first_ns);
                out.uint(run.last_ns.wrapping_sub(run.first_ns) as u64);
                out.uint(run.bytes);
            }
        }
        record::seal(VERSION, &table.finish(&out.bytes))
    }

    pub fn decode(section: &[u8]) -> Result<Self, PartError> {
        let (version, payload) = record::open_borrowed(section, MAX_INDEX)?;
        if version != VERSION {
            return Err(RecordError::Version(version).into());
        }
        let mut r = Reader::new(&payload);
        let table = Table::read(&mut r)?;
        let n = r.count()?;
        let blocks = (0..n).map(|_| block(&mut r)).collect::<Result<Vec<_>, _>>()?;
        let n = r.count()?;
        let mut streams: Vec<(Labels, Vec<Run>)> = Vec::new();
        for _ in 0..n {
            let n = r.count()?;
            let pair = |r: &mut Reader<'_>| Ok::<_, RecordError>((table.text(r)?, table.text(r)?));
            let pairs = (0..n).map(|_| pair(&mut r)).collect::<Result<Vec<_>, _>>()?;
            let labels = Labels::from_pairs(pairs);
            if streams.last().is_some_and(|(before, _)| *before >= labels) {
                return Err(PartError::Damaged("streams are not in order"));
            }
            let n = r.count()?;
            let runs = (0..n).map(|_| run(&mut r, &blocks)).collect::<Result<Vec<_>, _>>()?;
            streams.push((labels, runs));
        }
        Ok(Self { blocks, streams })
    }

    pub fn memory_bytes(&self) -> usize {
        let stream = |(labels, runs): &(Labels, Vec<Run>)| {
            let text: usize = labels.iter().map(|l| 64 + l.name.len() + l.value.len()).sum();
            72 + text + runs.len() * size_of::<Run>()
        };
        self.blocks.len() * size_of::<BlockInfo>() + self.streams.iter().map(stream).sum::<usize>()
    }
}

fn small(v: u64) -> Result<u32, RecordError> {
    u32::try_from(v).map_err(|_| RecordError::TooLarge)
}

fn block(r: &mut Reader<'_>) -> Result<BlockInfo, PartError> {
    let mut section = || Section::take(r);
    let (times, lines, metadata, bloom) = (section()?, section()?, section()?, section()?);
    let rows = small(r.uint()?)?;
    if rows as usize > MAX_ROWS {
        return Err(PartError::Damaged("block has too many rows"));
    }
    let raw_bytes = r.uint()?;
    if raw_bytes > 2 * MAX_SECTION as u64 {
        return Err(PartError::Damaged("block is too large"));
    }
    Ok(BlockInfo { times, lines, metadata, bloom, rows, raw_bytes })
}

fn run(r: &mut Reader<'_>, blocks: &[BlockInfo]) -> Result<Run, PartError> {
    let (block, first_row, rows) = (small(r.uint()?)?, small(r.uint()?)?, small(r.uint()?)?);
    let (first_ns, length, bytes) = (r.int()?, r.uint()?, r.uint()?);
    let last_ns = first_ns.checked_add_unsigned(length).ok_or(PartError::Damaged("time is out of range"))?;
    let fits =
        |b: &BlockInfo| first_row.checked_add(rows).is_some_and(|end| end <= b.rows) && bytes <= b.raw_bytes;
    if rows == 0 || !blocks.get(block as usize).is_some_and(fits) {
        return Err(PartError::Damaged("reference outside the block"));
    }
    Ok(Run { block, first_row, rows, first_ns, last_ns, bytes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index() -> Index {
        let section = Section { offset: 8, length: 9, crc: 10 };
        let block =
            BlockInfo { times: section, lines: section, rows: 7, raw_bytes: 99, ..BlockInfo::default() };
        let run = |first_ns, last_ns| Run { block: 0, first_row: 2, rows: 5, first_ns, last_ns, bytes: 3 };
        let a = Labels::from_pairs([("app", "a"), ("level", "info")]);
        let b = Labels::from_pairs([("app", "b"), ("level", "info")]);
        Index {
            blocks: vec![block],
            streams: vec![(a, vec![run(i64::MIN, i64::MAX), run(3, 4)]), (b, vec![])],
        }
    }

    #[test]
    fn an_index_comes_back() {
        let index = index();
        let back = Index::decode(&index.encode()).unwrap();
        assert_eq!((&back.blocks, &back.streams), (&index.blocks, &index.streams));
    }

    #[test]
    fn a_run_outside_its_block_and_streams_out_of_order_are_damage() {
        let mut bad = index();
        bad.streams[0].1[0].rows = 6;
        assert!(Index::decode(&bad.encode()).is_err_and(|e| e.is_damage()));
        let mut bad = index();
        bad.streams.reverse();
        assert!(Index::decode(&bad.encode()).is_err_and(|e| e.is_damage()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Index::decode(&record::seal_as_is(VERSION, &bytes));
        }
    }
}
