//! Who is logged in. The session itself is identity's; the sealed cookie holds its token and what pages greet with.
//!
//! A cookie is believed for a minute; then identity is asked whether the session still stands, and its answer is kept for
//! a minute, under the hash of the token. Pages that show or change what is the owner's alone ask each time: a session
//! that was ended elsewhere, above all by a new password, has no minute left there. While identity cannot be reached the
//! sealed cookie alone counts, until the session's own end: an outage is no log-out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shop_contracts::AccountId;
use shop_contracts::identity::Session;
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use crate::micro_cache::MicroCache;
use crate::peers::Peers;

/// For how long an answer of identity is believed.
pub const RECHECK: Duration = Duration::from_mins(1);
/// How long a page waits for an answer about a session that stood a minute ago, and for one about the owner's own pages.
const WITHIN: Duration = Duration::from_secs(1);
const NOW_WITHIN: Duration = Duration::from_secs(2);
const MOST_SESSIONS: usize = 20_000;

/// Who is logged in, as the cookie holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The account.
    pub account_id: AccountId,
    /// To greet with.
    pub display_name: String,
    /// To fill the checkout with.
    pub email: String,
    /// Identity's token of the session.
    pub token: String,
    /// When identity last said that it stands, seconds since 1970.
    pub checked_at: i64,
    /// When it ends at the latest, seconds since 1970.
    pub expires_at: i64,
}

/// What identity says about sessions, for a minute each.
pub struct Sessions {
    standing: MicroCache<bool, CallError>,
}

impl SignedIn {
    /// The name up to its first space: all of it is too long for a greeting.
    pub fn first_name(&self) -> &str {
        self.display_name.split_whitespace().next().unwrap_or(&self.display_name)
    }

    /// From a session that identity has just opened.
    pub fn new(session: Session, now: i64) -> Self {
        Self {
            account_id: session.account.id,
            display_name: session.account.display_name,
            email: session.account.email,
            token: session.token,
            checked_at: now,
            expires_at: session.expires_at.timestamp(),
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { standing: MicroCache::new(RECHECK, Duration::ZERO, MOST_SESSIONS) }
    }
}

impl Sessions {
    /// Whether the session still stands; `now` in seconds since 1970.
    pub async fn stands(&self, peers: &Peers, who: &SignedIn, now: i64) -> bool {
        if now >= who.expires_at {
            return false;
        }
        if (0..RECHECK.as_secs() as i64).contains(&(now - who.checked_at)) && !self.is_known(&who.token) {
            return true;
        }
        let (peers, token) = (peers.clone(), who.token.clone());
        let key = hash(&who.token);
        let asked = self.standing.get_or_load(&key, || async move { ask(&peers, &token).await });
        // Who comes after has the answer, if it comes later.
        match tokio::time::timeout(WITHIN, asked).await {
            Ok(Ok(stands)) => *stands,
            Ok(Err(cause)) => unchecked(&cause),
            Err(late) => unchecked(&late),
        }
    }

    /// Whether the session still stands, asked now; `now` in seconds since 1970.
    pub async fn stands_now(&self, peers: &Peers, who: &SignedIn, now: i64) -> bool {
        let key = hash(&who.token);
        if now >= who.expires_at || self.standing.last(&key).is_some_and(|stood| !*stood) {
            return false;
        }
        match tokio::time::timeout(NOW_WITHIN, ask(peers, &who.token)).await {
            Ok(Ok(stands)) => {
                self.standing.put(&key, stands);
                stands
            }
            Ok(Err(cause)) => unchecked(&cause),
            Err(late) => unchecked(&late),
        }
    }

    /// Notes that this process itself ended the session.
    pub fn ended(&self, token: &str) {
        self.standing.put(&hash(token), false);
    }

    fn is_known(&self, token: &str) -> bool {
        self.standing.last(&hash(token)).is_some()
    }
}

/// Whether a session stands of which identity does not say it.
fn unchecked(cause: &dyn std::error::Error) -> bool {
    tracing::warn!(error = %cause, "session cannot be checked, the sealed cookie counts");
    true
}

async fn ask(peers: &Peers, token: &str) -> Result<bool, CallError> {
    match peers.session(token).await {
        Ok(_) => Ok(true),
        // Identity answers so for a session that is over. A 401 is about our own token and says nothing of the session.
        Err(cause) if cause.code() == Code::NotFound => Ok(false),
        Err(cause) => Err(cause),
    }
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}
