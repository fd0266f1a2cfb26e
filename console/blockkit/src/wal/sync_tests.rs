//! What is acknowledged is on the disk, whoever synced it; what is not on the disk is acknowledged by nobody.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::*;

const CONFIG: WalConfig = WalConfig { segment_bytes: 4096, max_record_bytes: 1 << 20 };

/// A disk that has only what was synced: a power cut leaves `image`.
#[derive(Debug)]
struct Disk {
    image: PathBuf,
    syncs: AtomicUsize,
    is_failing: AtomicBool,
    /// A sync takes so long.
    delay: Duration,
    /// One copy at a time: a later one has all of an earlier one.
    copying: Mutex<()>,
}

impl Disk {
    fn new(image: &Path, delay: Duration) -> Arc<Self> {
        let (syncs, is_failing) = (0.into(), false.into());
        Arc::new(Self { image: image.to_owned(), syncs, is_failing, delay, copying: Mutex::default() })
    }

    fn fail(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }

    fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }

    /// The records that a power cut would leave.
    fn records(&self) -> HashSet<Vec<u8>> {
        let mut found = HashSet::new();
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(&self.image).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        Wal::open(copy.path(), CONFIG, &mut |_, record| {
            assert!(found.insert(record.to_vec()), "a record came twice");
        })
        .unwrap();
        found
    }
}

impl SyncProbe for Disk {
    fn before(&self, segment: &Path) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("told to fail"));
        }
        let _one = self.copying.lock();
        // At least what was written before the call: what comes while it lasts may or may not be there.
        let bytes = fs::read(segment)?;
        thread::sleep(self.delay);
        fs::write(self.image.join(segment.file_name().unwrap()), bytes)
    }
}

struct Log {
    wal: Wal,
    disk: Arc<Disk>,
    _dirs: (tempfile::TempDir, tempfile::TempDir),
}

fn log(mode: SyncMode, delay: Duration) -> Log {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let disk = Disk::new(dirs.1.path(), delay);
    let (wal, _) = Wal::open(dirs.0.path(), CONFIG, &mut |_, _| {}).unwrap();
    let policy = SyncPolicy { mode, probe: Arc::clone(&disk) as Arc<dyn SyncProbe> };
    Log { wal: wal.with_policy(policy), disk, _dirs: dirs }
}

impl Log {
    fn push(&self, record: &[u8]) -> Result<Position, WalError> {
        let position = self.wal.append(record)?.position;
        self.wal.acknowledge(position).map(|()| position)
    }
}

