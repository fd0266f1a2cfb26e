//! Mails as files in a folder, one `{event id}.eml` each.
//!
//! A file is there whole or not at all, and a repeated mail replaces itself, also when two write it at once. A disk
//! without space leaves nothing half-written behind. Only the newest are kept: the names sort by time, because event
//! ids do.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::ids;

use super::{MailError, Mailer};
use crate::compose::Mail;
use crate::telemetry::DISK_FULL;

/// Mails between two looks at how many there are.
const TIDY_EVERY: usize = 64;

/// Mails hold addresses and one-time links: nobody but who runs the service reads them.
const OWNER_FOLDER: u32 = 0o700;
const OWNER_FILE: u32 = 0o600;

/// A half-written mail that is older was left by a process that died.
const STALE_AFTER: Duration = Duration::from_mins(10);

/// A folder of mails.
#[derive(Clone)]
pub struct FileMailer {
    directory: Arc<Path>,
    keep: usize,
    written: Arc<AtomicUsize>,
    faults: Option<Faults>,
}

impl FileMailer {
    /// The folder, which is made if it is not there, with the newest `keep` mails.
    pub fn open(directory: &Path, keep: usize) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(OWNER_FOLDER).create(directory)?;
        // One that was there may be open to others, and so may be mails in it.
        fs::set_permissions(directory, Permissions::from_mode(OWNER_FOLDER))?;
        Ok(Self { directory: directory.into(), keep, written: Arc::default(), faults: None })
    }

    /// With a disk that can be made full.
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // A name of its own: a write that was given up on may still be going on beside its repetition.
        let temporary = self.directory.join(format!(".{name}.{}.tmp", ids::new_id()));
        let finished = self.write_whole(&temporary, bytes).and_then(|()| {
            fs::rename(&temporary, self.directory.join(format!("{name}.eml")))?;
            File::open(&*self.directory)?.sync_all()
        });
        if let Err(error) = finished {
            // The space that it takes is the next mail's.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        if self.written.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.tidy()?;
        }
        Ok(())
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(OWNER_FILE).open(path)?;
        if self.faults.as_ref().is_some_and(|faults| faults.is_active(DISK_FULL)) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn tidy(&self) -> io::Result<()> {
        let entries = fs::read_dir(&*self.directory)?;
        let paths = entries.flatten().map(|entry| entry.path());
        let (mut mails, others): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.partition(|path| path.extension().is_some_and(|extension| extension == "eml"));
        for stale in others.iter().filter(|path| is_stale(path)) {
            let _ = fs::remove_file(stale);
        }
        mails.sort();
        let surplus = mails.len().saturating_sub(self.keep);
        for old in &mails[..surplus] {
            // Another instance may be tidying up as well.
            let _ = fs::remove_file(old);
        }
        Ok(())
    }
}

fn is_stale(path: &Path) -> bool {
    let half_written = path.extension().is_some_and(|extension| extension == "tmp");
    let age =
        fs::metadata(path).and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
    half_written && age.is_some_and(|age| age > STALE_AFTER)
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
