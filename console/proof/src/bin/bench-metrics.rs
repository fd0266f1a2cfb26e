//! `bench-metrics`: the cost of the console's metrics beside Prometheus 3 and VictoriaMetrics.

use std::process::ExitCode;

use clap::Parser;
use console_proof::bench::{
    metrics::{Options, run},
    told,
};

#[tokio::main]
async fn main() -> ExitCode {
    told("bench-metrics", run(&Options::parse()).await)
}
