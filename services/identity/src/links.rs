//! Whether a mail's link still works, for whoever opens it, before anything is typed.
//!
//! What must always hold: looking changes nothing, so a mail server that opens links may look; the answer is yes or no, the
//! same no for what was used, is over or never was, and says nothing of whose link it is. A token has more entropy than any
//! list of guesses; the throttle is for the database.

use shop_contracts::identity::{CheckLink, LinkState};
use shop_instrumentation::Problem;

use crate::identity::Identity;
use crate::throttle::Subject;
use crate::token::Token;

impl Identity {
    /// Whether the token of a registration's mail still makes an account. One that has made it does not.
    pub async fn check_registration(&self, request: CheckLink) -> Result<LinkState, Problem> {
        let Some(token) = self.token_of(&request).await? else { return Ok(LinkState { works: false }) };
        let pending = self.confirmations.find(&token, self.clock.now()).await?;
        Ok(LinkState { works: pending.is_some_and(|pending| !pending.is_confirmed) })
    }

    /// Whether the token of a mail still sets a new password.
    pub async fn check_reset(&self, request: CheckLink) -> Result<LinkState, Problem> {
        let Some(token) = self.token_of(&request).await? else { return Ok(LinkState { works: false }) };
        Ok(LinkState { works: self.resets.find(&token, self.clock.now()).await?.is_some() })
    }

    /// The token's digest, if it can be one, within the bound.
    async fn token_of(&self, request: &CheckLink) -> Result<Option<Vec<u8>>, Problem> {
        self.inject_faults().await?;
        // Whose link it is does not count: that is not known yet.
        let subject = Subject::new("", request.client_address.as_deref());
        self.admit(&self.throttles.links, &subject, "too many links opened").await?;
        Ok(Token::parse(&request.token).map(|token| token.digest()))
    }
}
