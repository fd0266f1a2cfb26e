//! `console-fuzzing` lists the fuzz targets; `console-fuzzing TARGET FOLDER` writes the seeds of one as files, and its
//! words as a dictionary for libFuzzer.

use std::{fs, io, path::Path, process::ExitCode};

use console_fuzzing::{TARGETS, Target, find};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            for target in TARGETS {
                println!("{}", target.name);
            }
            ExitCode::SUCCESS
        }
        [name, folder] => match find(name) {
            Some(target) => write(target, Path::new(folder)).map_or_else(
                |e| {
                    eprintln!("cannot write seeds: {e}");
                    ExitCode::FAILURE
                },
                |()| ExitCode::SUCCESS,
            ),
            None => {
                eprintln!("no target {name:?}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: console-fuzzing [TARGET FOLDER]");
            ExitCode::from(2)
        }
    }
}

fn write(target: &Target, folder: &Path) -> io::Result<()> {
    let corpus = folder.join("corpus").join(target.name);
    fs::create_dir_all(&corpus)?;
    for (i, seed) in (target.seeds)().iter().enumerate() {
        fs::write(corpus.join(format!("seed-{i:04}")), seed)?;
    }
    let mut dictionary = String::new();
    for word in target.words {
        let quoted: Vec<String> = word.bytes().map(|b| format!("\\x{b:02x}")).collect();
        dictionary.push_str(&format!("\"{}\"\n", quoted.concat()));
    }
    fs::write(folder.join("corpus").join(format!("{}.dict", target.name)), dictionary)
}
