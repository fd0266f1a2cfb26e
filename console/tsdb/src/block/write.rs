//! Writing a block.

use std::{fs::File, io::Write, path::Path};

use console_blockkit::record::{Writer, seal};
use console_model::metric::{HistogramSample, PointSeries, Sample};

use super::{
    BlockError, BlockProbe, BlockStep, END, MAGIC, Mark,
    columns::{BatchBuilder, SAMPLES_PER_BATCH},
    index::{self, Entry, Run},
    io,
};
use crate::chunk::histogram;

/// Bytes after which a batch of histograms is closed.
const HISTOGRAM_BATCH_BYTES: usize = 256 << 10;
/// Histograms of one run.
const HISTOGRAMS_PER_RUN: usize = 120;
/// The version of a batch of histograms.
pub(super) const HISTOGRAM_BATCH: u8 = 1;

/// What a block says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMeta {
    pub first_t: i64,
    pub last_t: i64,
    /// Floats and native histograms.
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

/// Stretches of time that a block has batches of its own for: a query of the last minutes decompresses few of them.
const STRETCHES: usize = 4;
/// A series with fewer samples in a stretch has them in a longer one: each run costs some bytes.
const SAMPLES_PER_RUN: usize = 100;

/// A batch being filled. Its number is given when it is opened: stretches close theirs in any order.
struct Open {
    number: usize,
    batch: BatchBuilder,
}

/// The samples of a block on their way into batches.
struct Floats {
    /// First and last time.
    span: (i64, i64),
    open: [Option<Open>; STRETCHES],
    batches: Vec<Section>,
}

impl Floats {
    fn new(span: (i64, i64)) -> Self {
        Self { span, open: Default::default(), batches: Vec::new() }
    }

    fn put(&mut self, samples: &[Sample], out: &mut Out<'_>) -> Result<Vec<Run>, BlockError> {
        let parts = match samples.len() / SAMPLES_PER_RUN {
            0 | 1 => 1,
            2 | 3 => 2,
            _ => STRETCHES,
        };
        let mut runs = Vec::new();
        let mut rest = samples;
        for stretch in (STRETCHES / parts - 1..STRETCHES).step_by(STRETCHES / parts) {
            let is_last = stretch == STRETCHES - 1;
            let end =
                if is_last { rest.len() } else { rest.partition_point(|s| s.t_ms < self.end_of(stretch)) };
            let (part, later) = rest.split_at(end);
            rest = later;
            for part in part.chunks(SAMPLES_PER_BATCH) {
                runs.push(self.put_run(stretch, part, out)?);
            }
        }
        Ok(runs)
    }

    /// The first time behind a stretch.
    fn end_of(&self, stretch: usize) -> i64 {
        let length = self.span.1.saturating_sub(self.span.0) / STRETCHES as i64;
        self.span.0.saturating_add((length + 1).saturating_mul(stretch as i64 + 1))
    }

    /// `samples` are some, and no more than fit into a batch.
    fn put_run(&mut self, stretch: usize, samples: &[Sample], out: &mut Out<'_>) -> Result<Run, BlockError> {
        if self.open[stretch].as_ref().is_some_and(|o| o.batch.len() + samples.len() > SAMPLES_PER_BATCH) {
            self.close(stretch, out)?;
        }
        let batches = &mut self.batches;
        let open = self.open[stretch].get_or_insert_with(|| {
            batches.push(Section::default());
            Open { number: batches.len() - 1, batch: BatchBuilder::default() }
        });
        let first = open.batch.len() as u32;
        open.batch.push(samples);
        let (first_t, last_t) = (samples[0].t_ms, samples[samples.len() - 1].t_ms);
        Ok(Run { batch: open.number as u32, first, len: samples.len() as u32, first_t, last_t })
    }

    fn close(&mut self, stretch: usize, out: &mut Out<'_>) -> Result<(), BlockError> {
        if let Some(open) = self.open[stretch].take() {
            self.batches[open.number] = out.put(&open.batch.encode()?)?;
        }
        Ok(())
    }

