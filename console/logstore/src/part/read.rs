//! Reading a part of lines.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use console_blockkit::{
    MemoryBudget,
    part::{Part, PartCache, PartError, Section},
    record::Reader,
};
use parking_lot::Mutex;

use super::index::{BlockInfo, Index};
use crate::{
    block::{BlockRows, Times},
    bloom::Needle,
};

/// Decoded pieces of parts that are likely asked for again.
pub struct Caches {
    pub indexes: PartCache<(), Arc<Index>>,
    /// Blocks that several streams share.
    blocks: PartCache<u32, Arc<BlockRows>>,
    /// Those that somebody reads, whether or not the cache still has them: nobody decodes a copy of his own.
    live: Mutex<HashMap<(u64, u32), Weak<BlockRows>>>,
}

/// Blocks that are not read any more are forgotten when so many are known.
const MOST_LIVE: usize = 1024;

impl Caches {
    pub fn new(index_bytes: usize, block_bytes: usize) -> Self {
        Self {
            indexes: PartCache::new(index_bytes),
            blocks: PartCache::new(block_bytes),
            live: Mutex::default(),
        }
    }

    /// As [`Caches::new`], counted in a budget too.
    pub fn of_budget(index_bytes: usize, block_bytes: usize, budget: &Arc<MemoryBudget>) -> Self {
        Self {
            indexes: PartCache::of_budget(index_bytes, budget),
            blocks: PartCache::of_budget(block_bytes, budget),
            live: Mutex::default(),
        }
    }

    /// A block that several streams share, where it is decoded already.
    pub fn block(&self, sequence: u64, block: u32) -> Option<Arc<BlockRows>> {
        let read = || self.live.lock().get(&(sequence, block)).and_then(Weak::upgrade);
        self.blocks.find(sequence, block).or_else(read)
    }

    pub fn keep(&self, sequence: u64, block: u32, rows: &Arc<BlockRows>) {
        self.blocks.put(sequence, block, Arc::clone(rows), rows.memory_bytes());
        let mut live = self.live.lock();
        if live.len() >= MOST_LIVE {
            live.retain(|_, rows| rows.strong_count() > 0);
        }
        live.insert((sequence, block), Arc::downgrade(rows));
    }

    pub fn forget(&self, sequence: u64) {
        self.indexes.forget(sequence);
        self.blocks.forget(sequence);
    }

    pub fn memory_bytes(&self) -> usize {
        self.indexes.memory_bytes() + self.blocks.memory_bytes()
    }
}

/// An open part of lines. What reading it finds damaged is remembered: the part is not read any more.
#[derive(Debug)]
pub struct LogPart {
    pub part: Arc<Part>,
    /// Grows with the time at which the oldest rows of the part were written: lines of one time come in this order.
    pub age: u64,
    /// Bytes of lines and metadata.
    pub raw_bytes: u64,
    index: Section,
    /// Of each block, whether its filter was read whole and found undamaged.
    filters: Box<[AtomicBool]>,
    /// Hashes of the streams' labels in this process.
    pub streams: Vec<u64>,
}

impl LogPart {
    /// Reads what the store's footer says; verifies the index.
    pub fn load(part: Arc<Part>, footer: &[u8]) -> Result<Self, PartError> {
        let mut r = Reader::new(footer);
        let (age, index) = (r.uint()?, Section::take(&mut r)?);
        let age = if age == 0 { part.sequence } else { age };
        // Not kept: most parts are not read soon.
        let decoded = Index::decode(&part.read(index)?)?;
        let runs = decoded.streams.iter().flat_map(|(_, runs)| runs);
        if runs.map(|r| u64::from(r.rows)).sum::<u64>() != part.meta.rows {
            return Err(PartError::Damaged("index has other rows than the footer says"));
        }
        let raw_bytes = decoded.blocks.iter().map(|b| b.raw_bytes).sum();
        let streams = decoded.streams.iter().map(|(labels, _)| labels.hash_value()).collect();
        let filters = decoded.blocks.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { part, age, raw_bytes, index, filters, streams })
    }

    fn noted<T>(&self, read: Result<T, PartError>) -> Result<T, PartError> {
        read.inspect_err(|e| {
            self.part.note(e);
        })
    }

    pub fn index(&self, caches: &Caches) -> Result<Arc<Index>, PartError> {
        if let Some(index) = caches.indexes.find(self.part.sequence, ()) {
            return Ok(index);
        }
        let index = self.part.read(self.index).and_then(|bytes| Index::decode(&bytes));
        let index = Arc::new(self.noted(index)?);
        caches.indexes.put(self.part.sequence, (), Arc::clone(&index), index.memory_bytes());
        Ok(index)
    }

    /// The bytes of a section as they are.
    pub fn section(&self, section: Section) -> Result<Vec<u8>, PartError> {
        self.noted(self.part.read(section))
    }

    /// Whether the lines of a block may contain all of these. Where its filter was read before, only some bytes of it are.
    pub fn may_contain(&self, block: u32, info: &BlockInfo, needles: &[Needle]) -> Result<bool, PartError> {
        let known = self.filters.get(block as usize).ok_or(PartError::Damaged("unknown block"))?;
        if !known.load(Ordering::Relaxed) {
            let filter = self.section(info.bloom)?;
            known.store(true, Ordering::Relaxed);
            return Ok(needles.iter().all(|n| n.may_be_in(&filter)));
        }
        for needle in needles {
            let bucket = |at: usize| self.part.read_within(info.bloom, at as u64);
            if !self.noted(needle.may_be_among(info.bloom.length as usize, bucket))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn times(&self, block: &BlockInfo) -> Result<Times, PartError> {
        self.noted(self.read_times(block))
    }

    fn read_times(&self, block: &BlockInfo) -> Result<Times, PartError> {
        let times = Times::decode(&self.part.read(block.times)?)?;
        if times.rows() == block.rows as usize {
            Ok(times)
        } else {
            Err(PartError::Damaged("block has other rows than its index says"))
        }
    }

    /// The block's rows; nothing where its lines do not have what `wanted` asks of their text.
    pub fn rows(
        &self,
        block: &BlockInfo,
        wanted: impl FnOnce(&str) -> bool,
    ) -> Result<Option<BlockRows>, PartError> {
        let read = || {
            let times = self.read_times(block)?;
            let lines = BlockRows::lines(&times, &self.part.read(block.lines)?)?;
            if !wanted(&lines) {
                return Ok(None);
            }
            let metadata = (block.metadata.length > 0).then(|| self.part.read(block.metadata)).transpose()?;
            Ok(Some(BlockRows::new(times, lines, metadata.as_deref())?))
        };
        self.noted(read())
    }
}
