//! `backup` and `restore`.

use std::path::Path;

use console_backup::Summary;
use console_model::clock::now_ms;
use console_server::{Config, error_chain};

pub fn take(config: &Path, to: &Path) -> Result<String, String> {
    let config = Config::load(config).map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("the runtime does not start: {e}"))?;
    let taken = runtime.block_on(console_backup::copy(&config.data_dir, to, now_ms()));
    let taken = taken.map_err(|e| error_chain(&e))?;
    Ok(format!("{} holds {}\n", to.display(), told(taken)))
}

pub fn put_back(config: &Path, from: &Path) -> Result<String, String> {
    let config = Config::load(config).map_err(|e| e.to_string())?;
    let put = console_backup::restore(from, &config.data_dir).map_err(|e| error_chain(&e))?;
    Ok(format!("{} holds {}\n", config.data_dir.display(), told(put)))
}

fn told(summary: Summary) -> String {
    format!("{} files, {:.1} MB, begun at {} ms", summary.files, summary.bytes as f64 / 1e6, summary.began_ms)
}
