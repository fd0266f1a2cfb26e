//! Reading a part.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{END, PartError, PartFormat, PartMeta, Section, io};
use crate::record::Reader;

const TAIL: usize = 16;

/// An open part. Sections are read when asked for.
#[derive(Debug)]
pub struct Part {
    pub sequence: u64,
    pub bytes: u64,
    pub meta: PartMeta,
    file: File,
    what: &'static str,
    damaged: AtomicBool,
}

impl Part {
    /// Opens a part; verifies its magic, its tail and its footer. Answers the bytes of the store's own footer too.
    pub fn open(path: &Path, sequence: u64, format: &PartFormat) -> Result<(Self, Vec<u8>), PartError> {
        let file = File::open(path).map_err(io("open"))?;
        let bytes = file.metadata().map_err(io("open"))?.len();
        let mut magic = [0; 8];
        file.read_exact_at(&mut magic, 0).map_err(io("read"))?;
        let tail_at = bytes.checked_sub(TAIL as u64).ok_or(PartError::Damaged("file is too short"))?;
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, tail_at).map_err(io("read"))?;
        if magic != format.magic || tail[8..] != END {
            return Err(PartError::Damaged("not a part of this version"));
        }
        let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
        let crc = u32::from_le_bytes([tail[4], tail[5], tail[6], tail[7]]);
        let offset = tail_at.checked_sub(length).ok_or(PartError::Damaged("footer is too long"))?;
        let mut footer = read_section(&file, bytes, Section { offset, length, crc })?;
        let mut r = Reader::new(&footer);
        let meta = PartMeta::take(&mut r)?;
        let own = footer.len() - r.rest().len();
        footer.drain(..own);
        let damaged = AtomicBool::new(false);
        Ok((Self { sequence, bytes, meta, file, what: format.what, damaged }, footer))
    }

    /// The bytes of a section; damage when they are not those that were written.
    pub fn read(&self, section: Section) -> Result<Vec<u8>, PartError> {
        read_section(&self.file, self.bytes, section)
    }

    /// Some bytes of a section, without its checksum: for sections that [`Part::read`] gave whole before.
    pub fn read_within<const N: usize>(&self, section: Section, at: u64) -> Result<[u8; N], PartError> {
        if at.checked_add(N as u64).is_none_or(|end| end > section.length) {
            return Err(PartError::Damaged("bytes outside the section"));
        }
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, section.offset + at).map_err(io("read"))?;
        Ok(bytes)
    }

    /// Whether rows may lie in `start_ns <= t < end_ns`.
    pub fn overlaps(&self, start_ns: i64, end_ns: i64) -> bool {
        !self.is_damaged() && self.meta.first_t_ns < end_ns && self.meta.last_t_ns >= start_ns
    }

    /// Whether reading it met damage; it is to be set aside.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Remembers damage: logs it, and answers whether the rest may go on without this part.
    pub fn note(&self, error: &PartError) -> bool {
        if error.is_damage() && !self.damaged.swap(true, Ordering::Relaxed) {
            tracing::error!(part = self.sequence, what = self.what, %error, "part is damaged and not read any more");
        }
        error.is_damage()
    }
}

fn read_section(file: &File, size: u64, section: Section) -> Result<Vec<u8>, PartError> {
    if section.offset.checked_add(section.length).is_none_or(|end| end > size) {
        return Err(PartError::Damaged("section outside the file"));
    }
    let mut bytes = vec![0; section.length as usize];
    file.read_exact_at(&mut bytes, section.offset).map_err(io("read"))?;
    if crc32fast::hash(&bytes) != section.crc {
        return Err(PartError::Damaged("checksum does not match"));
    }
    Ok(bytes)
}
