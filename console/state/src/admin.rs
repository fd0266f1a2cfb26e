//! The administrator, whose name and password come from the configuration.

use crate::{State, StateError};

const MAX_NAME_BYTES: usize = 64;
/// What NIST SP 800-63B and ASVS 6.2.1 ask for at least.
pub const MIN_PASSWORD_CHARS: usize = 8;

/// What [`State::ensure_admin`] had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminChange {
    Created,
    /// The user had another password: it is replaced, and the user's sessions are ended.
    PasswordChanged,
    Unchanged,
}

impl State {
    /// Makes sure that the user `name` exists and has this password. Other users stay as they are.
    pub async fn ensure_admin(
        &self,
        name: &str,
        password: &str,
        now_ms: i64,
    ) -> Result<AdminChange, StateError> {
        let name = name.trim();
        self.check_limits(name, password)?;
        let found: Option<(i64, String)> =
            sqlx::query_as("SELECT id, password_hash FROM users WHERE name = ?")
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        if let Some((_, kept)) = &found
            && self.hashing.verify(password.to_owned(), kept.clone()).await?
        {
            return Ok(AdminChange::Unchanged);
        }
        let hash = self.hashing.hash(password.to_owned()).await?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO users (name, password_hash, created_ms) VALUES (?, ?, ?) \
             ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash",
        )
        .bind(name)
        .bind(hash)
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE name = ?)")
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(if found.is_some() { AdminChange::PasswordChanged } else { AdminChange::Created })
    }

    fn check_limits(&self, name: &str, password: &str) -> Result<(), StateError> {
        let max = self.config.max_password_bytes;
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            let message = format!(
                "the administrator's name must have 1 to {MAX_NAME_BYTES} bytes and no control characters"
            );
            return Err(StateError::Invalid(message));
        }
        if password.chars().count() < MIN_PASSWORD_CHARS || password.len() > max {
            return Err(StateError::Invalid(format!(
                "the administrator's password must have {MIN_PASSWORD_CHARS} characters or more, in at most {max} bytes"
            )));
        }
        Ok(())
    }
}
