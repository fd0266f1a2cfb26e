//! Identity: accounts and sessions as they travel.
//!
//! Types that carry a password or a token hide it in their `Debug` form.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::AccountId;

/// `POST /v1/accounts` (with `Idempotency-Key`): registers a shopper; answers 201 with an [`Account`].
#[derive(Clone, Serialize, Deserialize)]
pub struct RegisterAccount {
    /// Address to log in with and to send mail to; compared without case.
    pub email: String,
    /// The name to address the shopper by.
    pub display_name: String,
    /// The password as typed, 10 to 200 characters.
    pub password: String,
}

/// A shopper's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account's id; the opaque `user.id` of telemetry.
    pub id: AccountId,
    /// Address, lower case.
    pub email: String,
    /// The name to address the shopper by.
    pub display_name: String,
    /// When the shopper registered.
    pub created_at: DateTime<Utc>,
}

/// `POST /v1/sessions`: logs in; answers 201 with a [`Session`], 401 when address or password is wrong (the same for
/// both), 429 with `Retry-After` when throttled.
#[derive(Clone, Serialize, Deserialize)]
pub struct LogIn {
    /// Address of the account.
    pub email: String,
    /// The password as typed.
    pub password: String,
    /// Address of the shopper's machine as the storefront saw it, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// A new session. The token is shown once; only its hash is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// Opaque secret of 43 URL-safe characters.
    pub token: String,
    /// Whose session it is.
    pub account: Account,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// `GET /v1/sessions/{token}`: who is logged in; 404 when the session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Whose session it is.
    pub account: Account,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for RegisterAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterAccount").finish_non_exhaustive()
    }
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIn").finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("account", &self.account.id).finish_non_exhaustive()
    }
}
