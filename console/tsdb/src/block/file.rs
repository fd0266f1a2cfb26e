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

use console_blockkit::{
    SegmentId,
    record::{self, Reader},
};
use console_model::{
    Labels,
    metric::{HistogramSample, PointSeries},
};

use super::{
    BlockCache, BlockError, BlockMeta, END, MAGIC, Mark,
    cache::{Part, Place},
    columns::Batch,
    index::{Index, Run},
    io,
    write::HISTOGRAM_BATCH,
};
use crate::{chunk::histogram, matching::Compiled};

const TAIL: usize = 16;
/// A batch of histograms is refused above this.
const MAX_HISTOGRAM_BATCH: usize = 16 << 20;

#[derive(Clone, Copy, Debug)]
struct Section {
    offset: u64,
    length: u64,
    crc: u32,
}

/// Where a block's parts lie.
#[derive(Debug)]
struct Sections {
    /// Strings, series, postings.
    index: [Section; 3],
    batches: Vec<Section>,
    /// Which series have native histograms and where; none in most blocks.
    histograms: Option<Section>,
    histogram_batches: Vec<Section>,
}

/// An open block. Keeps its footer in memory; the rest is read when asked for.
pub struct Block {
    pub sequence: u64,
    pub bytes: u64,
    pub meta: BlockMeta,
    file: File,
    sections: Sections,
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
        let (meta, sections) = read_footer(&footer)?;
        let damaged = AtomicBool::new(false);
        let block = Self { sequence, bytes, meta, file, sections, cache, damaged };
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

    pub(super) fn load_index(&self) -> Result<Index, BlockError> {
        let read = |section| read_section(&self.file, self.bytes, section);
        let [strings, series, postings] = self.sections.index.map(read);
        let histograms = self.sections.histograms.map(read).transpose()?;
        Index::decode(&strings?, &series?, &postings?, histograms.as_deref())
    }

    fn index(&self) -> Result<Arc<Index>, BlockError> {
        let key = (self.sequence, Place::Index);
        if let Some(Part::Index(index)) = self.cache.find(key) {
            return Ok(index);
        }
        let index = Arc::new(self.load_index()?);
        self.cache.put(key, Part::Index(Arc::clone(&index)));
        Ok(index)
    }

    fn section(&self, among: &[Section], number: u32) -> Result<Vec<u8>, BlockError> {
        let section = among.get(number as usize).ok_or(BlockError::Damaged("unknown batch"))?;
        read_section(&self.file, self.bytes, *section)
    }

    fn batch(&self, cache: &BlockCache, number: u32) -> Result<Arc<Batch>, BlockError> {
        let key = (self.sequence, Place::Batch(number));
        if let Some(Part::Batch(batch)) = cache.find(key) {
            return Ok(batch);
        }
        let batch = Arc::new(Batch::decode(&self.section(&self.sections.batches, number)?)?);
        cache.put(key, Part::Batch(Arc::clone(&batch)));
        Ok(batch)
    }

