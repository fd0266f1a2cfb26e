//! A new password by mail.

use chrono::TimeDelta;
use shop_contracts::identity::{ConfirmReset, RequestReset};
use shop_instrumentation::{Code, Problem};

use crate::credentials::{Password, parse_email, parse_new_password};
use crate::guessable;
use crate::identity::Identity;
use crate::throttle::{Subject, Verdict};
use crate::token::Token;

/// How long a mail's link works.
pub const RESET_TTL: TimeDelta = TimeDelta::hours(1);

impl Identity {
    /// Sends a link to the owner of an address, if there is one, once for each key. The answer and the work are the same
    /// for any address.
    pub async fn request_reset(&self, key: Option<&str>, request: RequestReset) -> Result<(), Problem> {
        let email = parse_email(&request.email)?;
        self.inject_faults().await?;
        let subject = Subject::new(email.as_str(), request.client_address.as_deref());
        if let Err(problem) = self.admit(&self.throttles.reset, &subject, "too many mails asked for").await {
            self.count_reset("throttled");
            return Err(problem);
        }
        let owner = self.accounts.find_by_email(&email).await?.map(|known| known.account);
        let now = self.clock.now();
        self.resets.request(key, owner.as_ref(), Token::mint(), now, now + RESET_TTL).await?;
        self.count_reset("requested");
        tracing::info!("password reset requested");
        Ok(())
    }

    /// Sets a new password by the token of a mail, once. Every session ends. The same again is answered alike and changes
    /// nothing.
    pub async fn confirm_reset(&self, request: ConfirmReset) -> Result<(), Problem> {
        let password = parse_new_password("password", request.password)?;
        self.inject_faults().await?;
        let token = Token::parse(&request.token).ok_or_else(|| self.not_valid())?.digest();
        // Looked up first: hashing is for those who have a token.
        let Some(id) = self.resets.find(&token, self.clock.now()).await? else {
            return self.repeated(&token, &password).await;
        };
        // An account that is gone by now has no link either: the next step says so.
        if let Some(known) = self.accounts.find(id).await? {
            guessable::refuse("password", &password, &known.own_words())?;
        }
        let hash = self.passwords.hash(&password).await?;
        let now = self.clock.now();
        let Some(owner) = self.resets.confirm(&token, &hash, now).await? else {
            return self.repeated(&token, &password).await;
        };
        // Who guessed at the old password must not keep the owner out with the new one.
        self.throttles.log_in.settle(&Subject::new(&owner.email, None), Verdict::Anew, now).await;
        self.count_reset("confirmed");
        tracing::info!(user.id = %owner.id, "password reset");
        Ok(())
    }

    /// A form that was sent twice: its token is used up, and the password is the one that it asked for.
    async fn repeated(&self, token: &[u8], password: &Password) -> Result<(), Problem> {
        if let Some(hash) = self.resets.find_used(token, self.clock.now()).await?
            && self.passwords.verify(password, Some(&hash)).await?
        {
            self.count_reset("repeated");
            return Ok(());
        }
        Err(self.not_valid())
    }

    fn not_valid(&self) -> Problem {
        self.count_reset("refused");
        Problem::new(Code::Invalid, "the link is not valid any more")
            .field("token", "is used up, over, or was never valid")
    }

    fn count_reset(&self, outcome: &'static str) {
        self.metrics.password_resets.with_label_values(&[outcome]).inc();
    }
}
