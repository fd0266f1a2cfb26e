//! The folder of parts.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Filled, Part, PartError, PartFormat, PartProbe, PartStep, PartWriter, io};

/// Makes, finds and removes parts. Cheap to share by reference; all methods may be called from several threads.
pub struct PartFolder {
    dir: PathBuf,
    format: PartFormat,
    probe: Arc<dyn PartProbe>,
    next_sequence: AtomicU64,
    damaged: AtomicU64,
}

/// What opening found: what `load` made of each part, by rising sequence.
pub struct Opened<T> {
    pub folder: PartFolder,
    pub parts: Vec<T>,
}

impl PartFolder {
    /// Opens all parts; clears away unfinished and replaced ones, sets damaged ones aside. `load` gets each part with the
    /// store's own footer; a part that it finds damaged is set aside too, and replaces nothing.
    pub fn open<T>(
        dir: &Path,
        format: PartFormat,
        probe: Arc<dyn PartProbe>,
        mut load: impl FnMut(Arc<Part>, &[u8]) -> Result<T, PartError>,
    ) -> Result<Opened<T>, PartError> {
        fs::create_dir_all(dir).map_err(io("create folder of"))?;
        // The log forgets what parts hold: their folder's name must outlive a crash of the machine too.
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
                Some("part") => found.push(sequence),
                Some("tmp") => fs::remove_file(&path).map_err(io("remove unfinished"))?,
                _ => {}
            }
        }
        found.sort_unstable();
        let folder = Self {
            dir: dir.to_owned(),
            format,
            probe,
            next_sequence: AtomicU64::new(highest.saturating_add(1)),
            damaged: AtomicU64::new(0),
        };
        let (mut loaded, mut replaced) = (Vec::new(), BTreeSet::new());
        for sequence in found {
            let path = folder.path(sequence, "part");
            let opened = Part::open(&path, sequence, &format).and_then(|(part, footer)| {
                let part = Arc::new(part);
                Ok((load(Arc::clone(&part), &footer)?, part))
            });
            match opened {
                Ok((own, part)) => {
                    // A part is newer than those that it replaces: no file can say that it replaces itself.
                    replaced.extend(part.meta.replaces.iter().copied().filter(|s| *s < sequence));
                    loaded.push((sequence, own));
                }
                Err(error) if error.is_damage() => {
                    tracing::error!(part = sequence, what = format.what, %error, "part is damaged");
                    folder.set_aside(sequence);
                }
                Err(error) => return Err(error),
            }
        }
        loaded.retain(|(sequence, _)| !replaced.contains(sequence));
        for sequence in replaced {
            folder.remove(sequence);
        }
        Ok(Opened { folder, parts: loaded.into_iter().map(|(_, own)| own).collect() })
    }

    fn path(&self, sequence: u64, extension: &str) -> PathBuf {
        self.dir.join(format!("{sequence:016x}.{extension}"))
    }

    /// Writes a part, puts it in place and loads it; nothing when `fill` has nothing for it.
    pub fn write<T>(
        &self,
        fill: impl FnOnce(&mut PartWriter<'_>) -> Result<Option<Filled>, PartError>,
        load: impl FnOnce(Arc<Part>, &[u8]) -> Result<T, PartError>,
    ) -> Result<Option<T>, PartError> {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path(sequence, "tmp");
        let done = self.place(sequence, &unfinished, fill, load);
        if !matches!(done, Ok(Some(_))) {
            // Both are free to fail: what is left is cleared away at the next start, or never was.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(self.path(sequence, "part"));
        }
        done
    }

    fn place<T>(
        &self,
        sequence: u64,
        unfinished: &Path,
        fill: impl FnOnce(&mut PartWriter<'_>) -> Result<Option<Filled>, PartError>,
        load: impl FnOnce(Arc<Part>, &[u8]) -> Result<T, PartError>,
    ) -> Result<Option<T>, PartError> {
        let mut writer = PartWriter::create(unfinished, &self.format, &*self.probe)?;
        let Some(filled) = fill(&mut writer)? else { return Ok(None) };
        writer.finish(&filled)?;
        let path = self.path(sequence, "part");
        self.probe.before(PartStep::Rename).map_err(io("rename"))?;
        fs::rename(unfinished, &path).map_err(io("rename"))?;
        self.probe.before(PartStep::SyncFolder).map_err(io("sync folder of"))?;
        File::open(&self.dir).and_then(|d| d.sync_all()).map_err(io("sync folder of"))?;
        let (part, footer) = Part::open(&path, sequence, &self.format)?;
        let loaded = load(Arc::new(part), &footer)?;
        self.probe.before(PartStep::Publish).map_err(io("publish"))?;
        Ok(Some(loaded))
    }

    /// Removes a part. One that cannot be removed stays: it is older than what replaces it, and goes at the next start.
    pub fn remove(&self, sequence: u64) {
        let path = self.path(sequence, "part");
        let removed = self.probe.before(PartStep::RemovePart).and_then(|()| fs::remove_file(&path));
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(part = sequence, what = self.format.what, %error, "cannot remove part");
            }
            _ => {}
        }
    }

    /// Takes a damaged part out of use; its bytes stay for a person to look at.
    pub fn set_aside(&self, sequence: u64) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = fs::rename(self.path(sequence, "part"), self.path(sequence, "damaged")) {
            tracing::warn!(part = sequence, what = self.format.what, %error, "cannot set damaged part aside");
        }
    }

    /// Parts set aside since the start.
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Bytes that the file system of the folder has left for this user; nothing where the system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(&self.dir)
    }

    pub fn probe(&self) -> &dyn PartProbe {
        &*self.probe
    }
}

/// Bytes that a path's file system has left for this user; nothing where the system does not say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}
