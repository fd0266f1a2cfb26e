//! Writing a block.

use std::{fs::File, io::Write, path::Path};

use console_blockkit::record::Writer;
use console_model::{Labels, metric::Sample};

use super::{
    BlockError, BlockProbe, BlockStep, END, MAGIC, Mark,
    columns::{BatchBuilder, SAMPLES_PER_BATCH},
    index::{self, Run},
    io,
};

/// What a block says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMeta {
    pub first_t: i64,
    pub last_t: i64,
    pub samples: u64,
    pub marks: Vec<Mark>,
    /// Sequences of the blocks that this one replaces.
    pub replaces: Vec<u64>,
}

struct Out<'a> {
    file: File,
    at: u64,
    probe: &'a dyn BlockProbe,
}

/// Offset, length and checksum.
type Section = (u64, u64, u32);

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<Section, BlockError> {
        self.probe.before(BlockStep::Write).map_err(io("write"))?;
        self.file.write_all(bytes).map_err(io("write"))?;
        let section = (self.at, bytes.len() as u64, crc32fast::hash(bytes));
        self.at += bytes.len() as u64;
        Ok(section)
    }
}

fn put_section(w: &mut Writer, (offset, length, crc): Section) {
    w.uint(offset);
    w.uint(length);
    w.raw(&crc.to_le_bytes());
}

/// Writes a block under `path` and syncs it; the series come sorted by labels, their samples by time. Answers what was
/// written; a block without samples is of no use.
pub fn write_block(
    path: &Path,
    series: impl Iterator<Item = Result<(Labels, Vec<Sample>), BlockError>>,
    marks: Vec<Mark>,
    replaces: Vec<u64>,
    probe: &dyn BlockProbe,
) -> Result<BlockMeta, BlockError> {
    probe.before(BlockStep::Create).map_err(io("create"))?;
    let file = File::create(path).map_err(io("create"))?;
    let mut out = Out { file, at: 0, probe };
    out.put(&MAGIC)?;
    let mut meta = BlockMeta { first_t: i64::MAX, last_t: i64::MIN, samples: 0, marks, replaces };
    let (mut batch, mut batches, mut table) = (BatchBuilder::default(), Vec::new(), Vec::new());
    for one in series {
        let (labels, samples) = one?;
        let mut runs = Vec::new();
        let mut rest = samples.as_slice();
        while let (Some(first), Some(_)) = (rest.first(), rest.last()) {
            let (part, tail) = rest.split_at(rest.len().min(SAMPLES_PER_BATCH));
            let last_t = part.last().map_or(first.t_ms, |s| s.t_ms);
            if batch.len() > 0 && batch.len() + part.len() > SAMPLES_PER_BATCH {
                batches.push(out.put(&std::mem::take(&mut batch).encode()?)?);
            }
            runs.push(Run {
                batch: batches.len() as u32,
                first: batch.len() as u32,
                len: part.len() as u32,
                first_t: first.t_ms,
                last_t,
            });
            batch.push(part);
            meta.first_t = meta.first_t.min(first.t_ms);
            meta.last_t = meta.last_t.max(last_t);
            meta.samples += part.len() as u64;
            rest = tail;
        }
        if !runs.is_empty() {
            table.push((labels, runs));
        }
    }
    if batch.len() > 0 {
        batches.push(out.put(&batch.encode()?)?);
    }
    let index = index::encode(&table);
    let parts = [out.put(&index.strings)?, out.put(&index.series)?, out.put(&index.postings)?];
    let footer = footer(&meta, parts, &batches);
    out.put(&footer)?;
    let mut tail = Vec::from((footer.len() as u32).to_le_bytes());
    tail.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
    tail.extend_from_slice(&END);
    out.put(&tail)?;
    probe.before(BlockStep::SyncFile).map_err(io("sync"))?;
    out.file.sync_all().map_err(io("sync"))?;
    Ok(meta)
}

fn footer(meta: &BlockMeta, parts: [Section; 3], batches: &[Section]) -> Vec<u8> {
    let mut w = Writer::default();
    w.int(meta.first_t);
    w.int(meta.last_t);
    w.uint(meta.samples);
    w.uint(meta.marks.len() as u64);
    for m in &meta.marks {
        w.uint(m.segment.0);
        w.int(m.before_ms);
    }
    w.uint(meta.replaces.len() as u64);
    meta.replaces.iter().for_each(|s| w.uint(*s));
    for s in parts {
        put_section(&mut w, s);
    }
    w.uint(batches.len() as u64);
    for s in batches {
        put_section(&mut w, *s);
    }
    w.bytes
}
