//! `kill -9` while writing: what was acknowledged is there, once.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use console_model::{Matcher, metric::Sample};
use console_storage::metrics::{SampleAppender, SeriesBatch, SeriesReader};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::{NOW, config, labels};

const DIR: &str = "QUARTERDECK_TEST_TSDB_DIR";
const SERIES: usize = 50;

/// Small segments: kills fall into every stage of a rotation too.
fn small(dir: &std::path::Path) -> TsdbConfig {
    TsdbConfig { segment_bytes: 4_000, ..config(dir) }
}

fn series(n: usize) -> console_model::Labels {
    labels(&[("__name__", "x"), ("n", &n.to_string())])
}

/// Blocks of a quarter of a second: kills fall into every stage of a flush and of a merge.
fn flushing(dir: &std::path::Path) -> TsdbConfig {
    TsdbConfig { block_ms: 250, out_of_order_ms: 0, ..small(dir) }
}

/// The victims: they run only as children of the tests below, which tell them where to write.
#[test]
fn crash_writer() {
    if let Some(dir) = std::env::var_os(DIR) {
        write(&Tsdb::open(small(dir.as_ref())).unwrap(), false);
    }
}

#[test]
fn crash_flusher() {
    if let Some(dir) = std::env::var_os(DIR) {
        write(&Tsdb::open(flushing(dir.as_ref())).unwrap(), true);
    }
}

fn write(db: &Tsdb, maintain: bool) -> ! {
    let done = db.select(&[], i64::MIN, i64::MAX, usize::MAX).unwrap();
    let first = done.iter().flat_map(|s| &s.samples).map(|s| s.t_ms).max().map_or(1, |t| t - NOW + 3_600_001);
    std::thread::scope(|scope| {
        let (due, times) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || times.into_iter().for_each(|now_ms| db.maintain(now_ms)));
        for i in first.. {
            let t_ms = NOW - 3_600_000 + i;
            let samples = vec![Sample { t_ms, v: i as f64 }];
            let batch: Vec<_> =
                (0..SERIES).map(|n| SeriesBatch::floats(series(n), samples.clone())).collect();
            db.append(&batch).unwrap();
            println!("stored {i}");
            if maintain {
                let _ = due.try_send(t_ms);
            }
        }
    });
    unreachable!("somebody kills this process")
}

#[test]
fn acknowledged_samples_survive_kill_9() {
    kill("crash::crash_writer", 4, 97, small);
}

#[test]
fn acknowledged_samples_survive_kill_9_during_flushes() {
    let blocks = kill("crash::crash_flusher", 8, 211, flushing);
    assert!(blocks > 3, "{blocks} blocks");
}

/// Starts and kills the victim several times; answers the number of blocks in the end.
fn kill(victim: &str, rounds: i64, step: i64, config: fn(&std::path::Path) -> TsdbConfig) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let (mut total, mut blocks) = (0i64, 0);
    for round in 1..=rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", victim, "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        for line in answers.map_while(Result::ok) {
            // The harness prints the test's name on the same line as the first answer.
            let Some((_, n)) = line.split_once("stored ") else { continue };
            acknowledged = n.parse().unwrap();
            if acknowledged == total + step * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= total + step * round, "the victim stopped by itself at {acknowledged}");
        let db = Tsdb::open(config(dir.path())).unwrap();
        let stats = db.stats();
        assert_eq!((stats.damaged_records, stats.damaged_blocks), (0, 0));
        blocks = stats.blocks;
        for n in 0..SERIES {
            let matchers = [Matcher::equal("n", n.to_string())];
            let found = db.select(&matchers, i64::MIN, i64::MAX, usize::MAX).unwrap();
            let values: Vec<i64> = found[0].samples.iter().map(|s| s.v as i64).collect();
            total = values.len() as i64;
            assert!(total >= acknowledged, "series {n} lost samples: {total} of {acknowledged}");
            assert_eq!(values, (1..=total).collect::<Vec<_>>(), "series {n}");
        }
        assert_eq!(stats.samples, total as u64 * SERIES as u64);
    }
    blocks
}