/// Writes from many threads; answers the records that were acknowledged.
fn write(log: &Log, writers: usize, each: usize) -> HashSet<Vec<u8>> {
    let barrier = Barrier::new(writers);
    let of = |writer: usize| {
        let mut acknowledged = Vec::new();
        barrier.wait();
        for i in 0..each {
            let record = format!("writer {writer} record {i}").into_bytes();
            match log.push(&record) {
                Ok(position) => {
                    assert!(position <= log.wal.synced(), "acknowledged before it was synced");
                    acknowledged.push(record);
                }
                // As a sender that comes again later.
                Err(_) => thread::sleep(Duration::from_micros(500)),
            }
        }
        acknowledged
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..writers).map(|w| scope.spawn(move || of(w))).collect::<Vec<_>>();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn what_is_acknowledged_is_on_the_disk_and_many_writers_share_a_sync() {
    let log = log(SyncMode::Always, Duration::from_millis(2));
    let acknowledged = write(&log, 16, 40);
    assert_eq!(acknowledged.len(), 640);
    let on_disk = log.disk.records();
    assert!(acknowledged.is_subset(&on_disk), "{} of 640 are on the disk", on_disk.len());
    let segments = log.wal.segments().len();
    assert!(segments > 1, "all in one segment");
    assert!(log.disk.syncs() < 320, "{} syncs for 640 pushes", log.disk.syncs());
}

#[test]
fn one_writer_has_a_sync_for_each_push() {
    let log = log(SyncMode::Always, Duration::ZERO);
    write(&log, 1, 20);
    assert_eq!(log.disk.syncs(), 20);
}

#[test]
fn with_an_interval_nobody_waits_and_a_power_cut_takes_what_came_since_the_last_sync() {
    let log = log(SyncMode::Interval, Duration::ZERO);
    log.push(b"before").unwrap();
    log.wal.sync().unwrap();
    log.push(b"after").unwrap();
    assert_eq!((log.disk.syncs(), log.disk.records()), (1, HashSet::from([b"before".to_vec()])));
    log.wal.sync().unwrap();
    log.wal.sync().unwrap();
    assert_eq!((log.disk.syncs(), log.disk.records().len()), (2, 2), "nothing new needs no sync");
}

#[test]
fn every_waiter_is_told_of_a_failed_sync_and_the_segment_is_used_no_more() {
    let log = log(SyncMode::Always, Duration::from_millis(1));
    log.push(b"good").unwrap();
    log.disk.fail(true);
    let acknowledged = write(&log, 8, 5);
    assert!(acknowledged.is_empty());
    log.disk.fail(false);
    let told = log.push(b"refused").unwrap_err().to_string();
    assert!(told.contains("told to fail"), "{told}");
    let doubted = log.wal.doubted().unwrap();
    // A sync that would succeed now says nothing about what was lost before.
    assert!(log.wal.sync().is_err());
    let next = log.wal.rotate().unwrap();
    assert!(next > doubted);
    log.push(b"again").unwrap();
    assert_eq!(log.wal.doubted(), Some(doubted), "nobody said where the rest is");
    log.wal.settle(SegmentId(doubted.0 - 1));
    assert_eq!(log.wal.doubted(), Some(doubted));
    log.wal.settle(doubted);
    assert_eq!(log.wal.doubted(), None);
    log.wal.sync().unwrap();
    let on_disk = log.disk.records();
    assert!(on_disk.contains(b"good".as_slice()) && on_disk.contains(b"again".as_slice()));
}

/// Its record was lost before somebody else's sync succeeded: the later success is not its own.
#[test]
fn a_waiter_that_comes_late_is_not_told_of_a_success_after_its_failure() {
    let log = log(SyncMode::Always, Duration::ZERO);
    let lost = log.wal.append(b"lost").unwrap().position;
    log.disk.fail(true);
    assert!(log.wal.sync().is_err());
    log.disk.fail(false);
    log.wal.rotate().unwrap();
    log.push(b"kept").unwrap();
    assert!(lost < log.wal.synced());
    assert!(matches!(log.wal.acknowledge(lost), Err(WalError::Unsynced { .. })));
    assert_eq!(log.disk.records(), HashSet::from([b"kept".to_vec()]));
}

#[test]
fn a_segment_that_cannot_be_synced_when_it_ends_refuses_what_was_to_follow() {
    let log = log(SyncMode::Interval, Duration::ZERO);
    log.push(&[1; 4000]).unwrap();
    log.disk.fail(true);
    let refused = log.push(&[2; 4000]);
    assert!(matches!(refused, Err(WalError::Unsynced { .. })), "{refused:?}");
    log.disk.fail(false);
    assert!(log.push(&[3; 10]).is_err());
    log.wal.rotate().unwrap();
    log.push(&[4; 10]).unwrap();
}

/// Random failures while many write, in many rounds: the disk has whatever was acknowledged.
#[test]
fn a_disk_that_fails_now_and_then_loses_nothing_that_was_acknowledged() {
    let log = log(SyncMode::Always, Duration::from_micros(200));
    let is_over = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                log.disk.fail(round % 3 == 0);
                thread::sleep(Duration::from_millis(1));
                if log.wal.doubted().is_some() {
                    let _ = log.wal.rotate();
                }
            }
        });
        let acknowledged = write(&log, 8, 400);
        is_over.store(true, Ordering::SeqCst);
        acknowledged
    });
    let on_disk = log.disk.records();
    assert!(!acknowledged.is_empty() && acknowledged.len() < 3200, "{}", acknowledged.len());
    assert!(acknowledged.is_subset(&on_disk));
}
