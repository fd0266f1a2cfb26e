//! Registering.

use sha2::{Digest as _, Sha256};
use shop_contracts::AccountId;
use shop_contracts::identity::{Account, RegisterAccount, Registered};
use shop_instrumentation::{Code, Problem, ids};

use crate::credentials::Registration;
use crate::identity::Identity;
use crate::storage::accounts::Stored;
use crate::storage::registrations::Registered as Outcome;
use crate::throttle::Subject;

impl Identity {
    /// Makes an account, once for each key and once for each address. Whether the address had one already is told to
    /// its owner by mail, and to nobody else: the answer is the same, and so is the work (one hash, one transaction).
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
        match self.registrations.register(key, &digest, &new).await? {
            Outcome::New => {
                self.metrics.registrations.inc();
                self.metrics.registration_attempts.with_label_values(&["created"]).inc();
                tracing::info!(user.id = %new.account.id, "account registered");
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
