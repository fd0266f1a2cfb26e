//! A disk that is really full, seen by a sender: writes are answered 503 until there is room, and reads go on.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use console_ingest::IngestLimits;
use console_model::Matcher;
use console_storage::metrics::SeriesReader;
use serde_json::json;

use crate::harness::{Harness, now};

const JSON: (&str, &str) = ("content-type", "application/json");
const PER_WRITE: u64 = 2_000;

/// Unmounts in the end, whatever became of the test.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Nothing where this user may not mount.
fn small_disk() -> Option<(Mounted, tempfile::TempDir)> {
    let dir = tempfile::tempdir().unwrap();
    let mut mount = Command::new(xtask_programs::path("mount").unwrap());
    mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path());
    let done = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|s| s.success()).then(|| (Mounted(dir.path().to_owned()), dir))
}

/// Samples of one gauge, with values that have all their bits.
fn write(number: u64, start_ns: u64) -> Vec<u8> {
    let point = |i: u64| {
        let noise = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
        json!({"timeUnixNano": (start_ns + i * 1_000_000).to_string(), "asDouble": noise as f64 / 3.0})
    };
    let points: Vec<_> = (number * PER_WRITE..(number + 1) * PER_WRITE).map(point).collect();
    let metrics = json!([{"name": "full", "gauge": {"dataPoints": points}}]);
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
    request.to_string().into_bytes()
}

fn stored(harness: &Harness) -> u64 {
    let found =
        harness.samples.select(&[Matcher::equal("__name__", "full")], 0, i64::MAX, usize::MAX).unwrap();
    found.iter().map(|s| s.samples.len() as u64).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_answers_503_with_a_reason_and_takes_writes_when_there_is_room() {
    let Some((mounted, dir)) = small_disk() else {
        let test = "disk_full::a_full_disk_answers_503_with_a_reason_and_takes_writes_when_there_is_room";
        return xtask_programs::repeat_as_root_of_a_namespace(test);
    };
    let other = mounted.0.join("somebody-else");
    fs::write(&other, vec![1; 3 << 20]).unwrap();
    let harness = Harness::in_dir(dir, &[], IngestLimits::default()).await;
    let start_ns = now() - 600_000_000_000;
    let mut accepted = 0;
    let (status, body, headers) = loop {
        let answer = harness.post("/v1/metrics", &[JSON], write(accepted, start_ns)).await;
        if answer.0 != 200 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 1_000, "the disk is never full");
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("disk is full"), "{body}");
    assert!(headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    assert!(accepted > 10, "{accepted} writes fit");
    // What was acknowledged can be read meanwhile.
    assert_eq!(stored(&harness), accepted * PER_WRITE);

    fs::remove_file(&other).unwrap();
    // The sender tries again, as it was told.
    let (status, ..) = harness.post("/v1/metrics", &[JSON], write(accepted, start_ns)).await;
    assert_eq!(status, 200);
    assert_eq!(stored(&harness), (accepted + 1) * PER_WRITE);
}
