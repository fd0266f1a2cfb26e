//! Figures of crashes: `crash_proof kills ROUNDS` kills a writing store that often, `crash_proof start GIGABYTES` measures
//! how long a log of that size takes to open.
//!
//! cargo run --release -p console-tsdb --example crash_proof -- kills 200

mod proof;
mod start;

use std::{path::Path, process::Command};

const SEED: u64 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "victim", dir, last] => proof::write(Path::new(dir), last.parse().expect("a number of a batch")),
        [ref program, "kills", rounds] => {
            let dir = tempfile::tempdir().expect("a temporary folder can be made");
            let victim = |last: i64| {
                let mut command = Command::new(program);
                command.arg("victim").arg(dir.path()).arg(last.to_string());
                command
            };
            let figures = proof::kill(dir.path(), rounds.parse().expect("a number of rounds"), SEED, &victim);
            println!("{figures}");
            assert!(figures.is_clean(), "an acknowledged batch is not there as it was written");
        }
        [program, "start", gigabytes] => {
            start::measure(program, gigabytes.parse().expect("a number of gigabytes"));
        }
        [_, "open", dir, now_ms] => start::open(Path::new(dir), now_ms.parse().expect("a time")),
        _ => {
            eprintln!("usage: crash_proof kills ROUNDS | start GIGABYTES");
            std::process::exit(2);
        }
    }
}
