//! Disks without room.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use console_blockkit::part::{PartProbe, PartStep};
use console_logstore::LogStore;
use console_storage::{AppendError, logs::LogAppender};

use crate::{config, everything, stream};

/// A disk that is full while told so.
#[derive(Default)]
struct Full(AtomicBool);

impl PartProbe for Full {
    fn before(&self, step: PartStep) -> io::Result<()> {
        let needs_room = matches!(step, PartStep::Create | PartStep::Write | PartStep::SyncFile);
        if needs_room && self.0.load(Ordering::Relaxed) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_full_disk_refuses_pushes_with_the_reason_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let probe = Arc::new(Full::default());
    let mut small = config(dir.path());
    small.max_head_bytes = 20_000;
    small.probe = Arc::clone(&probe) as Arc<dyn PartProbe>;
    let store = LogStore::open(small.clone()).unwrap();
    let push = |i: i64| store.append(vec![stream("a", &[(100_000 - i, &format!("line {i}"))])]);
    let mut accepted = Vec::new();
    probe.0.store(true, Ordering::Relaxed);
    let refusal = (0..10_000).find_map(|i| match push(i) {
        Ok(_) => {
            accepted.push(format!("line {i}"));
            None
        }
        Err(e) => Some(e),
    });
    let Some(AppendError::Busy { reason, retry_after_s }) = refusal else { panic!("{refusal:?}") };
    assert!(
        reason.contains("max_head_bytes (20000)") && reason.contains("part") && retry_after_s >= 1,
        "{reason}"
    );
    assert!(accepted.len() > 10);
    assert_eq!(everything(&store), accepted);
    probe.0.store(false, Ordering::Relaxed);
    push(20_000).unwrap();
    accepted.push("line 20000".into());
    assert_eq!(everything(&store), accepted);
    drop(store);
    assert_eq!(everything(&LogStore::open(small).unwrap()), accepted);
}

#[test]
fn below_the_floor_of_free_bytes_nothing_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let mut never = config(dir.path());
    never.min_free_bytes = u64::MAX;
    let refusal = LogStore::open(never).unwrap().append(vec![stream("a", &[(1, "x")])]);
    assert!(
        matches!(&refusal, Err(AppendError::Busy { reason, .. }) if reason.contains("min_free_bytes")),
        "{refusal:?}"
    );
}
