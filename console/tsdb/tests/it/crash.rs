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

/// The victim: runs only as a child of the test below, which tells it where to write.
#[test]
fn crash_writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let db = Tsdb::open(small(dir.as_ref())).unwrap();
    let done = db.select(&[], i64::MIN, i64::MAX, usize::MAX).unwrap();
    let first = done.iter().flat_map(|s| &s.samples).map(|s| s.t_ms).max().map_or(1, |t| t - NOW + 3_600_001);
    for i in first.. {
        let samples = vec![Sample { t_ms: NOW - 3_600_000 + i, v: i as f64 }];
        let batch: Vec<_> =
            (0..SERIES).map(|n| SeriesBatch { labels: series(n), samples: samples.clone() }).collect();
        db.append(&batch).unwrap();
        println!("stored {i}");
    }
}

#[test]
fn acknowledged_samples_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut total = 0i64;
    for round in 1..=4i64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::crash_writer", "--nocapture"])
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
            if acknowledged == total + 97 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged >= total + 97 * round, "the victim stopped by itself at {acknowledged}");
        let db = Tsdb::open(small(dir.path())).unwrap();
        assert_eq!(db.stats().damaged_records, 0);
        for n in 0..SERIES {
            let matchers = [Matcher::equal("n", n.to_string())];
            let found = db.select(&matchers, i64::MIN, i64::MAX, usize::MAX).unwrap();
            let values: Vec<i64> = found[0].samples.iter().map(|s| s.v as i64).collect();
            total = values.len() as i64;
            assert!(total >= acknowledged, "series {n} lost samples: {total} of {acknowledged}");
            assert_eq!(values, (1..=total).collect::<Vec<_>>(), "series {n}");
        }
    }
}
