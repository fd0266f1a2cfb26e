//! Small settings of a user: a theme, a last time range.

use crate::{State, StateError, database::on};

const MAX_NAME_BYTES: usize = 64;

impl State {
    pub async fn find_preference(&self, user_id: i64, name: &str) -> Result<Option<String>, StateError> {
        if name.contains('\0') {
            return Ok(None);
        }
        on!(self.database, pool => {
            sqlx::query_scalar("SELECT value FROM preferences WHERE user_id = $1 AND name = $2")
                .bind(user_id)
                .bind(name)
                .fetch_optional(pool)
                .await
        })
    }

    /// Sets or replaces a preference.
    pub async fn set_preference(&self, user_id: i64, name: &str, value: &str) -> Result<(), StateError> {
        let max = self.config.max_preference_bytes;
        let has_nul = name.contains('\0') || value.contains('\0');
        if name.is_empty() || name.len() > MAX_NAME_BYTES || value.len() > max || has_nul {
            let limits = format!(
                "a preference has a name of 1 to {MAX_NAME_BYTES} bytes and a value of at most {max}, without NUL"
            );
            return Err(StateError::Invalid(limits));
        }
        on!(self.database, pool => {
            sqlx::query(
                "INSERT INTO preferences (user_id, name, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value",
            )
            .bind(user_id)
            .bind(name)
            .bind(value)
            .execute(pool)
            .await?;
            Ok(())
        })
    }
}
