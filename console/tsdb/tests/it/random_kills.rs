//! `kill -9` at random moments, again and again on one folder, while blocks are flushed, merged and dropped all the time.

use std::process::Command;

#[path = "../../examples/crash_proof/proof.rs"]
mod proof;

const DIR: &str = "QUARTERDECK_TEST_TSDB_KILL_DIR";
const LAST: &str = "QUARTERDECK_TEST_TSDB_KILL_LAST";
const ROUNDS: u64 = 60;
const SEED: u64 = 7;

/// Runs only as a child of the test below, which tells it where to write and from which batch on.
#[test]
fn victim() {
    if let Some(dir) = std::env::var_os(DIR) {
        let last = std::env::var_os(LAST).unwrap();
        proof::write(dir.as_ref(), last.to_str().unwrap().parse().unwrap());
    }
}

#[test]
fn no_kill_loses_doubles_or_tears_an_acknowledged_batch() {
    let dir = tempfile::tempdir().unwrap();
    let victim = |last: i64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "random_kills::victim", "--nocapture"]);
        command.env(DIR, dir.path()).env(LAST, last.to_string());
        command
    };
    let figures = proof::kill(dir.path(), ROUNDS, SEED, &victim);
    println!("{figures}");
    assert!(figures.is_clean(), "{figures}");
    // Otherwise nothing was tried.
    assert!(figures.acknowledged > 5_000 && figures.blocks > 2 && figures.early > 0, "{figures}");
}
