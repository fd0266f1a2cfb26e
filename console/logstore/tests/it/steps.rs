//! A kill before any step that changes the disk: everything that was acknowledged is there once.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use console_blockkit::part::{PartProbe, PartStep};
use console_logstore::LogStore;
use console_storage::logs::LogAppender;

use crate::{DAY_NS, NOW_MS, config, copy, everything, open, stream};

/// Copies the store before each step.
#[derive(Default)]
struct Snapshots {
    of: PathBuf,
    to: PathBuf,
    /// The step and what was acknowledged before it.
    steps: Mutex<Vec<(PartStep, usize)>>,
    acknowledged: Mutex<usize>,
}

impl PartProbe for Snapshots {
    fn before(&self, step: PartStep) -> io::Result<()> {
        let mut steps = self.steps.lock().unwrap();
        copy(&self.of, &self.to.join(steps.len().to_string()));
        steps.push((step, *self.acknowledged.lock().unwrap()));
        Ok(())
    }
}

#[test]
fn a_kill_before_any_step_loses_nothing_and_doubles_nothing() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let probe =
        Arc::new(Snapshots { of: dir.path().into(), to: copies.path().into(), ..Snapshots::default() });
    let mut watched = config(dir.path());
    watched.probe = Arc::clone(&probe) as Arc<dyn PartProbe>;
    let store = LogStore::open(watched).unwrap();
    for i in 0..24i64 {
        // Of two days, so that a flush writes two parts.
        let line = format!("line {i}");
        store
            .append(vec![stream("a", &[(100 - i, &line)]), stream("b", &[(DAY_NS / 1_000_000 + i, &line)])])
            .unwrap();
        *probe.acknowledged.lock().unwrap() += 2;
        if i % 3 == 2 {
            store.flush().unwrap();
        }
    }
    store.maintain(NOW_MS);
    drop(store);
    let steps = probe.steps.lock().unwrap().clone();
    for step in [
        PartStep::Create,
        PartStep::Write,
        PartStep::SyncFile,
        PartStep::Rename,
        PartStep::SyncFolder,
        PartStep::Publish,
        PartStep::RemoveSegments,
        PartStep::RemovePart,
    ] {
        assert!(steps.iter().any(|(s, _)| *s == step), "{step:?}");
    }
    for (n, (step, acknowledged)) in steps.iter().enumerate() {
        let store = open(&copies.path().join(n.to_string()));
        let lines = everything(&store);
        assert_eq!(lines.len(), *acknowledged, "before step {n}, {step:?}");
        assert!(
            (0..acknowledged / 2).all(|i| lines.iter().filter(|l| **l == format!("line {i}")).count() == 2)
        );
        assert_eq!(store.stats().damaged_parts, 0);
    }
}
