//! A value that does not print, and where it is read from.

use std::{fmt, io, path::PathBuf};

use console_storage::file::read_secret;

#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A value, or the file that holds it, which is read anew for each scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Value(Secret),
    File(PathBuf),
}

/// Says which file, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub struct UnreadableCredential {
    file: PathBuf,
    reason: String,
}

impl Credential {
    /// The value; of a file, what is in it now, without blanks around it.
    pub async fn read(&self) -> Result<Secret, UnreadableCredential> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(file) => {
                let of = file.clone();
                let read = tokio::task::spawn_blocking(move || read_secret(&of)).await;
                read.unwrap_or_else(|e| Err(io::Error::other(e)))
                    .map(Secret::new)
                    .map_err(|e| UnreadableCredential { file: file.clone(), reason: e.to_string() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bundle_of_certificates_is_read_and_what_never_ends_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let bundle = "QUJD\n".repeat(50_000);
        std::fs::write(&file, format!("\n{bundle}")).unwrap();
        let read = Credential::File(file.clone()).read().await.unwrap();
        assert_eq!(read.expose(), bundle.trim());
        std::fs::write(&file, bundle.repeat(5)).unwrap();
        let error = Credential::File(file.clone()).read().await.unwrap_err().to_string();
        assert_eq!(error, format!("{}: larger than 1048576 bytes", file.display()));
        let error = Credential::File("/dev/zero".into()).read().await.unwrap_err().to_string();
        assert_eq!(error, "/dev/zero: not a file");
    }
}
