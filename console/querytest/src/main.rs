//! `console-querytest FOLDER [--verbose] [--record FILE]`: the score of the engine against scripts in Prometheus' test
//! language. `--record` also writes it down, for the console to show. Exits with 1 where an evaluation fails.
//!
//! `console-querytest --read`: queries from standard input, each read by its language's parser (see `queries`).

use std::{
    fs,
    io::{self, BufWriter},
    path::PathBuf,
    process::ExitCode,
};

use console_querytest::{queries, score};

const USAGE: &str =
    "usage: console-querytest FOLDER [--verbose] [--record FILE]\n       console-querytest --read";

/// The folder, whether each failure is told, and where to write the score.
fn arguments() -> Option<(PathBuf, bool, Option<PathBuf>)> {
    let (mut folder, mut is_verbose, mut record) = (None, false, None);
    let mut all = std::env::args().skip(1);
    while let Some(one) = all.next() {
        match one.as_str() {
            "--verbose" => is_verbose = true,
            "--record" => record = Some(PathBuf::from(all.next()?)),
            path if !path.starts_with("--") && folder.is_none() => folder = Some(PathBuf::from(path)),
            _ => return None,
        }
    }
    Some((folder?, is_verbose, record))
}

fn main() -> ExitCode {
    if std::env::args().skip(1).eq(["--read"]) {
        return match queries::read_all(io::stdin().lock(), BufWriter::new(io::stdout().lock())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("cannot read the queries: {e}");
                ExitCode::FAILURE
            }
        };
    }
    let Some((folder, is_verbose, record)) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if !folder.is_dir() {
        println!("skipped: {} is absent", folder.display());
        return ExitCode::SUCCESS;
    }
    match score::run_folder(&folder) {
        Ok(scores) => {
            if is_verbose {
                print!("{}", score::failures(&scores));
            }
            print!("{}", score::table(&scores));
            if let Some(file) = record
                && let Err(e) = fs::write(&file, score::record(&scores, console_model::clock::now_ms()))
            {
                eprintln!("cannot write {}: {e}", file.display());
                return ExitCode::FAILURE;
            }
            let (passed, all) = score::total(&scores, |_| true);
            if passed == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            eprintln!("cannot read {}: {e}", folder.display());
            ExitCode::FAILURE
        }
    }
}
