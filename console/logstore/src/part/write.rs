//! Writing a part of lines.

use console_blockkit::{
    part::{Filled, Mark, PartError, PartMeta, PartWriter},
    record::Writer,
};
use console_model::Labels;

use super::{BlockInfo, Index, LogPart, Run};
use crate::{
    block::{BlockBuilder, MAX_ROWS},
    bloom::BloomBuilder,
};

/// Bytes of lines and metadata after which a block is closed.
const BLOCK_BYTES: usize = 1 << 20;
/// A block of so much is closed at the end of its stream; a smaller one takes rows of the next stream too.
const SHARED_BYTES: usize = 256 << 10;
/// A block is copied as it is when it has at least so much, all of one stream.
const COPIED_BYTES: u64 = BLOCK_BYTES as u64 / 2;

/// Takes streams sorted by labels, their rows by time and none twice.
pub struct PartBuilder<'w, 'p> {
    out: &'w mut PartWriter<'p>,
    block: BlockBuilder,
    bloom: BloomBuilder,
    index: Index,
    /// Number of the block that `block` becomes.
    number: Option<u32>,
    run: Option<Run>,
    rows: u64,
    span: (i64, i64),
}

impl<'w, 'p> PartBuilder<'w, 'p> {
    pub fn new(out: &'w mut PartWriter<'p>) -> Self {
        Self {
            out,
            block: BlockBuilder::default(),
            bloom: BloomBuilder::default(),
            index: Index::default(),
            number: None,
            run: None,
            rows: 0,
            span: (i64::MAX, i64::MIN),
        }
    }

    /// Begins a stream, and ends the one before.
    pub fn stream(&mut self, labels: &Labels) -> Result<(), PartError> {
        self.end_run();
        if self.block.raw_bytes() >= SHARED_BYTES {
            self.close_block()?;
        }
        // A stream without rows is none.
        self.index.streams.pop_if(|(_, runs)| runs.is_empty());
        self.index.streams.push((labels.clone(), Vec::new()));
        Ok(())
    }

    /// The next row of the stream.
    pub fn push(&mut self, t_ns: i64, line: &str, metadata: &[(&str, &str)]) -> Result<(), PartError> {
        if self.block.raw_bytes() >= BLOCK_BYTES || self.block.rows() as usize >= MAX_ROWS {
            self.end_run();
            self.close_block()?;
        }
        let number = match self.number {
            Some(number) => number,
            None => {
                let number = self.index.blocks.len() as u32;
                self.index.blocks.push(BlockInfo::default());
                *self.number.insert(number)
            }
        };
        let run = self.run.get_or_insert(Run {
            block: number,
            first_row: self.block.rows(),
            rows: 0,
            first_ns: t_ns,
            last_ns: t_ns,
            bytes: 0,
        });
        run.rows += 1;
        run.last_ns = t_ns;
        run.bytes += line.len() as u64;
        self.block.push(t_ns, line, metadata);
        self.bloom.line(line.as_bytes());
        Ok(())
    }

    /// Whether a run is a block of its own that is worth copying as it is.
    pub fn copies(block: &BlockInfo, run: &Run) -> bool {
        run.rows == block.rows && block.raw_bytes >= COPIED_BYTES
    }

    /// The next rows of the stream, for which [`PartBuilder::copies`] holds.
    pub fn copy(&mut self, from: &LogPart, block: &BlockInfo, run: &Run) -> Result<(), PartError> {
        self.end_run();
        let mut section = |section| from.section(section).and_then(|bytes| self.out.section(&bytes));
        let mut copied = BlockInfo { times: section(block.times)?, lines: section(block.lines)?, ..*block };
        if block.metadata.length > 0 {
            copied.metadata = section(block.metadata)?;
        }
        copied.bloom = section(block.bloom)?;
        let run = Run { block: self.index.blocks.len() as u32, ..*run };
        self.index.blocks.push(copied);
        self.add(run);
        Ok(())
    }

    fn add(&mut self, run: Run) {
        self.rows += u64::from(run.rows);
        self.span = (self.span.0.min(run.first_ns), self.span.1.max(run.last_ns));
        if let Some((_, runs)) = self.index.streams.last_mut() {
            runs.push(run);
        }
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            self.add(run);
        }
    }

    fn close_block(&mut self) -> Result<(), PartError> {
        let Some(number) = self.number.take() else { return Ok(()) };
        let (rows, raw_bytes) = (self.block.rows(), self.block.raw_bytes() as u64);
        let sections = self.block.finish();
        let mut info = BlockInfo {
            times: self.out.section(&sections.times)?,
            lines: self.out.section(&sections.lines)?,
            rows,
            raw_bytes,
            ..BlockInfo::default()
        };
        if let Some(metadata) = sections.metadata {
            info.metadata = self.out.section(&metadata)?;
        }
        info.bloom = self.out.section(&self.bloom.finish())?;
        self.index.blocks[number as usize] = info;
        Ok(())
    }

    /// Writes what is left and the index; nothing when there was no row. `age` is 0 for a part that replaces no other.
    pub fn finish(
        mut self,
        marks: Vec<Mark>,
        replaces: Vec<u64>,
        age: u64,
    ) -> Result<Option<Filled>, PartError> {
        self.end_run();
        self.close_block()?;
        if self.rows == 0 {
            return Ok(None);
        }
        self.index.streams.pop_if(|(_, runs)| runs.is_empty());
        let mut footer = Writer::default();
        footer.uint(age);
        self.out.section(&self.index.encode())?.put(&mut footer);
        let (first_t_ns, last_t_ns) = self.span;
        let meta = PartMeta { first_t_ns, last_t_ns, rows: self.rows, marks, replaces };
        Ok(Some(Filled { meta, footer: footer.bytes }))
    }
}
