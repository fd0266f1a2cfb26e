//! Staff: who they are, and their log-in. Nothing here is shared with shoppers' accounts.

use std::time::Duration;

use shop_contracts::identity::{LogIn, StaffMember, StaffRole, StaffSession};
use shop_instrumentation::{Code, Problem};

use crate::credentials::{Password, Username, parse_staff_log_in};
use crate::guessable::{self, OwnWords};
use crate::identity::Identity;
use crate::judgement::Judged;
use crate::storage::staff::{NewStaffSession, StoredStaff};
use crate::throttle::Subject;
use crate::token::Token;

/// A working day.
const SESSION_TTL: Duration = Duration::from_hours(8);
/// The first member, seeded at start.
const FIRST: &str = "staff";

impl Identity {
    /// Opens a session of a staff member. Name unknown and password wrong are one answer, in content and in time.
    pub async fn log_in_staff(&self, key: &str, request: LogIn) -> Result<StaffSession, Problem> {
        let (username, password) = parse_staff_log_in(&request.email, request.password)?;
        self.inject_faults().await?;
        let subject = Subject::new(username.as_str(), request.client_address.as_deref());
        let identity = self.clone();
        let check = async move { identity.check_staff(&username, &password).await };
        match self.judge(&self.throttles.staff, subject, "too many tries to log in", check).await? {
            Judged::Right(known) => {
                let session = self.open_staff(key, known).await?;
                self.count_staff("success");
                tracing::info!(staff = session.staff.username, "staff logged in");
                Ok(session)
            }
            Judged::Wrong => {
                self.count_staff("invalid");
                tracing::warn!("staff log-in refused");
                Err(wrong_password())
            }
            Judged::HeldUp(problem) => {
                self.count_staff("throttled");
                Err(problem)
            }
        }
    }

    /// Whose staff session it is, while it lasts.
    pub async fn staff_session(&self, token: Option<&Token>) -> Result<StaffMember, Problem> {
        let over = || Problem::new(Code::NotFound, "the session is over");
        let digest = token.ok_or_else(over)?.digest();
        self.staff.session(&digest, self.clock.now()).await?.ok_or_else(over)
    }

    /// Ends a staff session. One that is over already is ended just as well.
    pub async fn log_out_staff(&self, token: Option<&Token>) -> Result<(), Problem> {
        if let Some(token) = token {
            self.staff.close(&token.digest()).await?;
        }
        Ok(())
    }

    /// Makes the first member, a manager, unless there is a member already: then nothing is asked of the password.
    pub async fn seed_staff(&self, password: &Password) -> Result<(), Problem> {
        if !self.staff.is_empty().await? {
            return Ok(());
        }
        let name = Username::parse(FIRST).expect("the name is one");
        guessable::refuse("STAFF_PASSWORD_FILE", password, &OwnWords::of_member(&name))?;
        let password_hash = self.passwords.hash(password).await?;
        let member = StaffMember { username: FIRST.to_owned(), role: StaffRole::Manager };
        if self.staff.insert(&StoredStaff { member, password_hash }, self.clock.now()).await? {
            tracing::info!(staff = FIRST, "first staff member made");
        }
        Ok(())
    }

    async fn check_staff(
        &self,
        username: &Username,
        password: &Password,
    ) -> Result<Option<StoredStaff>, Problem> {
        let known = self.staff.find(username).await?;
        let hash = known.as_ref().map(|known| known.password_hash.as_str());
        let right = self.passwords.verify(password, hash).await?;
        Ok(known.filter(|_| right))
    }

    async fn open_staff(&self, key: &str, known: StoredStaff) -> Result<StaffSession, Problem> {
        let (token, now) = (Token::mint(), self.clock.now());
        let expires_at = now + SESSION_TTL;
        let new = NewStaffSession {
            token_digest: token.digest(),
            username: known.member.username.clone(),
            idempotency_key: key.to_owned(),
            password_hash: known.password_hash,
            created_at: now,
            expires_at,
        };
        // The member was ended, or got another password, while this one was being compared.
        if !self.staff.open(&new).await? {
            return Err(wrong_password());
        }
        Ok(StaffSession { token: token.into_string(), staff: known.member, expires_at })
    }

    fn count_staff(&self, outcome: &'static str) {
        self.metrics.staff_login_attempts.with_label_values(&[outcome]).inc();
    }
}

fn wrong_password() -> Problem {
    Problem::new(Code::Unauthenticated, "name or password is wrong")
}
