//! Who is logged in, where, and ending it.

use chrono::TimeDelta;
use shop_contracts::AccountId;
use shop_contracts::identity::{SessionInfo, Sessions};
use shop_instrumentation::{Code, Problem};
use uuid::Uuid;

use crate::identity::Identity;
use crate::token::Token;

/// How often it is written that a session was seen.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

impl Identity {
    /// Whose session it is, while it lasts.
    pub async fn session(&self, token: Option<&Token>) -> Result<SessionInfo, Problem> {
        let over = || Problem::new(Code::NotFound, "the session is over");
        let (digest, now) = (token.ok_or_else(over)?.digest(), self.clock.now());
        let (info, last_seen_at) = self.sessions.find(&digest, now).await?.ok_or_else(over)?;
        if now - last_seen_at >= SEEN_EVERY
            && let Err(error) = self.sessions.seen(&digest, now, now - SEEN_EVERY).await
        {
            tracing::debug!(%error, "when the session was seen is not fresh");
        }
        Ok(info)
    }

    /// Ends a session. One that is over already is ended just as well.
    pub async fn log_out(&self, token: Option<&Token>) -> Result<(), Problem> {
        let Some(token) = token else { return Ok(()) };
        if let Some(account) = self.sessions.close(&token.digest()).await? {
            tracing::info!(user.id = %account, "logged out");
        }
        Ok(())
    }

    /// An account's sessions; `current` is the one that asks.
    pub async fn list_sessions(
        &self,
        account: AccountId,
        current: Option<&Token>,
    ) -> Result<Sessions, Problem> {
        let digest = current.map(Token::digest);
        let sessions = self.sessions.list(account, digest.as_deref(), self.clock.now()).await?;
        Ok(Sessions { sessions })
    }

    /// Ends one of an account's sessions; nobody else's.
    pub async fn revoke_session(&self, account: AccountId, public_id: Uuid) -> Result<(), Problem> {
        if self.sessions.revoke(account, public_id).await? {
            tracing::info!(user.id = %account, "session revoked");
        }
        Ok(())
    }
}
