//! Logging in.

use shop_contracts::identity::{LogIn, Session};
use shop_instrumentation::{Code, Problem, ids};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::credentials::{Email, Password, parse_log_in};
use crate::identity::Identity;
use crate::judgement::Judged;
use crate::storage::accounts::Stored;
use crate::storage::sessions::NewSession;
use crate::throttle::Subject;
use crate::token::Token;

/// Four bytes each at most; the table's own bound is twice the usual.
const MAX_USER_AGENT_CHARS: usize = 100;

impl Identity {
    /// Opens a session. Address unknown and password wrong are one answer, in content and in time.
    ///
    /// A repeated call opens the session under another token, because the first is not kept; both end together.
    pub async fn log_in(&self, key: &str, request: LogIn) -> Result<Session, Problem> {
        let (email, password) = parse_log_in(&request.email, request.password)?;
        let subject = Subject::new(email.as_str(), request.client_address.as_deref());
        let span = tracing::info_span!("log in", user.id = Empty, shop.login.outcome = Empty);
        let user_agent = shortened(request.user_agent.as_deref().unwrap_or_default());
        self.try_log_in(key, email, password, subject, &user_agent).instrument(span).await
    }

    async fn try_log_in(
        &self,
        key: &str,
        email: Email,
        password: Password,
        subject: Subject,
        user_agent: &str,
    ) -> Result<Session, Problem> {
        self.inject_faults().await?;
        let identity = self.clone();
        let check = async move { identity.check(&email, &password).await };
        match self.judge(&self.throttles.log_in, subject, "too many tries to log in", check).await? {
            Judged::Right(known) => {
                Span::current().record("user.id", known.account.id.to_string());
                let session = self.open(key, known, user_agent).await?;
                self.count("success");
                tracing::info!(user.id = %session.account.id, "logged in");
                Ok(session)
            }
            Judged::Wrong => {
                self.count("invalid");
                tracing::info!("log-in refused");
                Err(wrong_password())
            }
            Judged::HeldUp(problem) => {
                self.count("throttled");
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

    async fn open(&self, key: &str, known: Stored, user_agent: &str) -> Result<Session, Problem> {
        let (token, now) = (Token::mint(), self.clock.now());
        let expires_at = now + self.session_ttl;
        let new = NewSession {
            token_digest: token.digest(),
            account: known.account.id,
            idempotency_key: key.to_owned(),
            password_hash: known.password_hash,
            user_agent: user_agent.to_owned(),
            public_id: ids::new_id(),
            created_at: now,
            expires_at,
        };
        // The password was changed, or the account deleted, while this one was being compared.
        if !self.sessions.open(&new).await? {
            return Err(wrong_password());
        }
        Ok(Session { token: token.into_string(), account: known.account, expires_at })
    }

    fn count(&self, outcome: &'static str) {
        Span::current().record("shop.login.outcome", outcome);
        self.metrics.login_attempts.with_label_values(&[outcome]).inc();
    }
}

fn wrong_password() -> Problem {
    Problem::new(Code::Unauthenticated, "address or password is wrong")
}

/// What a browser calls itself, for its owner to recognise: text without controls, of bounded length.
fn shortened(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect()
}
