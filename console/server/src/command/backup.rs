//! `backup` and `restore`.

use std::path::Path;

use console_backup::Summary;
use console_model::clock::now_ms;
use console_server::{Config, error_chain};

/// What a copy lacks, to be seen where it is made.
const ELSEWHERE: &str =
    "; users, sessions and what Flux told are in Postgres (state.postgres_url_file), and in its archive";

pub fn take(config: &Path, to: &Path) -> Result<String, String> {
    let config = Config::load(config).map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("the runtime does not start: {e}"))?;
    let taken = runtime.block_on(console_backup::copy(&config.data_dir, to, now_ms()));
    let taken = taken.map_err(|e| error_chain(&e))?;
    let elsewhere = if config.state.is_shared() { ELSEWHERE } else { "" };
    Ok(format!("{} holds {}{elsewhere}\n", to.display(), told(taken)))
}

pub fn put_back(config: &Path, from: &Path) -> Result<String, String> {
    let config = Config::load(config).map_err(|e| e.to_string())?;
    // Put back it would lie beside the database that is read, and nobody would see that it is not.
    if config.state.is_shared() && console_backup::holds_state(from).map_err(|e| error_chain(&e))? {
        return Err(format!(
            "{} holds users and sessions of a file, and state.postgres_url_file keeps them in Postgres: put it back with a \
             configuration without state",
            from.display()
        ));
    }
    let put = console_backup::restore(from, &config.data_dir).map_err(|e| error_chain(&e))?;
    Ok(format!("{} holds {}\n", config.data_dir.display(), told(put)))
}

fn told(summary: Summary) -> String {
    format!("{} files, {:.1} MB, begun at {} ms", summary.files, summary.bytes as f64 / 1e6, summary.began_ms)
}
