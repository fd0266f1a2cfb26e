//! Bytes of a log record: variable-length integers, strings, a string table, and the sealed envelope around them.
//!
//! What holds: a [`Reader`] never panics and never allocates more than its input could fill, whatever the bytes are.
//!
//! Sealed record, byte by byte:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 1 | version of the payload, chosen by the store |
//! | 1 | 1 | 0: payload as is, 1: payload is one zstd frame |
//! | 2 | 4 | length of the payload before compression, little endian |
//! | 6 | .. | payload |
//!
//! Integers are LEB128 (7 bits a byte, low bits first, at most 10 bytes); signed ones are zigzag-coded first. A string
//! is its length and its UTF-8 bytes.

use std::{borrow::Cow, hash::BuildHasher as _};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;
use zstd::bulk::{Compressor, Decompressor};

/// Payloads below this are not worth a compressor's header.
const COMPRESS_FROM: usize = 256;
const ZSTD_LEVEL: i32 = 1;
const HEADER: usize = 6;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("record ends early")]
    Short,
    #[error("integer is longer than 64 bits")]
    Overflow,
    #[error("string is not UTF-8")]
    Utf8,
    #[error("string reference outside the table")]
    Reference,
    #[error("record is larger than the limit")]
    TooLarge,
    #[error("unknown record encoding")]
    Encoding,
    #[error("compressed record does not decompress")]
    Compression,
    #[error("unknown tag")]
    Tag,
    #[error("version {0} is newer than this release")]
    Version(u8),
}

/// Contexts that wait for their next use: to make one costs more than to compress a small record.
const IDLE_CONTEXTS: usize = 4;
static COMPRESSORS: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

fn give_back<T>(idle: &Mutex<Vec<T>>, context: T) {
    let mut idle = idle.lock();
    if idle.len() < IDLE_CONTEXTS {
        idle.push(context);
    }
}

fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    let idle = COMPRESSORS.lock().pop();
    let mut context = idle.or_else(|| Compressor::new(ZSTD_LEVEL).ok())?;
    let out = context.compress(payload).ok();
    give_back(&COMPRESSORS, context);
    out
}

fn decompress(body: &[u8], length: usize) -> Option<Vec<u8>> {
    let idle = DECOMPRESSORS.lock().pop();
    let mut context = idle.or_else(|| Decompressor::new().ok())?;
    let out = context.decompress(body, length).ok();
    give_back(&DECOMPRESSORS, context);
    out
}

/// Wraps a payload, compressed where that helps.
pub fn seal(version: u8, payload: &[u8]) -> Vec<u8> {
    let compressed = (payload.len() >= COMPRESS_FROM)
        .then(|| compress(payload))
        .flatten()
        .filter(|c| c.len() < payload.len());
    match compressed {
        Some(body) => envelope(version, 1, payload.len(), &body),
        None => seal_as_is(version, payload),
    }
}

/// Wraps a payload that is compact already.
pub fn seal_as_is(version: u8, payload: &[u8]) -> Vec<u8> {
    envelope(version, 0, payload.len(), payload)
}

fn envelope(version: u8, encoding: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + body.len());
    out.extend_from_slice(&[version, encoding]);
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// The version and payload of a sealed record; refuses payloads over `max_bytes` before it allocates.
pub fn open(record: &[u8], max_bytes: usize) -> Result<(u8, Vec<u8>), RecordError> {
    open_borrowed(record, max_bytes).map(|(version, payload)| (version, payload.into_owned()))
}

/// As [`open`], without a copy of a payload that is there as it is.
pub fn open_borrowed(record: &[u8], max_bytes: usize) -> Result<(u8, Cow<'_, [u8]>), RecordError> {
    let (header, body) = record.split_at_checked(HEADER).ok_or(RecordError::Short)?;
    let length = u32::from_le_bytes([header[2], header[3], header[4], header[5]]) as usize;
    if length > max_bytes {
        return Err(RecordError::TooLarge);
    }
    let payload = match header[1] {
        0 => Cow::Borrowed(body),
        1 => Cow::Owned(decompress(body, length).ok_or(RecordError::Compression)?),
        _ => return Err(RecordError::Encoding),
    };
    if payload.len() == length { Ok((header[0], payload)) } else { Err(RecordError::Short) }
}

/// Appends fields to a byte vector.
#[derive(Debug, Default)]
pub struct Writer {
    pub bytes: Vec<u8>,
}

impl Writer {
    #[inline]
    pub fn u8(&mut self, v: u8) {
        self.bytes.push(v);
    }

    #[inline]
    pub fn raw(&mut self, v: &[u8]) {
        self.bytes.extend_from_slice(v);
    }

