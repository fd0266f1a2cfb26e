//! Reading a block.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use console_blockkit::{SegmentId, record::Reader};
use console_model::{Labels, metric::Sample};

use super::{
    BlockCache, BlockError, BlockMeta, END, MAGIC, Mark,
    cache::Part,
    columns::Batch,
    index::{Index, Run},
    io,
};
use crate::matching::Compiled;

const TAIL: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Section {
    offset: u64,
    length: u64,
    crc: u32,
}

/// An open block. Keeps its footer in memory; the rest is read when asked for.
pub struct Block {
    pub sequence: u64,
    pub bytes: u64,
    pub meta: BlockMeta,
    file: File,
    parts: [Section; 3],
    batches: Vec<Section>,
    cache: Arc<BlockCache>,
    damaged: AtomicBool,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("sequence", &self.sequence).field("meta", &self.meta).finish()
    }
}

impl Block {
    /// Opens a block; verifies its footer and its index.
    pub fn open(path: &Path, sequence: u64, cache: Arc<BlockCache>) -> Result<Self, BlockError> {
        let file = File::open(path).map_err(io("open"))?;
        let bytes = file.metadata().map_err(io("open"))?.len();
        let mut magic = [0; MAGIC.len()];
        file.read_exact_at(&mut magic, 0).map_err(io("read"))?;
        let tail_at = bytes.checked_sub(TAIL as u64).ok_or(BlockError::Damaged("file is too short"))?;
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, tail_at).map_err(io("read"))?;
        if magic != MAGIC || tail[8..] != END {
            return Err(BlockError::Damaged("not a block of this version"));
        }
        let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        let crc = u32::from_le_bytes([tail[4], tail[5], tail[6], tail[7]]);
        let offset = tail_at.checked_sub(length).ok_or(BlockError::Damaged("footer is too long"))?;
        let footer = read_section(&file, bytes, Section { offset, length, crc })?;
        let (meta, parts, batches) = read_footer(&footer)?;
        let damaged = AtomicBool::new(false);
        let block = Self { sequence, bytes, meta, file, parts, batches, cache, damaged };
        // Not kept: most blocks are not read soon.
        block.load_index()?;
        Ok(block)
    }

    pub fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        !self.is_damaged() && self.meta.first_t <= end_ms && self.meta.last_t >= start_ms
    }

    /// Whether reading it met damage; it is to be set aside.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Remembers damage: logs it, and answers whether the rest may go on without this block.
    pub fn note(&self, error: &BlockError) -> bool {
        if error.is_damage() && !self.damaged.swap(true, Ordering::Relaxed) {
            tracing::error!(block = self.sequence, %error, "block of metrics is damaged and not read any more");
        }
        error.is_damage()
    }

    fn load_index(&self) -> Result<Index, BlockError> {
        let [strings, series, postings] = self.parts.map(|s| read_section(&self.file, self.bytes, s));
        Index::decode(&strings?, &series?, &postings?)
    }

    pub(super) fn index(&self) -> Result<Arc<Index>, BlockError> {
        let key = (self.sequence, None);
        if let Some(Part::Index(index)) = self.cache.find(key) {
            return Ok(index);
        }
        let index = Arc::new(self.load_index()?);
        self.cache.put(key, Part::Index(Arc::clone(&index)));
        Ok(index)
    }

    fn batch(&self, number: u32) -> Result<Arc<Batch>, BlockError> {
        let key = (self.sequence, Some(number));
        if let Some(Part::Batch(batch)) = self.cache.find(key) {
            return Ok(batch);
        }
        let section = self.batches.get(number as usize).ok_or(BlockError::Damaged("unknown batch"))?;
        let batch = Arc::new(Batch::decode(&read_section(&self.file, self.bytes, *section)?)?);
        self.cache.put(key, Part::Batch(Arc::clone(&batch)));
        Ok(batch)
    }

    pub(super) fn read(&self, runs: &[Run], range: (i64, i64)) -> Result<Vec<Sample>, BlockError> {
        let mut out = Vec::new();
        for r in runs.iter().filter(|r| r.first_t <= range.1 && r.last_t >= range.0) {
            self.batch(r.batch)?.read(r.first as usize, r.len as usize, range, &mut out)?;
        }
        Ok(out)
    }

    /// Labels of the series that match and may have samples in the range (both ends inclusive).
    pub(crate) fn labels(&self, matchers: &[Compiled], range: (i64, i64)) -> Result<Vec<Labels>, BlockError> {
        let index = self.index()?;
        let there = |r: &Run| r.first_t <= range.1 && r.last_t >= range.0;
        let places = index.select(matchers).into_iter().filter(|p| index.runs(*p).iter().any(there));
        Ok(places.map(|p| index.labels(p)).collect())
    }

    /// The matching series' samples in the range (both ends inclusive); stops soon after `max_samples`.
    pub(crate) fn select(
        &self,
        matchers: &[Compiled],
        range: (i64, i64),
        max_samples: usize,
    ) -> Result<Vec<(Labels, Vec<Sample>)>, BlockError> {
        let index = self.index()?;
        let (mut out, mut total) = (Vec::new(), 0usize);
        for place in index.select(matchers) {
            let samples = self.read(index.runs(place), range)?;
            total += samples.len();
            if !samples.is_empty() {
                out.push((index.labels(place), samples));
            }
            if total > max_samples {
                break;
            }
        }
        Ok(out)
    }

    /// The samples of one series in the range (both ends inclusive).
    pub(crate) fn samples(&self, labels: &Labels, range: (i64, i64)) -> Result<Vec<Sample>, BlockError> {
        let index = self.index()?;
        index.find(labels).map_or(Ok(Vec::new()), |place| self.read(index.runs(place), range))
    }
}

fn read_section(file: &File, size: u64, section: Section) -> Result<Vec<u8>, BlockError> {
    if section.offset.checked_add(section.length).is_none_or(|end| end > size) {
        return Err(BlockError::Damaged("section outside the file"));
    }
    let mut bytes = vec![0; section.length as usize];
    file.read_exact_at(&mut bytes, section.offset).map_err(io("read"))?;
    if crc32fast::hash(&bytes) != section.crc {
        return Err(BlockError::Damaged("checksum does not match"));
    }
    Ok(bytes)
}

fn read_footer(bytes: &[u8]) -> Result<(BlockMeta, [Section; 3], Vec<Section>), BlockError> {
    let mut r = Reader::new(bytes);
    let (first_t, last_t, samples) = (r.int()?, r.int()?, r.uint()?);
    let mut marks = Vec::new();
    for _ in 0..r.count()? {
        marks.push(Mark { segment: SegmentId(r.uint()?), before_ms: r.int()? });
    }
    let mut replaces = Vec::new();
    for _ in 0..r.count()? {
        replaces.push(r.uint()?);
    }
    let mut section = || -> Result<Section, BlockError> {
        Ok(Section { offset: r.uint()?, length: r.uint()?, crc: u32::from_le_bytes(r.array()?) })
    };
    let parts = [section()?, section()?, section()?];
    let mut batches = Vec::new();
    for _ in 0..r.count()? {
        batches.push(Section { offset: r.uint()?, length: r.uint()?, crc: u32::from_le_bytes(r.array()?) });
    }
    Ok((BlockMeta { first_t, last_t, samples, marks, replaces }, parts, batches))
}
