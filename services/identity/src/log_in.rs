//! Logging in and out, and who is logged in.

use shop_contracts::AccountId;
use shop_contracts::identity::{LogIn, Session, SessionInfo};
use shop_instrumentation::{Code, Problem};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::credentials::{Email, Password, parse_log_in};
use crate::identity::Identity;
use crate::storage::accounts::Stored;
use crate::storage::sessions::NewSession;
use crate::throttle::{Decision, Subject, Verdict};
use crate::token::Token;

impl Identity {
    /// Opens a session. Address unknown and password wrong are one answer, in content and in time.
    ///
    /// A repeated call opens the session under another token, because the first is not kept; both end together.
    pub async fn log_in(&self, key: &str, request: LogIn) -> Result<Session, Problem> {
        let (email, password) = parse_log_in(&request.email, request.password)?;
        let subject = Subject::new(email.as_str(), request.client_address.as_deref());
        let span = tracing::info_span!("log in", user.id = Empty, shop.login.outcome = Empty);
        self.admit(key, &email, &password, &subject).instrument(span).await
    }

    async fn admit(
        &self,
        key: &str,
        email: &Email,
        password: &Password,
        subject: &Subject,
    ) -> Result<Session, Problem> {
        self.suffer().await?;
        // Counted before the password is looked at, so that tries at the same time cannot slip through.
        if let Decision::Wait { seconds } = self.throttle.attempt(subject, self.clock.now()).await {
            self.count("throttled");
            tracing::warn!(retry_after_seconds = seconds, "log-in throttled");
            return Err(Problem::new(Code::RateLimited, "too many tries to log in").retry_after(seconds));
        }
        match self.check(email, password).await {
            Ok(Some(known)) => {
                self.throttle.settle(subject, Verdict::Right, self.clock.now()).await;
                Span::current().record("user.id", known.account.id.to_string());
                let session = self.open(key, known).await?;
                self.count("success");
                tracing::info!(user.id = %session.account.id, "logged in");
                Ok(session)
            }
            Ok(None) => {
                self.count("invalid");
                tracing::info!("log-in refused");
                Err(Problem::new(Code::Unauthenticated, "address or password is wrong"))
            }
            Err(problem) => {
                self.throttle.settle(subject, Verdict::Unjudged, self.clock.now()).await;
                Err(problem)
            }
        }
    }

    /// The account whose address and password these are.
    async fn check(&self, email: &Email, password: &Password) -> Result<Option<Stored>, Problem> {
        let known = self.accounts.find_by_email(email).await?;
        let hash = known.as_ref().map(|known| known.password_hash.as_str());
        let right = self.passwords.verify(password, hash).await?;
        Ok(known.filter(|_| right))
    }

    async fn open(&self, key: &str, known: Stored) -> Result<Session, Problem> {
        let (token, now) = (Token::mint(), self.clock.now());
        let expires_at = now + self.session_ttl;
        let new = NewSession {
            token_digest: token.digest(),
            account: known.account.id,
            idempotency_key: key.to_owned(),
            created_at: now,
            expires_at,
        };
        self.sessions.open(&new).await?;
        Ok(Session { token: token.into_string(), account: known.account, expires_at })
    }

    /// Whose session it is, while it lasts.
    pub async fn session(&self, token: &str) -> Result<SessionInfo, Problem> {
        let found = match Token::parse(token) {
            Some(token) => self.sessions.find(&token.digest(), self.clock.now()).await?,
            None => None,
        };
        found.ok_or_else(|| Problem::new(Code::NotFound, "the session is over"))
    }

    /// Ends a session. One that is over already is as good as ended.
    pub async fn log_out(&self, token: &str) -> Result<(), Problem> {
        let Some(token) = Token::parse(token) else { return Ok(()) };
        let ended: Option<AccountId> = self.sessions.close(&token.digest()).await?;
        if let Some(account) = ended {
            tracing::info!(user.id = %account, "logged out");
        }
        Ok(())
    }

    fn count(&self, outcome: &'static str) {
        Span::current().record("shop.login.outcome", outcome);
        self.metrics.login_attempts.with_label_values(&[outcome]).inc();
    }
}
