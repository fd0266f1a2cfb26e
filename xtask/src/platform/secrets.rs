//! Secrets of the local platform: made once, readable by their owner only.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use super::layout::Layout;

pub const ADMIN_PASSWORD: &str = "console-admin-password";
pub const TELEMETRY_TOKEN: &str = "telemetry-token";
pub const FAULTS_TOKEN: &str = "faults-token";

/// The file that holds a secret.
pub fn path(layout: &Layout, name: &str) -> PathBuf {
    layout.data.join("secrets").join(name)
}

/// Makes the secrets that are missing.
pub fn ensure(layout: &Layout) -> Result<(), String> {
    for name in [ADMIN_PASSWORD, TELEMETRY_TOKEN, FAULTS_TOKEN] {
        let file = path(layout, name);
        if file.is_file() {
            continue;
        }
        let fail = |e: std::io::Error| format!("cannot write {}: {e}", file.display());
        std::fs::create_dir_all(layout.data.join("secrets")).map_err(fail)?;
        let secret = hex::encode(rand::random::<[u8; 12]>());
        let mut out =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(fail)?;
        out.write_all(secret.as_bytes()).map_err(fail)?;
    }
    Ok(())
}

pub fn read(layout: &Layout, name: &str) -> Result<String, String> {
    let file = path(layout, name);
    std::fs::read_to_string(&file)
        .map(|s| s.trim().to_owned())
        .map_err(|e| format!("cannot read {}: {e} (has `make up` run here?)", file.display()))
}
