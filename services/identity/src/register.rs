//! Registering.

use shop_contracts::AccountId;
use shop_contracts::identity::{Account, RegisterAccount};
use shop_instrumentation::{Code, Problem, ids};

use crate::credentials::Registration;
use crate::identity::Identity;
use crate::storage::accounts::Stored;

impl Identity {
    /// Makes an account, once for each key and once for each address. A repeated call answers the first account; it is
    /// recognised by its password too, which is compared and never kept in any faster form.
    pub async fn register(&self, key: &str, request: RegisterAccount) -> Result<Account, Problem> {
        let registration = Registration::parse(request)?;
        self.suffer().await?;
        if let Some(known) = self.accounts.find_by_key(key).await? {
            return self.repeated(known, &registration).await;
        }
        if self.accounts.find_by_email(&registration.email).await?.is_some() {
            return self.somebody_was_first(key, &registration).await;
        }
        let password_hash = self.passwords.hash(&registration.password).await?;
        let account = Account {
            id: AccountId::new(ids::new_id()),
            email: registration.email.as_str().to_owned(),
            display_name: registration.display_name.clone(),
            created_at: self.clock.now(),
        };
        let new = Stored { account, password_hash };
        if self.accounts.insert(key, &new).await? {
            self.metrics.registrations.inc();
            tracing::info!(user.id = %new.account.id, "account registered");
            return Ok(new.account);
        }
        self.somebody_was_first(key, &registration).await
    }

    /// The same request on another connection, or another one for the same address: only the key, looked up after the
    /// address was seen to be taken, tells which.
    async fn somebody_was_first(&self, key: &str, registration: &Registration) -> Result<Account, Problem> {
        match self.accounts.find_by_key(key).await? {
            Some(known) => self.repeated(known, registration).await,
            None => Err(taken()),
        }
    }

    async fn repeated(&self, known: Stored, again: &Registration) -> Result<Account, Problem> {
        let same_texts =
            known.account.email == again.email.as_str() && known.account.display_name == again.display_name;
        if same_texts && self.passwords.verify(&again.password, Some(&known.password_hash)).await? {
            return Ok(known.account);
        }
        Err(Problem::new(Code::Conflict, "this Idempotency-Key belongs to another account"))
    }
}

fn taken() -> Problem {
    Problem::new(Code::Conflict, "there is an account with this address already")
        .field("email", "is taken already")
}