    fn close_all(&mut self, out: &mut Out<'_>) -> Result<(), BlockError> {
        (0..STRETCHES).try_for_each(|stretch| self.close(stretch, out))
    }
}

/// The native histograms of a block on their way into batches.
#[derive(Default)]
struct Histograms {
    batch: Vec<u8>,
    batches: Vec<Section>,
}

impl Histograms {
    fn put(&mut self, histograms: &[HistogramSample], out: &mut Out<'_>) -> Result<Vec<Run>, BlockError> {
        let mut runs = Vec::new();
        for part in histograms.chunks(HISTOGRAMS_PER_RUN) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let bytes = histogram::encode(part);
            if !self.batch.is_empty() && self.batch.len() + bytes.len() > HISTOGRAM_BATCH_BYTES {
                self.close(out)?;
            }
            runs.push(Run {
                batch: self.batches.len() as u32,
                first: self.batch.len() as u32,
                len: bytes.len() as u32,
                first_t: first.t_ms,
                last_t: last.t_ms,
            });
            self.batch.extend_from_slice(&bytes);
        }
        Ok(runs)
    }

    fn close(&mut self, out: &mut Out<'_>) -> Result<(), BlockError> {
        if !self.batch.is_empty() {
            self.batches.push(out.put(&seal(HISTOGRAM_BATCH, &std::mem::take(&mut self.batch)))?);
        }
        Ok(())
    }
}

/// Writes a block under `path` and syncs it; the series come sorted by labels, their points by time, which is in `span`
/// (both ends inclusive). Answers what was written; a block without points is of no use.
pub fn write_block(
    path: &Path,
    span: (i64, i64),
    series: impl Iterator<Item = Result<PointSeries, BlockError>>,
    marks: Vec<Mark>,
    replaces: Vec<u64>,
    probe: &dyn BlockProbe,
) -> Result<BlockMeta, BlockError> {
    probe.before(BlockStep::Create).map_err(io("create"))?;
    let file = File::create(path).map_err(io("create"))?;
    let mut out = Out { file, at: 0, probe };
    out.put(&MAGIC)?;
    let mut meta = BlockMeta { first_t: i64::MAX, last_t: i64::MIN, samples: 0, marks, replaces };
    let (mut floats, mut histograms, mut table) = (Floats::new(span), Histograms::default(), Vec::new());
    for one in series {
        let series = one?;
        let entry = Entry {
            runs: floats.put(&series.samples, &mut out)?,
            histograms: histograms.put(&series.histograms, &mut out)?,
            labels: series.labels,
        };
        meta.samples += (series.samples.len() + series.histograms.len()) as u64;
        for run in entry.runs.iter().chain(&entry.histograms) {
            meta.first_t = meta.first_t.min(run.first_t);
            meta.last_t = meta.last_t.max(run.last_t);
        }
        if !entry.runs.is_empty() || !entry.histograms.is_empty() {
            table.push(entry);
        }
    }
    floats.close_all(&mut out)?;
    histograms.close(&mut out)?;
    let index = index::encode(&table);
    let parts = [out.put(&index.strings)?, out.put(&index.series)?, out.put(&index.postings)?];
    let native = index.histograms.map(|bytes| out.put(&bytes)).transpose()?;
    let native = native.map(|part| (part, histograms.batches.as_slice()));
    let footer = footer(&meta, parts, &floats.batches, native);
    out.put(&footer)?;
    let mut tail = Vec::from((footer.len() as u32).to_le_bytes());
    tail.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
    tail.extend_from_slice(&END);
    out.put(&tail)?;
    probe.before(BlockStep::SyncFile).map_err(io("sync"))?;
    out.file.sync_all().map_err(io("sync"))?;
    Ok(meta)
}

fn footer(
    meta: &BlockMeta,
    parts: [Section; 3],
    batches: &[Section],
    native: Option<(Section, &[Section])>,
) -> Vec<u8> {
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
    if let Some((part, batches)) = native {
        put_section(&mut w, part);
        w.uint(batches.len() as u64);
        for s in batches {
            put_section(&mut w, *s);
        }
    }
    w.bytes
}
