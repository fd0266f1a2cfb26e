//! Secrets of the local platform: made once, readable by their owner only.

use std::{
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::layout::Layout;

pub const ADMIN_PASSWORD: &str = "console-admin-password";
/// First log-in of the shop's staff pages.
pub const STAFF_PASSWORD: &str = "shop-staff-password";
/// What senders of telemetry show.
pub const TELEMETRY_WRITE_TOKEN: &str = "telemetry-write-token";
/// What readers of telemetry show.
pub const TELEMETRY_READ_TOKEN: &str = "telemetry-read-token";
pub const FAULTS_TOKEN: &str = "faults-token";
pub const PAYMENTS_WEBHOOK_SECRET: &str = "payments-webhook-secret";
/// Encrypts and signs the storefronts' cookies: 32 bytes in hex.
pub const COOKIE_KEY: &str = "cookie-key";
/// Under it, orders keep digests of addresses for vouchers: 32 bytes in hex.
pub const VOUCHER_DIGEST_KEY: &str = "voucher-digest-key";
/// The database superuser, of the supervisor alone.
pub const POSTGRES_SUPERUSER: &str = "postgres-superuser";
/// What the standby streams with.
pub const POSTGRES_REPLICATION: &str = "postgres-replication";

/// Every secret but the databases' passwords and the services' keys.
pub const NAMES: [&str; 10] = [
    ADMIN_PASSWORD,
    STAFF_PASSWORD,
    TELEMETRY_WRITE_TOKEN,
    TELEMETRY_READ_TOKEN,
    FAULTS_TOKEN,
    PAYMENTS_WEBHOOK_SECRET,
    COOKIE_KEY,
    VOUCHER_DIGEST_KEY,
    POSTGRES_SUPERUSER,
    POSTGRES_REPLICATION,
];

/// The file that holds a secret.
pub fn path(layout: &Layout, name: &str) -> PathBuf {
    layout.data.join("secrets").join(name)
}

/// The secret with which a service logs in to its database.
pub fn database_password(service: &str) -> String {
    format!("postgres-{service}")
}

/// Makes the secrets that are missing; `more` are names that others need beside the usual ones.
pub fn ensure(layout: &Layout, more: &[String]) -> Result<(), String> {
    for name in NAMES.into_iter().chain(more.iter().map(String::as_str)) {
        let file = path(layout, name);
        if file.is_file() {
            continue;
        }
        // People type passwords; keys are as long as their cipher wants them.
        let secret = match name {
            COOKIE_KEY | PAYMENTS_WEBHOOK_SECRET | VOUCHER_DIGEST_KEY => {
                hex::encode(rand::random::<[u8; 32]>())
            }
            _ => hex::encode(rand::random::<[u8; 12]>()),
        };
        write_new(&file, secret.as_bytes())?;
    }
    Ok(())
}

/// Writes a file that nobody else may read. Fails when there is one: a secret is never replaced by accident.
pub fn write_new(file: &Path, content: &[u8]) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("cannot write {}: {e}", file.display());
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).map_err(fail)?;
    }
    let mut out =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(fail)?;
    out.write_all(content).map_err(fail)
}

/// Writes a file that nobody else may read, in the place of one that is there.
pub fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("cannot write {}: {e}", file.display());
    let mut options = std::fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(fail)?;
    // One from before may be open to others.
    out.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    out.write_all(content).map_err(fail)
}

pub fn read(layout: &Layout, name: &str) -> Result<String, String> {
    let file = path(layout, name);
    std::fs::read_to_string(&file)
        .map(|s| s.trim().to_owned())
        .map_err(|e| format!("cannot read {}: {e} (has `make up` run here?)", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_could_read_is_theirs_no_more_once_it_holds_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("quarterdeck.yml");
        std::fs::write(&file, "a longer text than what comes").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&file, b"tokens").unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode, std::fs::read_to_string(&file).unwrap().as_str()), (0o600, "tokens"));
    }
}