    #[inline]
    pub fn uint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.bytes.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.bytes.push(v as u8);
    }

    #[inline]
    pub fn int(&mut self, v: i64) {
        self.uint(((v << 1) ^ (v >> 63)) as u64);
    }

    #[inline]
    pub fn blob(&mut self, v: &[u8]) {
        self.uint(v.len() as u64);
        self.raw(v);
    }
}

/// Takes fields off a byte slice.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not taken yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub fn raw(&mut self, n: usize) -> Result<&'a [u8], RecordError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(RecordError::Short)?;
        self.rest = tail;
        Ok(head)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8, RecordError> {
        Ok(self.raw(1)?[0])
    }

    #[inline]
    pub fn uint(&mut self) -> Result<u64, RecordError> {
        let mut out = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            out |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(out);
            }
        }
        Err(RecordError::Overflow)
    }

    #[inline]
    pub fn int(&mut self) -> Result<i64, RecordError> {
        let v = self.uint()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// A number of things that take at least one byte each.
    #[inline]
    pub fn count(&mut self) -> Result<usize, RecordError> {
        let n = self.uint()?;
        if n > self.rest.len() as u64 { Err(RecordError::Short) } else { Ok(n as usize) }
    }

    #[inline]
    pub fn blob(&mut self) -> Result<&'a [u8], RecordError> {
        let n = self.count()?;
        self.raw(n)
    }

    #[inline]
    pub fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.blob()?).map_err(|_| RecordError::Utf8)
    }
}

/// Gives each distinct string a number, in order of first use.
///
/// Most strings of a push of telemetry are ids that come once: one costs no allocation of its own. The seed is this
/// process' own, since telemetry is anybody's text.
#[derive(Debug, Default)]
pub struct TableBuilder {
    ids: HashTable<Known>,
    seed: RandomState,
    bytes: Writer,
}

/// A string with its number and where it stands among the bytes.
#[derive(Debug)]
struct Known {
    hash: u64,
    id: u64,
    from: usize,
    to: usize,
}

impl TableBuilder {
    pub fn id(&mut self, text: &str) -> u64 {
        let hash = self.seed.hash_one(text.as_bytes());
        let bytes = &self.bytes.bytes;
        let is_it = |known: &Known| bytes[known.from..known.to] == *text.as_bytes();
        if let Some(known) = self.ids.find(hash, is_it) {
            return known.id;
        }
        let id = self.ids.len() as u64;
        self.bytes.blob(text.as_bytes());
        let to = self.bytes.bytes.len();
        self.ids.insert_unique(hash, Known { hash, id, from: to - text.len(), to }, |known| known.hash);
        id
    }

    /// The table (count, then strings) followed by `body`.
    pub fn finish(self, body: &[u8]) -> Vec<u8> {
        let mut out = Writer::default();
        out.uint(self.ids.len() as u64);
        out.raw(&self.bytes.bytes);
        out.raw(body);
        out.bytes
    }
}

/// The strings of a record, borrowed from its payload.
#[derive(Debug)]
pub struct Table<'a>(Vec<&'a str>);

impl<'a> Table<'a> {
    pub fn read(from: &mut Reader<'a>) -> Result<Self, RecordError> {
        let n = from.count()?;
        (0..n).map(|_| from.text()).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a reference and resolves it.
    #[inline]
    pub fn text(&self, from: &mut Reader<'_>) -> Result<&'a str, RecordError> {
        let id = from.uint()?;
        usize::try_from(id).ok().and_then(|i| self.0.get(i)).copied().ok_or(RecordError::Reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_the_round_trip() {
        let mut w = Writer::default();
        let values = [0, 1, -1, 63, -64, i64::MAX, i64::MIN];
        for v in values {
            w.int(v);
        }
        let mut r = Reader::new(&w.bytes);
        assert!(values.iter().all(|v| r.int() == Ok(*v)) && r.is_empty());
    }

    #[test]
    fn a_record_over_the_limit_is_refused_before_it_is_inflated() {
        let sealed = seal(1, &vec![7; 100_000]);
        assert!(sealed.len() < 1000);
        assert_eq!(open(&sealed, 50_000), Err(RecordError::TooLarge));
        assert_eq!(open(&sealed, 100_000).map(|(v, p)| (v, p.len())), Ok((1, 100_000)));
    }

    #[test]
    fn a_count_larger_than_the_input_is_refused() {
        let mut w = Writer::default();
        w.uint(u64::MAX);
        assert_eq!(Reader::new(&w.bytes).count(), Err(RecordError::Short));
        assert!(Table::read(&mut Reader::new(&w.bytes)).is_err());
    }
}
