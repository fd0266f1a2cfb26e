//! Folders of the first version of the store, which have only a log, and folders that have lost theirs.

use console_blockkit::{Wal, WalConfig};
use console_logstore::{LogStore, codec};
use console_storage::logs::LogAppender as _;

use crate::{config, everything, files, open, stream};

#[test]
fn a_folder_of_the_first_version_is_read_whole_and_becomes_parts() {
    let dir = tempfile::tempdir().unwrap();
    // As the first version wrote it: segments of its own size, each record by itself.
    let wal_config = WalConfig { segment_bytes: 20_000, max_record_bytes: 64 << 20 };
    let (wal, _) = Wal::open(dir.path(), wal_config, &mut |_, _| {}).unwrap();
    for i in 0..3_000i64 {
        let noise = i.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
        wal.append(&codec::encode(&[stream("a", &[(4_000 - i, &format!("{i} {noise:x}"))])])).unwrap();
    }
    assert!(wal.segments().len() > 5);
    drop(wal);
    let mut small = config(dir.path());
    small.max_head_bytes = 100_000;
    for _ in 0..2 {
        let store = LogStore::open(small.clone()).unwrap();
        let lines = everything(&store);
        assert_eq!(lines.len(), 3_000);
        assert!(lines.iter().enumerate().all(|(i, l)| l.starts_with(&format!("{i} "))));
        assert!(store.stats().parts > 0 && store.stats().damaged_records == 0);
        assert!(files(dir.path(), "wal").len() < 5, "what is in parts is not in the log");
    }
}

#[test]
fn what_comes_after_the_log_of_parts_was_lost_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for i in 0..3 {
        store.append(vec![stream("a", &[(10 - i, &format!("in part {i}"))])]).unwrap();
        store.flush().unwrap();
    }
    drop(store);
    for log in files(dir.path(), "wal") {
        std::fs::remove_file(log).unwrap();
    }
    let store = open(dir.path());
    store.append(vec![stream("a", &[(1, "in the new log")])]).unwrap();
    drop(store);
    assert_eq!(everything(&open(dir.path())), ["in part 0", "in part 1", "in part 2", "in the new log"]);
}
