//! The folder of mails: one `{event id}.eml` each.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
};

use sqlx::types::Uuid;

use crate::invariants::{
    MailFolder,
    snapshot::{Mail, MailFiles},
};

/// Most files that are read.
const MAX_FILES: usize = 100_000;
/// Headers come first; more of a mail is not read.
const HEAD_BYTES: u64 = 4096;

/// Reads whose mails are there, with their subjects and addresses. A folder that is not there yet has none.
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
                    files.mails.insert(event, mail(&head));
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

/// Headers that matter. A long one goes on in the next line, which begins with a blank (RFC 5322, 2.2.3).
fn mail(head: &str) -> Mail {
    let unfolded = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let headers = unfolded.split("\n\n").next().unwrap_or_default();
    let header =
        |name: &str| headers.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let to = header("To: ");
    // `Kim <kim@example.com>`, or the address alone.
    let address = to.rsplit_once('<').map_or(to, |(_, rest)| rest.trim_end_matches('>'));
    Mail { subject: header("Subject: ").to_owned(), to: address.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_folded_and_a_body_that_looks_like_a_header_do_not_hide_the_address() {
        let text = "Subject: Your order\r\nTo: =?utf-8?b?S2lt?=\r\n <Kim@Example.com>\r\n\r\nTo: sam@example.com\r\n";
        let it = mail(text);
        assert_eq!((it.subject.as_str(), it.to.as_str()), ("Your order", "kim@example.com"));
        assert_eq!(mail("To: kim@example.com\r\n\r\n").to, "kim@example.com");
    }
}
