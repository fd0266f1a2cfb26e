//! A write-ahead log of records in numbered segment files.
//!
//! What holds: when [`Wal::append`] returns, the record is in the kernel (it survives `kill -9`); after [`Wal::sync`], or
//! [`Wal::acknowledge`] with [`SyncMode::Always`], it is on the disk. Replay gives every intact record in order, once; a torn
//! tail is cut away and reported. After a failed sync nothing is appended to that segment any more: [`Wal::doubted`] says so
//! until a new one is begun, and until whoever reads the log has put what it held somewhere else ([`Wal::settle`]).
//!
//! A segment is `<number, 16 hex digits>.wal`:
//!
//! | offset | size | meaning |
//! |---|---|---|
//! | 0 | 8 | `QDWAL`, 0, 0, 1: magic and version |
//! | 8.. | | records, one after the other |
//!
//! A record: 4 bytes length of the payload, 4 bytes CRC-32 (IEEE) of those length bytes and the payload, the payload.
//! Numbers are little endian. The checksum covers the length so that a run of zeros is no record. A header that differs
//! in one bit is damage, and its segment is read: the version after this one is 2, which differs in two.

mod sync;
#[cfg(test)]
mod sync_tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

pub use sync::{Position, SyncMode, SyncPolicy, SyncProbe, Unwatched};

use sync::{Group, Turn};

const MAGIC: [u8; 8] = *b"QDWAL\0\0\x01";
const HEADER: u64 = MAGIC.len() as u64;
const FRAME: usize = 8;
const READ_BUFFER: usize = 256 << 10;

#[derive(Clone, Debug)]
pub struct WalConfig {
    /// A new segment begins when the current one has reached this.
    pub segment_bytes: u64,
    pub max_record_bytes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    pub id: SegmentId,
    pub bytes: u64,
}

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub records: u64,
    pub bytes: u64,
    /// The first damage met, if any.
    pub truncated: Option<Truncated>,
}

/// From `offset` on, a segment held no intact record. The newest segment is cut there; an older one is only read so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncated {
    pub segment: SegmentId,
    pub offset: u64,
    pub lost_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("record of {bytes} bytes is larger than the limit of {limit}")]
    RecordTooLarge { bytes: usize, limit: u32 },
    #[error("disk is full")]
    DiskFull,
    #[error("{} is not a segment of this version", path.display())]
    Foreign { path: PathBuf },
    #[error("log is broken: a failed write could not be undone")]
    Broken,
    #[error("log could not be put on the disk: {cause}")]
    Unsynced { cause: String },
    #[error("{} {}", action, path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WalError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => WalError::DiskFull,
        _ => WalError::Io { action, path: path.to_owned(), source },
    }
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub segment: SegmentId,
    /// Its end.
    pub position: Position,
}

/// No segment has this number.
const NONE: u64 = u64::MAX;

#[derive(Debug)]
pub struct Wal {
    dir: PathBuf,
    config: WalConfig,
    policy: SyncPolicy,
    /// Never locked by who holds `group`.
    active: Mutex<Active>,
    group: Group,
    /// The newest segment that is doubted, or [`NONE`].
    doubted: AtomicU64,
}

#[derive(Debug)]
struct Active {
    file: File,
    id: SegmentId,
    bytes: u64,
    /// Finished segments, oldest first.
    sealed: Vec<SegmentInfo>,
    /// The end of the log.
    position: Position,
    broken: bool,
    /// Why the segment could not be synced, if so.
    failed: Option<String>,
}

impl Active {
    /// Beginning or opening a segment changed it: the header counts as appended.
    fn new(file: File, segment: SegmentInfo, sealed: Vec<SegmentInfo>) -> Self {
        let SegmentInfo { id, bytes } = segment;
        Self { file, id, bytes, sealed, position: Position(HEADER), broken: false, failed: None }
    }

    /// Refuses a segment that could not be synced.
    fn check(&self) -> Result<(), WalError> {
        self.failed.as_ref().map_or(Ok(()), |cause| Err(WalError::Unsynced { cause: cause.clone() }))
    }
}

