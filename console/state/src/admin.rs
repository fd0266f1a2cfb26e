//! The administrator, whose name and password come from the configuration.

use crate::{State, StateError, database::on};

const MAX_NAME_BYTES: usize = 64;
/// Consoles that start together on one database may all want to make the user.
const TRIES: usize = 5;
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
        for _ in 0..TRIES {
            let found = self.find_credentials(name).await?;
            if let Some((_, kept)) = &found
                && self.hashing.verify(password.to_owned(), kept.clone()).await?
            {
                return Ok(AdminChange::Unchanged);
            }
            let hash = self.hashing.hash(password.to_owned()).await?;
            let (changed, change) = match found {
                None => (self.add_user(name, &hash, now_ms).await?, AdminChange::Created),
                Some((id, kept)) => {
                    (self.replace_password(id, &kept, &hash).await?, AdminChange::PasswordChanged)
                }
            };
            if changed {
                self.recent.lock().forget_user(name);
                return Ok(change);
            }
            // Another console was faster: what it wrote is looked at.
        }
        Err(StateError::Invalid(format!(
            "another console changed the user {name:?} at each of {TRIES} tries"
        )))
    }

    /// False: there is one of that name.
    async fn add_user(&self, name: &str, hash: &str, now_ms: i64) -> Result<bool, StateError> {
        on!(self.database, pool => {
            let done = sqlx::query(
                "INSERT INTO users (name, password_hash, created_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(name)
            .bind(hash)
            .bind(now_ms)
            .execute(pool)
            .await?;
            Ok(done.rows_affected() == 1)
        })
    }

    /// Ends the user's sessions, too. False: the password is not the one that was seen any more.
    async fn replace_password(&self, id: i64, seen: &str, hash: &str) -> Result<bool, StateError> {
        on!(self.database, pool => {
            let mut transaction = pool.begin().await?;
            let done =
                sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
                    .bind(id)
                    .bind(seen)
                    .bind(hash)
                    .execute(&mut *transaction)
                    .await?;
            sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id).execute(&mut *transaction).await?;
            if done.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            transaction.commit().await?;
            Ok(true)
        })
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
