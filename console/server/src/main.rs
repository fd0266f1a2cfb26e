//! The console's program.

// Pages are large types; optimised builds lay them out here.
#![recursion_limit = "512"]

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use console_server::{Config, error_chain, run};
use tikv_jemallocator::Jemalloc;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Ingest makes and frees many small things: with the system's allocator that alone costs a third of its time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The ops console: telemetry stores, query APIs, alerting and pages in one program.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file (YAML).
    #[arg(long, default_value = "quarterdeck.yml")]
    config: PathBuf,
    /// Only check the configuration and the files that it names.
    #[arg(long)]
    check: bool,
    /// What is logged, as `tracing` filters are written.
    #[arg(long, env = "RUST_LOG", default_value = "info", hide_env = true)]
    log: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = match EnvFilter::try_new(&arguments.log) {
        Ok(filter) => filter,
        Err(e) => return refuse(&format!("--log: {e}")),
    };
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(e) => return refuse(&e.to_string()),
    };
    if arguments.check {
        println!("{}: the configuration is correct", arguments.config.display());
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(32).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => return refuse(&format!("the runtime does not start: {e}")),
    };
    let stop = CancellationToken::new();
    match runtime.block_on(async {
        tokio::spawn(wait_for_signal(stop.clone()));
        run(config, stop).await
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => refuse(&error_chain(&e)),
    }
}

async fn wait_for_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be handled");
        return;
    };
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    tracing::info!("stopping");
    stop.cancel();
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("console-server: {message}");
    ExitCode::FAILURE
}
