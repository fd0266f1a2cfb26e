//! Registering: an account is asked for here, and made when the owner of the address confirms it.

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};
use shop_contracts::AccountId;
use shop_contracts::identity::{Account, RegisterAccount, Registered};
use shop_instrumentation::{Code, Problem, ids};

use crate::credentials::Registration;
use crate::identity::Identity;
use crate::storage::accounts::Stored;
use crate::storage::registrations::Registered as Outcome;
use crate::throttle::Subject;
use crate::token::Token;

/// How long a mail's link works.
pub const CONFIRM_TTL: TimeDelta = TimeDelta::days(1);

impl Identity {
    /// Writes to the owner of an address, once for each key: with a link that makes the account, or that there is one
    /// already. Nobody else learns which: the answer is the same, so is the work (one hash, one transaction of the same
    /// writes), and until the owner has confirmed it no password opens anything.
    pub async fn register(&self, key: &str, request: RegisterAccount) -> Result<Registered, Problem> {
        let client_address = request.client_address.clone();
        let registration = Registration::parse(request)?;
        self.inject_faults().await?;
        let subject = Subject::new(registration.email.as_str(), client_address.as_deref());
        if let Err(problem) =
            self.admit(&self.throttles.register, &subject, "too many tries to register").await
        {
            self.metrics.registration_attempts.with_label_values(&["throttled"]).inc();
            return Err(problem);
        }
        let password_hash = self.passwords.hash(&registration.password).await?;
        let digest = request_digest(&registration);
        let account = Account {
            id: AccountId::new(ids::new_id()),
            email: registration.email.as_str().to_owned(),
            display_name: registration.display_name,
            created_at: self.clock.now(),
        };
        let new = Stored { account, password_hash };
        let expires_at = new.account.created_at + CONFIRM_TTL;
        match self.registrations.register(key, &digest, &new, Token::mint(), expires_at).await? {
            Outcome::New => {
                self.metrics.registration_attempts.with_label_values(&["requested"]).inc();
                tracing::info!("account asked for, its owner is asked to confirm it");
            }
            Outcome::Existing => {
                self.metrics.registration_attempts.with_label_values(&["existing"]).inc();
                tracing::info!("address has an account, its owner is told");
            }
            Outcome::Repeated => {}
            Outcome::KeyReused => {
                let detail = "this Idempotency-Key belongs to another registration";
                return Err(Problem::new(Code::KeyReused, detail));
            }
        }
        Ok(Registered { email: new.account.email })
    }
}

/// Tells a repeated request from another one. Leaves the password out: a fast hash of it must not exist.
fn request_digest(registration: &Registration) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(registration.email.as_str().as_bytes());
    // Neither of the two can hold it.
    digest.update([0]);
    digest.update(registration.display_name.as_bytes());
    digest.finalize().to_vec()
}