    fn histogram_batch(&self, cache: &BlockCache, number: u32) -> Result<Arc<[u8]>, BlockError> {
        let key = (self.sequence, Place::Histograms(number));
        if let Some(Part::Histograms(bytes)) = cache.find(key) {
            return Ok(bytes);
        }
        let sealed = self.section(&self.sections.histogram_batches, number)?;
        let (version, bytes) = record::open(&sealed, MAX_HISTOGRAM_BATCH)?;
        if version != HISTOGRAM_BATCH {
            return Err(BlockError::Damaged("batch of histograms is not of this version"));
        }
        let bytes: Arc<[u8]> = bytes.into();
        cache.put(key, Part::Histograms(Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// Appends the points of a series in the range (both ends inclusive).
    pub(crate) fn read(
        &self,
        index: &Index,
        place: u32,
        range: (i64, i64),
        out: &mut PointSeries,
    ) -> Result<(), BlockError> {
        self.read_with(&self.cache, index, place, range, out)
    }

    /// As [`Block::read`], with decoded parts kept elsewhere.
    pub(super) fn read_with(
        &self,
        cache: &BlockCache,
        index: &Index,
        place: u32,
        range: (i64, i64),
        out: &mut PointSeries,
    ) -> Result<(), BlockError> {
        let there = |r: &&Run| r.first_t <= range.1 && r.last_t >= range.0;
        for r in index.runs(place).iter().filter(there) {
            self.batch(cache, r.batch)?.read(r.first as usize, r.len as usize, range, &mut out.samples)?;
        }
        for r in index.histogram_runs(place).iter().filter(there) {
            let batch = self.histogram_batch(cache, r.batch)?;
            let (first, len) = (r.first as usize, r.len as usize);
            let bytes = first.checked_add(len).and_then(|end| batch.get(first..end));
            let bytes = bytes.ok_or(BlockError::Damaged("reference outside the batch"))?;
            let inside = |h: &HistogramSample| h.t_ms >= range.0 && h.t_ms <= range.1;
            out.histograms.extend(histogram::decode(bytes)?.into_iter().filter(inside));
        }
        Ok(())
    }

    /// Labels of the series that match and may have points in the range (both ends inclusive).
    pub(crate) fn labels(&self, matchers: &[Compiled], range: (i64, i64)) -> Result<Vec<Labels>, BlockError> {
        let index = self.index()?;
        let has = |p: &u32| self.has_points(&index, *p, range);
        Ok(index.select(matchers).into_iter().filter(has).map(|p| index.labels(p)).collect())
    }

    /// Names of labels of series that may have points in the range (both ends inclusive).
    pub(crate) fn label_names(&self, range: (i64, i64)) -> Result<Vec<String>, BlockError> {
        let index = self.index()?;
        let names = index.label_names(|p| self.has_points(&index, p, range));
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Values of a label of series that may have points in the range (both ends inclusive).
    pub(crate) fn label_values(&self, name: &str, range: (i64, i64)) -> Result<Vec<String>, BlockError> {
        let index = self.index()?;
        let values = index.label_values(name, |p| self.has_points(&index, p, range));
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    fn has_points(&self, index: &Index, place: u32, range: (i64, i64)) -> bool {
        let there = |r: &Run| r.first_t <= range.1 && r.last_t >= range.0;
        (range.0 <= self.meta.first_t && self.meta.last_t <= range.1)
            || index.runs(place).iter().chain(index.histogram_runs(place)).any(there)
    }

    /// The index, and the places of the series that match and may have points in the range (both ends inclusive).
    pub(crate) fn select(
        &self,
        matchers: &[Compiled],
        range: (i64, i64),
    ) -> Result<(Arc<Index>, Vec<u32>), BlockError> {
        let index = self.index()?;
        let mut places = index.select(matchers);
        places.retain(|place| self.has_points(&index, *place, range));
        Ok((index, places))
    }

    /// The points of one series in the range (both ends inclusive).
    pub(crate) fn points(&self, labels: &Labels, range: (i64, i64)) -> Result<PointSeries, BlockError> {
        let index = self.index()?;
        let mut out = PointSeries { labels: labels.clone(), samples: Vec::new(), histograms: Vec::new() };
        if let Some(place) = index.find(labels) {
            self.read(&index, place, range, &mut out)?;
        }
        Ok(out)
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

fn read_footer(bytes: &[u8]) -> Result<(BlockMeta, Sections), BlockError> {
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
    let index = [section(&mut r)?, section(&mut r)?, section(&mut r)?];
    let batches = sections(&mut r)?;
    let (mut histograms, mut histogram_batches) = (None, Vec::new());
    if !r.is_empty() {
        histograms = Some(section(&mut r)?);
        histogram_batches = sections(&mut r)?;
    }
    let meta = BlockMeta { first_t, last_t, samples, marks, replaces };
    Ok((meta, Sections { index, batches, histograms, histogram_batches }))
}

fn section(r: &mut Reader<'_>) -> Result<Section, BlockError> {
    Ok(Section { offset: r.uint()?, length: r.uint()?, crc: u32::from_le_bytes(r.array()?) })
}

fn sections(r: &mut Reader<'_>) -> Result<Vec<Section>, BlockError> {
    let n = r.count()?;
    (0..n).map(|_| section(r)).collect()
}
