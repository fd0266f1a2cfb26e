//! `console-querytest FOLDER [--verbose]`: the score of the engine against scripts in Prometheus' test language.

use std::{path::PathBuf, process::ExitCode};

use console_querytest::score;

fn main() -> ExitCode {
    let (flags, paths): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let is_verbose = flags.iter().any(|f| f == "--verbose");
    let ([folder], true) = (paths.as_slice(), flags.iter().all(|f| f == "--verbose")) else {
        eprintln!("usage: console-querytest FOLDER [--verbose]");
        return ExitCode::from(2);
    };
    let folder = PathBuf::from(folder);
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
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("cannot read {}: {e}", folder.display());
            ExitCode::FAILURE
        }
    }
}