fn path_of(dir: &Path, id: SegmentId) -> PathBuf {
    dir.join(format!("{:016x}.wal", id.0))
}

impl Wal {
    /// Opens or creates the log in `dir` and replays every intact record in order.
    pub fn open(
        dir: &Path,
        config: WalConfig,
        replay: &mut dyn FnMut(SegmentId, &[u8]),
    ) -> Result<(Self, Recovery), WalError> {
        fs::create_dir_all(dir).map_err(io_error("cannot create", dir))?;
        let ids = list(dir)?;
        let mut recovery = Recovery::default();
        let mut sealed = Vec::new();
        for id in &ids {
            let path = path_of(dir, *id);
            let intact = read_segment(&path, *id, &config, &mut recovery, replay)?;
            sealed.push(SegmentInfo { id: *id, bytes: intact });
        }
        let active = match sealed.pop() {
            Some(last) => resume(dir, last, sealed)?,
            None => create(dir, SegmentId(1), sealed)?,
        };
        let wal = Self {
            dir: dir.to_owned(),
            config,
            policy: SyncPolicy::default(),
            active: Mutex::new(active),
            group: Group::default(),
            doubted: AtomicU64::new(NONE),
        };
        Ok((wal, recovery))
    }

    /// The same log, acknowledging in another way.
    #[must_use]
    pub fn with_policy(self, policy: SyncPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Writes one record; answers where it is.
    pub fn append(&self, record: &[u8]) -> Result<Appended, WalError> {
        if record.len() > self.config.max_record_bytes as usize {
            return Err(WalError::RecordTooLarge {
                bytes: record.len(),
                limit: self.config.max_record_bytes,
            });
        }
        let length = (record.len() as u32).to_le_bytes();
        let mut frame = Vec::with_capacity(FRAME + record.len());
        frame.extend_from_slice(&length);
        frame.extend_from_slice(&checksum(length, record).to_le_bytes());
        frame.extend_from_slice(record);
        let mut active = self.active.lock();
        if active.broken {
            return Err(WalError::Broken);
        }
        active.check()?;
        if active.bytes > HEADER && active.bytes + frame.len() as u64 > self.config.segment_bytes {
            self.start_segment(&mut active)?;
        }
        let path = path_of(&self.dir, active.id);
        if let Err(e) = active.file.write_all(&frame) {
            // Part of the frame may be there: cut it away, so that the next record follows the last whole one.
            let end = active.bytes;
            active.broken =
                active.file.set_len(end).is_err() || active.file.seek(SeekFrom::Start(end)).is_err();
            return Err(io_error("cannot write", &path)(e));
        }
        active.bytes += frame.len() as u64;
        active.position.0 += frame.len() as u64;
        Ok(Appended { segment: active.id, position: active.position })
    }

    /// The end of the log.
    pub fn end(&self) -> Position {
        self.active.lock().position
    }

    /// Up to where the log is on the disk.
    pub fn synced(&self) -> Position {
        self.group.synced()
    }

    /// Waits until everything appended so far is on the disk.
    pub fn sync(&self) -> Result<(), WalError> {
        self.wait(self.end())
    }

    /// Waits for what the mode asks for before a push may be acknowledged whose records end here. Not to be called with a
    /// lock that an append needs, or each call makes a sync of its own.
    pub fn acknowledge(&self, position: Position) -> Result<(), WalError> {
        match self.policy.mode {
            SyncMode::Interval => Ok(()),
            SyncMode::Always => self.wait(position),
        }
    }

    fn wait(&self, position: Position) -> Result<(), WalError> {
        loop {
            match self.group.turn(position) {
                Turn::Synced => return Ok(()),
                Turn::Lost(cause) => return Err(WalError::Unsynced { cause }),
                Turn::Lead(leader) => leader.synced(self.sync_all()?),
            }
        }
    }

    /// Puts the log on the disk; answers up to where. Appends go on meanwhile.
    fn sync_all(&self) -> Result<Position, WalError> {
        let (file, path, position) = {
            let active = self.active.lock();
            let path = path_of(&self.dir, active.id);
            let file = active.file.try_clone().map_err(io_error("cannot sync", &path))?;
            (file, path, active.position)
        };
        // Of segments before this one, each was synced when it ended, or is lost.
        match self.sync_file(&file, &path) {
            Ok(()) => Ok(position),
            Err(cause) => Err(self.doubt(&mut self.active.lock(), cause)),
        }
    }

    fn sync_file(&self, file: &File, path: &Path) -> Result<(), String> {
        let synced = self.policy.probe.before(path).and_then(|()| file.sync_data());
        synced.map_err(|e| format!("cannot sync {}: {e}", path.display()))
    }

    /// Believes nothing any more of what was not on the disk when a sync failed.
    fn doubt(&self, active: &mut Active, cause: String) -> WalError {
        tracing::error!(cause, segment = active.id.0, "log segment is not trusted any more");
        self.group.lose(active.position, &cause);
        self.doubted.store(active.id.0, Ordering::Release);
        active.failed = Some(cause.clone());
        WalError::Unsynced { cause }
    }

    /// The newest segment of which the disk may not have what was appended, nor of those before it, if there is one.
    pub fn doubted(&self) -> Option<SegmentId> {
        Some(self.doubted.load(Ordering::Acquire)).filter(|id| *id != NONE).map(SegmentId)
    }

    /// What segments up to this one held is on the disk elsewhere.
    pub fn settle(&self, until: SegmentId) {
        let settled = |doubted: u64| (doubted != NONE && doubted <= until.0).then_some(NONE);
        let _ = self.doubted.fetch_update(Ordering::AcqRel, Ordering::Acquire, settled);
    }

    /// Ends the current segment; answers the new one.
    pub fn rotate(&self) -> Result<SegmentId, WalError> {
        let mut active = self.active.lock();
        self.start_segment(&mut active)?;
        Ok(active.id)
    }

    /// Goes on in segment `id` where the log is not that far: segments before it count as written elsewhere.
    pub fn skip_to(&self, id: SegmentId) -> Result<(), WalError> {
        let mut active = self.active.lock();
        if active.id >= id { Ok(()) } else { self.start_segment_at(&mut active, id) }
    }

    fn start_segment(&self, active: &mut Active) -> Result<(), WalError> {
        let next = SegmentId(active.id.0.saturating_add(1));
        self.start_segment_at(active, next)
    }

    fn start_segment_at(&self, active: &mut Active, next: SegmentId) -> Result<(), WalError> {
        let old = path_of(&self.dir, active.id);
        // A segment that is doubted stays so: its next sync would succeed.
        if active.failed.is_none()
            && let Err(cause) = self.sync_file(&active.file, &old)
        {
            return Err(self.doubt(active, cause));
        }
        let mut sealed = std::mem::take(&mut active.sealed);
        sealed.push(SegmentInfo { id: active.id, bytes: active.bytes });
        match create(&self.dir, next, sealed.clone()) {
            Ok(next) => {
                let before = active.position.0;
                *active = next;
                active.position.0 += before;
                Ok(())
            }
            Err(e) => {
                sealed.pop();
                active.sealed = sealed;
                Err(e)
            }
        }
    }

    /// Deletes finished segments before `first_kept`.
    pub fn remove_before(&self, first_kept: SegmentId) -> Result<(), WalError> {
        let mut active = self.active.lock();
        while let Some(oldest) = active.sealed.first().copied().filter(|s| s.id < first_kept) {
            let path = path_of(&self.dir, oldest.id);
            match fs::remove_file(&path) {
                // Somebody else removed it: those behind it go all the same.
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("cannot remove", &path)(e));
                }
                _ => {}
            }
            active.sealed.remove(0);
        }
        Ok(())
    }

    /// All segments, oldest first; the last one is being written.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let active = self.active.lock();
        let mut out = active.sealed.clone();
        out.push(SegmentInfo { id: active.id, bytes: active.bytes });
        out
    }

    pub fn total_bytes(&self) -> u64 {
        self.segments().iter().map(|s| s.bytes).sum()
    }
}

