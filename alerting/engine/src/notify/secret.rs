//! Addresses and tokens from configuration: inline or from a file that is read at every use, so that it may change.

use std::path::{Path, PathBuf};

use console_storage::file::read_text;

use crate::routing::Integration;

const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The value of `name`, of the file named by `name_file`, or their global counterparts. Relative files are beside the
/// routing file. A file that is absent or empty means "not configured".
pub(crate) fn lookup(integration: &Integration, name: &str, global: &str, beside: &Path) -> Option<String> {
    let file_of = |field: Option<String>| field.and_then(|f| read(&resolve(&f, beside)));
    let own = &integration.fields;
    if own.has(name) {
        return own.text(name);
    }
    if own.has(&format!("{name}_file")) {
        return file_of(own.text(&format!("{name}_file")));
    }
    integration.global.text(global).or_else(|| file_of(integration.global.text(&format!("{global}_file"))))
}

/// The trimmed text of a file, unless it is absent or empty.
pub(crate) fn read(file: &Path) -> Option<String> {
    if !file.try_exists().unwrap_or(true) {
        return None;
    }
    match read_text(file, MAX_SECRET_BYTES) {
        Ok(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
        Err(error) => {
            tracing::warn!(file = %file.display(), error, "could not read a secret");
            None
        }
    }
}

fn resolve(file: &str, beside: &Path) -> PathBuf {
    beside.parent().unwrap_or(Path::new(".")).join(file)
}
