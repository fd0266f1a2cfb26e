//! Mails as files in a folder, one `{event id}.eml` each.
//!
//! A file is there whole or not at all, and a repeated mail replaces itself. Only the newest are kept: the names sort
//! by time, because event ids do.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::{MailError, Mailer};
use crate::compose::Mail;

/// Mails between two looks at how many there are.
const TIDY_EVERY: usize = 64;

/// A folder of mails.
#[derive(Debug, Clone)]
pub struct FileMailer {
    directory: Arc<Path>,
    keep: usize,
    written: Arc<AtomicUsize>,
}

impl FileMailer {
    /// The folder, which is made if it is not there, with the newest `keep` mails.
    pub fn open(directory: &Path, keep: usize) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.into(), keep, written: Arc::default() })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.directory.join(format!(".{name}.tmp"));
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, self.directory.join(format!("{name}.eml")))?;
        File::open(&*self.directory)?.sync_all()?;
        if self.written.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.tidy()?;
        }
        Ok(())
    }

    fn tidy(&self) -> io::Result<()> {
        let entries = fs::read_dir(&*self.directory)?;
        let mut mails: Vec<PathBuf> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "eml"))
            .collect();
        mails.sort();
        let surplus = mails.len().saturating_sub(self.keep);
        for old in &mails[..surplus] {
            // Another instance may be tidying up as well.
            let _ = fs::remove_file(old);
        }
        Ok(())
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (mailer, name, bytes) = (self.clone(), mail.event_id.to_string(), mail.message.formatted());
        let written = tokio::task::spawn_blocking(move || mailer.write(&name, &bytes)).await;
        let written = written.map_err(|_| MailError::NotNow("writing was cut short".to_owned()))?;
        written.map_err(|error| MailError::NotNow(format!("the mail cannot be written: {error}")))
    }
}