fn checksum(length: [u8; 4], record: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(record);
    crc.finalize()
}

fn list(dir: &Path) -> Result<Vec<SegmentId>, WalError> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("cannot list", dir))? {
        let name = entry.map_err(io_error("cannot list", dir))?.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(".wal")).filter(|n| n.len() == 16);
        ids.extend(number.and_then(|n| u64::from_str_radix(n, 16).ok()).map(SegmentId));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn create(dir: &Path, id: SegmentId, sealed: Vec<SegmentInfo>) -> Result<Active, WalError> {
    let path = path_of(dir, id);
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&path)
        .map_err(io_error("cannot create", &path))?;
    if let Err(e) = file.write_all(&MAGIC) {
        let _ = fs::remove_file(&path);
        return Err(io_error("cannot write", &path)(e));
    }
    // The new name itself must outlive a crash of the machine.
    File::open(dir).and_then(|d| d.sync_all()).map_err(io_error("cannot sync", dir))?;
    Ok(Active::new(file, SegmentInfo { id, bytes: HEADER }, sealed))
}

/// Goes on with the last segment, behind its last intact record.
fn resume(dir: &Path, last: SegmentInfo, sealed: Vec<SegmentInfo>) -> Result<Active, WalError> {
    if last.bytes < HEADER {
        return create(dir, last.id, sealed);
    }
    let path = path_of(dir, last.id);
    let mut file =
        OpenOptions::new().read(true).write(true).open(&path).map_err(io_error("cannot open", &path))?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, 0).map_err(io_error("cannot read", &path))?;
    if magic != MAGIC {
        file.write_all_at(&MAGIC, 0).map_err(io_error("cannot write", &path))?;
    }
    file.set_len(last.bytes).map_err(io_error("cannot cut", &path))?;
    file.seek(SeekFrom::Start(last.bytes)).map_err(io_error("cannot seek", &path))?;
    Ok(Active::new(file, last, sealed))
}

