//! `backup.json`: what a copy consists of, written last.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::BackupError;

pub const NAME: &str = "backup.json";
const VERSION: u32 = 1;
const BUFFER: usize = 256 << 10;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    /// By the copier's clock, milliseconds since the Unix epoch; everything before is in the copy.
    pub began_ms: i64,
    pub files: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the data directory, with `/` between.
    pub path: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// What was copied or put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub began_ms: i64,
    pub files: usize,
    pub bytes: u64,
}

impl Manifest {
    pub fn new(began_ms: i64, files: Vec<Entry>) -> Self {
        Self { version: VERSION, began_ms, files }
    }

    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path).map_err(BackupError::io(&path))?;
        let wrong = |why: String| BackupError::Manifest { path: path.clone(), why };
        let manifest: Self = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if manifest.version != VERSION {
            return Err(wrong(format!("version {} instead of {VERSION}", manifest.version)));
        }
        match manifest.files.iter().find(|f| !is_below(&f.path)) {
            Some(file) => Err(wrong(format!("{:?} leads elsewhere", file.path))),
            None => Ok(manifest),
        }
    }

    pub fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(NAME);
        let write = || {
            let mut out = File::create(&path)?;
            out.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            out.sync_all()
        };
        write().map_err(BackupError::io(&path))
    }

    pub fn summary(&self) -> Summary {
        Summary {
            began_ms: self.began_ms,
            files: self.files.len(),
            bytes: self.files.iter().map(|f| f.bytes).sum(),
        }
    }
}

/// Whoever hands over a copy must not write beside the data directory.
fn is_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Copies to the end and puts it onto the disk; answers how many bytes there were, and their SHA-256.
pub fn copy_bytes(from: &mut impl Read, to: &mut File) -> io::Result<(u64, String)> {
    let done = digest(from, to)?;
    to.sync_all()?;
    Ok(done)
}

/// Bytes of a file, and their SHA-256.
pub fn digest_file(path: &Path) -> io::Result<(u64, String)> {
    digest(&mut File::open(path)?, &mut io::sink())
}

fn digest(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; BUFFER]);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_names_a_place_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (path, is_good) in
            [("metrics/1.wal", true), ("../1.wal", false), ("/etc/passwd", false), ("a/../../b", false)]
        {
            let entry = Entry { path: path.to_owned(), bytes: 0, sha256: String::new() };
            Manifest::new(1, vec![entry]).write(folder.path()).unwrap();
            assert_eq!(Manifest::read(folder.path()).is_ok(), is_good, "{path}");
        }
    }
}
