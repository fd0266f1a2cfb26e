//! `bench-metrics`: the cost of the console's metrics beside Debian's Prometheus and VictoriaMetrics.

use std::process::ExitCode;

use clap::Parser;
use console_proof::bench::{Options, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let mut message = e.to_string();
            let mut cause = std::error::Error::source(&e);
            while let Some(c) = cause {
                message += &format!(": {c}");
                cause = c.source();
            }
            eprintln!("bench-metrics: {message}");
            ExitCode::FAILURE
        }
    }
}