/// Replays a segment; answers how many bytes of it are intact.
fn read_segment(
    path: &Path,
    id: SegmentId,
    config: &WalConfig,
    recovery: &mut Recovery,
    replay: &mut dyn FnMut(SegmentId, &[u8]),
) -> Result<u64, WalError> {
    let file = File::open(path).map_err(io_error("cannot open", path))?;
    let size = file.metadata().map_err(io_error("cannot read", path))?.len();
    let mut input = io::BufReader::with_capacity(READ_BUFFER, file);
    let mut magic = [0; 8];
    let mut at = 0;
    // A header that is cut short is a crash while the segment was made, one flipped bit is damage, and a whole wrong one
    // is somebody else's file.
    if fill(&mut input, &mut magic).map_err(io_error("cannot read", path))? {
        match magic.iter().zip(MAGIC).map(|(found, ours)| (found ^ ours).count_ones()).sum() {
            0 => {}
            1 => tracing::warn!(segment = id.0, "log segment's header is damaged"),
            2.. => return Err(WalError::Foreign { path: path.to_owned() }),
        }
        at = HEADER;
        let mut record = Vec::new();
        while next(&mut input, config, &mut record).map_err(io_error("cannot read", path))? {
            replay(id, &record);
            at += (FRAME + record.len()) as u64;
            recovery.records += 1;
            recovery.bytes += record.len() as u64;
        }
    }
    if at < size && recovery.truncated.is_none() {
        recovery.truncated = Some(Truncated { segment: id, offset: at, lost_bytes: size - at });
        tracing::warn!(
            segment = id.0,
            offset = at,
            lost_bytes = size - at,
            "log segment ends in a torn record"
        );
    }
    Ok(at)
}

/// Reads the next intact record; false at the end and at the first damage.
fn next(input: &mut impl Read, config: &WalConfig, record: &mut Vec<u8>) -> io::Result<bool> {
    let mut frame = [0; FRAME];
    if !fill(input, &mut frame)? {
        return Ok(false);
    }
    let length = [frame[0], frame[1], frame[2], frame[3]];
    let crc = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]);
    let n = u32::from_le_bytes(length);
    if n > config.max_record_bytes {
        return Ok(false);
    }
    record.clear();
    // Grows with what is really there, not with what a damaged length claims.
    let read = input.take(u64::from(n)).read_to_end(record)?;
    Ok(read == n as usize && checksum(length, record) == crc)
}

