//! The edge: nginx balances the storefronts, and caches what they allow: assets, pictures, pages of anonymous readers.
//!
//! What must always hold: only storefront routes are reachable; an instance is left out for connection errors only,
//! whatever it answers; what the shop's own processes tell each other in headers is not taken from outside; a page that
//! was made for somebody is neither kept nor answered from the cache.

mod nginx;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use nginx::configuration;
use rustix::process::Signal;

use super::{layout::Layout, probe::Probe, process::Unit};

/// Writes nginx' configuration and describes its process.
pub fn unit(layout: &Layout) -> Result<Unit, String> {
    let dir = layout.data.join("edge");
    let file = prepare(&dir, &nginx::configuration(layout.ports.edge, &layout.service_urls("storefront")))?;
    let mut unit = Unit::new("edge", "edge", xtask_programs::path("nginx")?, layout.log_file("edge"));
    unit.args = vec!["-p".into(), format!("{}/", dir.display()), "-c".into(), file.display().to_string()];
    unit.probe = Probe::http(format!("{}/edge-health", layout.shop_url()));
    unit.address = layout.shop_url();
    // QUIT lets requests in flight finish.
    unit.stop_signal = Signal::QUIT;
    Ok(unit)
}

/// Makes nginx' folders and writes its file.
fn prepare(dir: &Path, configuration: &str) -> Result<PathBuf, String> {
    let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
    for sub in ["cache", "pages", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        std::fs::create_dir_all(dir.join(sub)).map_err(fail)?;
    }
    let file = dir.join("nginx.conf");
    std::fs::write(&file, configuration).map_err(fail)?;
    Ok(file)
}
