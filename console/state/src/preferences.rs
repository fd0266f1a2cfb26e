//! Small settings of a user: a theme, a last time range.

use crate::{State, StateError};

const MAX_NAME_BYTES: usize = 64;

impl State {
    pub async fn find_preference(&self, user_id: i64, name: &str) -> Result<Option<String>, StateError> {
        Ok(sqlx::query_scalar("SELECT value FROM preferences WHERE user_id = ? AND name = ?")
            .bind(user_id)
            .bind(name)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Sets or replaces a preference.
    pub async fn set_preference(&self, user_id: i64, name: &str, value: &str) -> Result<(), StateError> {
        let max = self.config.max_preference_bytes;
        if name.is_empty() || name.len() > MAX_NAME_BYTES || value.len() > max {
            let limits = format!(
                "a preference has a name of 1 to {MAX_NAME_BYTES} bytes and a value of at most {max}"
            );
            return Err(StateError::Invalid(limits));
        }
        sqlx::query(
            "INSERT INTO preferences (user_id, name, value) VALUES (?, ?, ?) \
             ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value",
        )
        .bind(user_id)
        .bind(name)
        .bind(value)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