/// Fills the buffer; false when the input ends first.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: WalConfig = WalConfig { segment_bytes: 64, max_record_bytes: 1 << 20 };

    fn open(dir: &Path) -> (Wal, Recovery, Vec<(u64, Vec<u8>)>) {
        let mut seen = Vec::new();
        let (wal, recovery) =
            Wal::open(dir, CONFIG, &mut |id, bytes| seen.push((id.0, bytes.to_vec()))).unwrap();
        (wal, recovery, seen)
    }

    #[test]
    fn records_come_back_in_order_across_segments() {
        let dir = tempfile::tempdir().unwrap();
        let (wal, ..) = open(dir.path());
        let ids: Vec<u64> = (0..10u8).map(|i| wal.append(&[i; 20]).unwrap().segment.0).collect();
        drop(wal);
        let (wal, recovery, seen) = open(dir.path());
        assert_eq!(seen, ids.iter().zip(0..10u8).map(|(id, i)| (*id, vec![i; 20])).collect::<Vec<_>>());
        assert_eq!((recovery.records, recovery.truncated), (10, None));
        // Two records fill a segment.
        assert_eq!(wal.append(b"x").unwrap().segment.0, ids.last().unwrap() + 1);
    }

    #[test]
    fn every_torn_tail_keeps_the_records_before_it_and_takes_new_ones() {
        let whole = tempfile::tempdir().unwrap();
        let (wal, ..) = open(whole.path());
        wal.append(b"first").unwrap();
        wal.append(b"second").unwrap();
        let bytes = fs::read(path_of(whole.path(), SegmentId(1))).unwrap();
        for cut in 0..bytes.len() {
            let dir = tempfile::tempdir().unwrap();
            fs::write(path_of(dir.path(), SegmentId(1)), &bytes[..cut]).unwrap();
            let (wal, recovery, seen) = open(dir.path());
            let kept = [21, 35].iter().filter(|end| **end <= cut).count();
            assert_eq!(seen.len(), kept, "cut at {cut}");
            assert_eq!(recovery.truncated.is_some(), ![0, 8, 21].contains(&cut), "cut at {cut}");
            wal.append(b"third").unwrap();
            drop(wal);
            let (_, recovery, seen) = open(dir.path());
            assert_eq!((seen.len(), recovery.truncated), (kept + 1, None), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_is_never_replayed() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), SegmentId(1));
        let (wal, ..) = open(dir.path());
        wal.append(b"first").unwrap();
        let bytes = fs::read(&path).unwrap();
        for bit in 64..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).unwrap();
            let (_, recovery, seen) = open(dir.path());
            assert!(seen.is_empty() && recovery.truncated.is_some(), "bit {bit}");
        }
    }

    #[test]
    fn a_flipped_bit_of_the_header_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), SegmentId(1));
        let (wal, ..) = open(dir.path());
        wal.append(b"first").unwrap();
        let bytes = fs::read(&path).unwrap();
        for bit in 0..64 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &damaged).unwrap();
            let (_, recovery, seen) = open(dir.path());
            assert_eq!((seen.len(), recovery.truncated), (1, None), "bit {bit}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn old_segments_go_and_the_active_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (wal, ..) = open(dir.path());
        for i in 0..6u8 {
            wal.append(&[i; 40]).unwrap();
        }
        let before = wal.total_bytes();
        let segments = wal.segments();
        wal.remove_before(segments[3].id).unwrap();
        assert_eq!(wal.segments(), segments[3..]);
        assert!(wal.total_bytes() < before);
        wal.remove_before(SegmentId(u64::MAX)).unwrap();
        assert_eq!(wal.segments().len(), 1);
    }

    #[test]
    fn a_foreign_file_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), SegmentId(1));
        fs::write(&path, b"not a log at all").unwrap();
        assert!(matches!(Wal::open(dir.path(), CONFIG, &mut |_, _| ()), Err(WalError::Foreign { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"not a log at all");
    }

    #[test]
    fn a_record_over_the_limit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (wal, ..) = open(dir.path());
        assert!(matches!(wal.append(&vec![0; 2 << 20]), Err(WalError::RecordTooLarge { .. })));
    }
}
