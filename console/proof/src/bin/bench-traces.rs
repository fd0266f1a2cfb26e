//! `bench-traces`: the cost of the console's traces beside VictoriaTraces.

use std::process::ExitCode;

use clap::Parser;
use console_proof::bench::{
    told,
    traces::{Options, run},
};

#[tokio::main]
async fn main() -> ExitCode {
    told("bench-traces", run(&Options::parse()).await)
}
