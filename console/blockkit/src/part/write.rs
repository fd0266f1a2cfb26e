//! Writing a part.

use std::{fs::File, io::Write as _, path::Path};

use super::{END, PartError, PartFormat, PartMeta, PartProbe, PartStep, Section, io};
use crate::record::Writer;

/// What a store has put into a part: what the part says about itself, and the bytes of the store's own footer.
#[derive(Debug, Default)]
pub struct Filled {
    pub meta: PartMeta,
    pub footer: Vec<u8>,
}

/// A part being written, under a name of its own until it is whole.
pub struct PartWriter<'a> {
    file: File,
    at: u64,
    probe: &'a dyn PartProbe,
}

impl<'a> PartWriter<'a> {
    pub(super) fn create(
        path: &Path,
        format: &PartFormat,
        probe: &'a dyn PartProbe,
    ) -> Result<Self, PartError> {
        probe.before(PartStep::Create).map_err(io("create"))?;
        let file = File::create(path).map_err(io("create"))?;
        let mut out = Self { file, at: 0, probe };
        out.section(&format.magic)?;
        Ok(out)
    }

    /// Writes bytes that are later read as one.
    pub fn section(&mut self, bytes: &[u8]) -> Result<Section, PartError> {
        self.probe.before(PartStep::Write).map_err(io("write"))?;
        self.file.write_all(bytes).map_err(io("write"))?;
        let section = Section { offset: self.at, length: bytes.len() as u64, crc: crc32fast::hash(bytes) };
        self.at += section.length;
        Ok(section)
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.at
    }

    /// Writes footer and tail and syncs the file.
    pub(super) fn finish(mut self, filled: &Filled) -> Result<(), PartError> {
        let mut footer = Writer::default();
        filled.meta.put(&mut footer);
        footer.raw(&filled.footer);
        let footer = footer.bytes;
        let length = u32::try_from(footer.len()).map_err(|_| PartError::TooLarge("a footer of 4 GiB"))?;
        let mut tail = Vec::from(length.to_le_bytes());
        tail.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
        tail.extend_from_slice(&END);
        self.section(&footer)?;
        self.section(&tail)?;
        self.probe.before(PartStep::SyncFile).map_err(io("sync"))?;
        self.file.sync_all().map_err(io("sync"))
    }
}
