//! Handing mails over, as a port, and its two adapters.

pub mod files;
pub mod smtp;

use async_trait::async_trait;

use crate::compose::Mail;

/// Why a mail was not taken. Never has an address in it: servers like to repeat those.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Not this mail; trying again hardly helps.
    #[error("refused: {0}")]
    Refused(String),
    /// Not now.
    #[error("not now: {0}")]
    NotNow(String),
}

/// Who takes mails. Handing over the mail of one event again is harmless as far as the way allows.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over; it is safe when this returns.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
