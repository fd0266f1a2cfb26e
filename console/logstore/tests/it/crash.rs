//! `kill -9` while writing: what was acknowledged is there, once.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use console_logstore::LogStore;
use console_storage::logs::LogAppender;

use crate::{NOW_MS, config, everything, stream};

const DIR: &str = "QUARTERDECK_TEST_LOGSTORE_DIR";

/// So small that flushes and merges never cease.
fn open(dir: &Path) -> LogStore {
    let mut small = config(dir);
    (small.max_head_bytes, small.segment_bytes) = (40_000, 4_000);
    LogStore::open(small).unwrap()
}

/// The victim: runs only as a child of the test below, which tells it where to write.
#[test]
fn crash_writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = open(dir.as_ref());
    for batch in 1i64.. {
        let line = format!("batch {batch}");
        store.append(vec![stream("a", &[(1000, &line)]), stream("b", &[(batch, &line)])]).unwrap();
        println!("stored {batch}");
        if batch % 100 == 0 {
            store.maintain(NOW_MS);
        }
    }
}

#[test]
fn acknowledged_lines_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=6u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::crash_writer", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0u64;
        for line in answers.map_while(Result::ok) {
            // The harness prints the test's name on the same line as the first answer.
            let Some((_, n)) = line.split_once("stored ") else { continue };
            acknowledged = n.parse().unwrap();
            if acknowledged == 170 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= 170 * round, "the victim stopped by itself at {acknowledged}");
        let mut seen: HashMap<String, u32> = HashMap::new();
        for line in everything(&open(dir.path())) {
            *seen.entry(line).or_default() += 1;
        }
        for batch in 1..=acknowledged {
            assert_eq!(seen.get(&format!("batch {batch}")), Some(&2), "batch {batch} of {acknowledged}");
        }
    }
}
