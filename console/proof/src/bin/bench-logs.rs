//! `bench-logs`: the cost of the console's logs beside VictoriaLogs and Loki.

use std::process::ExitCode;

use clap::Parser;
use console_proof::bench::{
    logs::{Options, run},
    told,
};

#[tokio::main]
async fn main() -> ExitCode {
    told("bench-logs", run(&Options::parse()).await)
}
