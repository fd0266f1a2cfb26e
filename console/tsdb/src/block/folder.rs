//! The folder of blocks.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use console_model::metric::PointSeries;

use super::{Block, BlockCache, BlockError, BlockProbe, BlockStep, Mark, io, write_block};

pub struct BlockFolder {
    dir: PathBuf,
    cache: Arc<BlockCache>,
    probe: Arc<dyn BlockProbe>,
    next_sequence: AtomicU64,
    set_aside: AtomicU64,
}

/// What opening found: blocks by rising sequence.
pub struct Opened {
    pub folder: BlockFolder,
    pub blocks: Vec<Arc<Block>>,
}

impl BlockFolder {
    /// Opens all blocks; clears away unfinished and replaced ones, sets damaged ones aside.
    pub fn open(dir: &Path, cache: BlockCache, probe: Arc<dyn BlockProbe>) -> Result<Opened, BlockError> {
        fs::create_dir_all(dir).map_err(io("create folder of"))?;
        // The log forgets what blocks hold: their folder's name must outlive a crash of the machine too.
        if let Some(parent) = dir.parent() {
            File::open(parent).and_then(|d| d.sync_all()).map_err(io("sync folder of"))?;
        }
        let (mut found, mut highest) = (Vec::new(), 0);
        for entry in fs::read_dir(dir).map_err(io("list"))? {
            let path = entry.map_err(io("list"))?.path();
            let sequence = path.file_stem().and_then(|s| s.to_str()).filter(|s| s.len() == 16);
            let Some(sequence) = sequence.and_then(|s| u64::from_str_radix(s, 16).ok()) else { continue };
            highest = highest.max(sequence);
            match path.extension().and_then(|e| e.to_str()) {
                Some("block") => found.push(sequence),
                Some("tmp") => fs::remove_file(&path).map_err(io("remove unfinished"))?,
                _ => {}
            }
        }
        found.sort_unstable();
        let folder = Self {
            dir: dir.to_owned(),
            cache: Arc::new(cache),
            probe,
            next_sequence: AtomicU64::new(highest + 1),
            set_aside: AtomicU64::new(0),
        };
        let mut blocks = Vec::new();
        for sequence in found {
            match Block::open(&folder.path(sequence, "block"), sequence, Arc::clone(&folder.cache)) {
                Ok(block) => blocks.push(Arc::new(block)),
                Err(e) if e.is_damage() => {
                    tracing::error!(block = sequence, error = %e, "block of metrics is damaged");
                    folder.set_aside(sequence);
                }
                Err(e) => return Err(e),
            }
        }
        let replaced: BTreeSet<u64> = blocks.iter().flat_map(|b| b.meta.replaces.clone()).collect();
        blocks.retain(|b| !replaced.contains(&b.sequence));
        for sequence in replaced {
            folder.remove(sequence);
        }
        Ok(Opened { folder, blocks })
    }

    fn path(&self, sequence: u64, extension: &str) -> PathBuf {
        self.dir.join(format!("{sequence:016x}.{extension}"))
    }

    /// Writes a block and puts it in place; none when there is no sample in it. Times are in `span` (both ends inclusive).
    pub fn write(
        &self,
        span: (i64, i64),
        series: impl Iterator<Item = Result<PointSeries, BlockError>>,
        marks: Vec<Mark>,
        replaces: Vec<u64>,
    ) -> Result<Option<Arc<Block>>, BlockError> {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path(sequence, "tmp");
        let done = self.place(sequence, &unfinished, span, series, marks, replaces);
        if !matches!(done, Ok(Some(_))) {
            // Both are free to fail: what is left is cleared away at the next start, or never was.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(self.path(sequence, "block"));
        }
        done
    }

    fn place(
        &self,
        sequence: u64,
        unfinished: &Path,
        span: (i64, i64),
        series: impl Iterator<Item = Result<PointSeries, BlockError>>,
        marks: Vec<Mark>,
        replaces: Vec<u64>,
    ) -> Result<Option<Arc<Block>>, BlockError> {
        let meta = write_block(unfinished, span, series, marks, replaces, &*self.probe)?;
        if meta.samples == 0 {
            return Ok(None);
        }
        let path = self.path(sequence, "block");
        self.probe.before(BlockStep::Rename).map_err(io("rename"))?;
        fs::rename(unfinished, &path).map_err(io("rename"))?;
        self.probe.before(BlockStep::SyncFolder).map_err(io("sync folder of"))?;
        File::open(&self.dir).and_then(|d| d.sync_all()).map_err(io("sync folder of"))?;
        let block = Block::open(&path, sequence, Arc::clone(&self.cache))?;
        self.probe.before(BlockStep::Publish).map_err(io("publish"))?;
        Ok(Some(Arc::new(block)))
    }

    pub fn remove(&self, sequence: u64) {
        self.cache.forget(sequence);
        let path = self.path(sequence, "block");
        let removed = self.probe.before(BlockStep::RemoveBlock).and_then(|()| fs::remove_file(&path));
        if let Err(error) = removed.or_else(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(e),
        }) {
            tracing::warn!(block = sequence, %error, "cannot remove block of metrics");
        }
    }

    /// Takes a damaged block out of use; its bytes stay for a person to look at.
    pub fn set_aside(&self, sequence: u64) {
        self.cache.forget(sequence);
        self.set_aside.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = fs::rename(self.path(sequence, "block"), self.path(sequence, "damaged")) {
            tracing::warn!(block = sequence, %error, "cannot set damaged block of metrics aside");
        }
    }

    /// Blocks set aside since the start.
    pub fn damaged(&self) -> u64 {
        self.set_aside.load(Ordering::Relaxed)
    }

    pub fn probe(&self) -> &dyn BlockProbe {
        &*self.probe
    }
}
