//! The folder of mails: one `{event id}.eml` each.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
};

use sqlx::types::Uuid;

use crate::invariants::{MailFolder, snapshot::MailFiles};

/// Most files that are read.
const MAX_FILES: usize = 100_000;
/// Headers come first; more of a mail is not read.
const HEAD_BYTES: u64 = 4096;

/// Reads whose mails are there, with their subjects. A folder that is not there yet has none.
pub fn read(folder: &MailFolder) -> Result<MailFiles, String> {
    let fail = |e: std::io::Error| format!("{} cannot be read: {e}", folder.path.display());
    let mut files = MailFiles { keep: folder.keep, ..MailFiles::default() };
    let entries = match fs::read_dir(&folder.path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(files),
        Err(e) => return Err(fail(e)),
    };
    for (read, entry) in entries.enumerate() {
        if read == MAX_FILES {
            return Err(format!("{} has more than {MAX_FILES} files", folder.path.display()));
        }
        let entry = entry.map_err(fail)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Being written.
        if name.starts_with('.') {
            continue;
        }
        match name.strip_suffix(".eml").and_then(|id| id.parse::<Uuid>().ok()) {
            None => files.strangers.push(name),
            Some(event) => match head(&entry.path()) {
                Ok(head) => {
                    files.subjects.insert(event, subject(&head).to_owned());
                }
                // Among the oldest, and removed just now.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(fail(e)),
            },
        }
    }
    Ok(files)
}

fn head(path: &std::path::Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn subject(head: &str) -> &str {
    head.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().trim()
}
