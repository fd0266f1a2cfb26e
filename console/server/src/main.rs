//! The console's program.

// Pages are large types; optimised builds lay them out here.
#![recursion_limit = "512"]

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::Quarterdeck;
use tikv_jemallocator::Jemalloc;

/// Ingest makes and frees many small things: with the system's allocator that alone costs a third of its time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match command::run(Quarterdeck::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("quarterdeck: {message}");
            ExitCode::FAILURE
        }
    }
}
