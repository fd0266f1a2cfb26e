//! Addresses and tokens from configuration: inline or from a file that is read at every use, so that it may change.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use console_storage::file::read_secret;

use crate::routing::Integration;

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
    match read_secret(file) {
        Ok(text) => Some(text).filter(|t| !t.is_empty()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "could not read a secret");
            None
        }
    }
}

fn resolve(file: &str, beside: &Path) -> PathBuf {
    beside.parent().unwrap_or(Path::new(".")).join(file)
}
