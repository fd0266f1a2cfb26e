//! `kill -9` while writing: what was acknowledged is there, once.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use console_storage::traces::{SpanAppender, SpanReader};

use console_tracestore::{TraceStore, TraceStoreConfig};

use crate::{NOW_MS, config, open, span, trace_id};

const DIR: &str = "QUARTERDECK_TEST_TRACESTORE_DIR";
const SPANS: u64 = 20;

/// The victim: runs only as a child of the test below, which tells it where to write.
#[test]
fn crash_writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    // Parts are written, merged and cut from the log all the time.
    let small =
        TraceStoreConfig { max_head_bytes: 64 << 10, segment_bytes: 16 << 10, ..config(dir.as_ref()) };
    let store = TraceStore::open(small).unwrap();
    for batch in 1.. {
        store.append((1..=SPANS).map(|i| span(batch, i, "orders", 100)).collect()).unwrap();
        println!("stored {batch}");
        if batch % 7 == 0 {
            store.maintain(NOW_MS);
        }
    }
}

#[test]
fn acknowledged_spans_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::crash_writer", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for line in lines.map_while(Result::ok) {
            // The harness prints the test's name on the same line as the first answer.
            let Some((_, n)) = line.split_once("stored ") else { continue };
            acknowledged = n.parse().unwrap();
            if acknowledged == 50 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= 50 * round, "the victim stopped by itself at {acknowledged}");
        let store = open(dir.path());
        for batch in 1..=acknowledged {
            let spans = store.trace(trace_id(batch)).unwrap().map(|t| t.spans.len());
            assert_eq!(spans, Some(SPANS as usize), "batch {batch} of {acknowledged}");
        }
    }
}
