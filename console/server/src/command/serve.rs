//! `quarterdeck serve`: a configured console until SIGTERM or SIGINT.

use std::{path::Path, time::Duration};

use console_server::{Config, error_chain, run};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Threads for files, SQLite and git.
const BLOCKING_THREADS: usize = 32;
/// How long those are waited for once everything is on disk: a network file system may hang for ever.
const LEFT_OVER: Duration = Duration::from_secs(2);

pub fn serve(config_file: &Path, log_filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(log_filter).map_err(|e| format!("--log: {e}"))?;
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    let config = Config::load(config_file).map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|e| format!("the runtime does not start: {e}"))?;
    let stop = CancellationToken::new();
    let ended = runtime.block_on(async {
        tokio::spawn(wait_for_signal(stop.clone()));
        run(config, stop).await
    });
    runtime.shutdown_timeout(LEFT_OVER);
    ended.map_err(|e| error_chain(&e))
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
