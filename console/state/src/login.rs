//! Logging in.

use std::{net::IpAddr, sync::OnceLock};

use crate::{LoginError, NewSession, State, StateError, database::on};

impl State {
    /// Checks a name and a password, and opens a session. `address` is the client's, not a proxy's.
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        address: IpAddr,
        now_ms: i64,
    ) -> Result<NewSession, LoginError> {
        let name = name.trim();
        // First: who finds the queue full asks the database nothing.
        let Ok(place) = self.hashing.enter() else {
            return Err(LoginError::Throttled { retry_after_seconds: 1 });
        };
        self.attempt(name, address, now_ms).await?.map_err(|wait_ms| LoginError::Throttled {
            retry_after_seconds: wait_ms.max(1).unsigned_abs().div_ceil(1000),
        })?;
        let opened = self.open_if_right(name, password, now_ms).await;
        drop(place);
        // Who is in is in, also where the count could not be taken back.
        if !matches!(opened, Ok(None))
            && let Err(error) = self.forgive(name, address).await
        {
            tracing::warn!(%error, "an attempt to log in stays counted");
        }
        opened?.ok_or(LoginError::Wrong)
    }

    /// As slow for a name that does not exist as for a wrong password.
    async fn open_if_right(
        &self,
        name: &str,
        password: &str,
        now_ms: i64,
    ) -> Result<Option<NewSession>, StateError> {
        if password.len() > self.config.max_password_bytes {
            return Ok(None);
        }
        let user = self.find_credentials(name).await?;
        let Some((id, hash)) = user else {
            self.hashing.verify(password.to_owned(), self.decoy().await?).await?;
            return Ok(None);
        };
        if !self.hashing.verify(password.to_owned(), hash.clone()).await? {
            return Ok(None);
        }
        self.open_session(id, &hash, now_ms).await
    }

    /// Id and password hash of a user; letters of ASCII may have any case.
    pub(crate) async fn find_credentials(&self, name: &str) -> Result<Option<(i64, String)>, StateError> {
        // No user has one, and Postgres takes no text with one.
        if name.contains('\0') {
            return Ok(None);
        }
        let select = self.database.words(
            "SELECT id, password_hash FROM users WHERE name = $1",
            "SELECT id, password_hash FROM users WHERE name_key = lower($1 COLLATE \"C\")",
        );
        on!(self.database, pool => { sqlx::query_as(select).bind(name).fetch_optional(pool).await })
    }

    /// A hash that no user has. Made when the state is opened, so that no log-in pays for it.
    pub(crate) async fn decoy(&self) -> Result<String, StateError> {
        static DECOY: OnceLock<String> = OnceLock::new();
        if let Some(decoy) = DECOY.get() {
            return Ok(decoy.clone());
        }
        let random: [u8; 16] = rand::random();
        let hash = self.hashing.hash(hex::encode(random)).await?;
        Ok(DECOY.get_or_init(|| hash).clone())
    }
}
