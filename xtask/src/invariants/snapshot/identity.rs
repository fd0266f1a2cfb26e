//! What identity says of accounts, and which mails it asked for.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::{
    Uuid,
    chrono::{DateTime, Utc},
};

/// Why identity asks for a mail, as far as its rows tell afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailCause {
    /// Somebody asked for an account.
    Asked,
    /// An account was made.
    Registered,
    /// A new password was asked for.
    Reset,
}

impl MailCause {
    /// Mails that tell of it: one of them each time.
    pub const fn mails(self) -> &'static [&'static str] {
        match self {
            Self::Asked => &["confirm_registration", "already_registered"],
            Self::Registered => &["registered"],
            Self::Reset => &["password_reset"],
        }
    }
}

/// The database of identity. Addresses are in lower case and never printed.
#[derive(Clone, Debug, Default)]
pub struct IdentityBooks {
    pub accounts: BTreeSet<Uuid>,
    /// When accounts were deleted of which orders may still have to hear.
    pub deletions: BTreeMap<Uuid, DateTime<Utc>>,
    /// When a mail was asked for, by cause and address, oldest first. What is over is forgotten.
    pub asked: BTreeMap<(MailCause, String), Vec<DateTime<Utc>>>,
    /// Events that wait for the relay: the mail that each asks for, and its address.
    pub outbox: Vec<(String, String)>,
}

impl IdentityBooks {
    /// Addresses that identity knows now.
    pub fn addresses(&self) -> BTreeSet<&str> {
        let asked = self.asked.keys().map(|(_, address)| address.as_str());
        asked.chain(self.outbox.iter().map(|(_, address)| address.as_str())).collect()
    }
}
