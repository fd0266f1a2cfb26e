//! `diff-prometheus`: the console's PromQL against Debian's Prometheus 2.42. Fails where one answer differs and no
//! documented change of Prometheus accounts for it.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use console_proof::{
    diff::{self, Options},
    peer::{console, prometheus},
};

#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Random queries.
    #[arg(long, default_value_t = 20_000)]
    queries: usize,
    /// Of series and queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The console's program; else `quarterdeck` of the same build.
    #[arg(long)]
    console: Option<PathBuf>,
    /// Prometheus' program; else the installed one.
    #[arg(long)]
    prometheus: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match compared(arguments).await {
        Ok(report) => {
            println!("{report}");
            if report.different.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            eprintln!("diff-prometheus: {e}");
            ExitCode::from(2)
        }
    }
}

async fn compared(arguments: Arguments) -> Result<diff::Report, diff::DiffError> {
    let console = match arguments.console {
        Some(program) => program,
        None => console::program()?,
    };
    let prometheus = match arguments.prometheus {
        Some(program) => program,
        None => prometheus::program()?,
    };
    let Arguments { queries, seed, .. } = arguments;
    diff::run(&Options { queries, seed, console, prometheus }).await
}
