//! Sessions: a random token at the browser, its SHA-256 here.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    State, StateError,
    database::{Database, on},
};

/// A session's end is moved at most this often, so that reading pages does not write each time.
const SLIDE_EVERY_MS: i64 = 60_000;

/// A session that was just opened. The token is known only now.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    pub token: String,
    pub expires_ms: i64,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

/// Who uses a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub user_id: i64,
    pub user_name: String,
    pub expires_ms: i64,
    /// What forms of this session carry. Derived from the token, which it does not give away.
    pub csrf_token: String,
}

impl Session {
    /// Whether a form belongs to this session; takes the same time whatever it carries.
    pub fn owns_csrf_token(&self, sent: &str) -> bool {
        self.csrf_token.as_bytes().ct_eq(sent.as_bytes()).into()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.user_id)
            .field("user_name", &self.user_name)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

impl State {
    /// `None` when the password was changed since `password_hash` was read.
    pub(crate) async fn open_session(
        &self,
        user_id: i64,
        password_hash: &str,
        now_ms: i64,
    ) -> Result<Option<NewSession>, StateError> {
        let random: [u8; 32] = rand::random();
        let token = hex::encode(random);
        let expires_ms = now_ms + self.config.session_idle_ms.min(self.config.session_max_ms);
        // The user's row is held: log-ins of one user at the same time count each other, and another password waits.
        let insert = self.database.words(
            "INSERT INTO sessions (token_sha256, user_id, created_ms, expires_ms) \
             SELECT $1, id, $2, $3 FROM users WHERE id = $4 AND password_hash = $5",
            "INSERT INTO sessions (token_sha256, user_id, created_ms, expires_ms) \
             SELECT $1, id, $2, $3 FROM users WHERE id = $4 AND password_hash = $5 FOR UPDATE",
        );
        let opened = on!(self.database, pool => {
            let mut transaction = pool.begin().await?;
            let opened = sqlx::query(insert)
                .bind(digest(&token))
                .bind(now_ms)
                .bind(expires_ms)
                .bind(user_id)
                .bind(password_hash)
                .execute(&mut *transaction)
                .await?;
            sqlx::query(
                "DELETE FROM sessions WHERE user_id = $1 AND token_sha256 NOT IN (SELECT token_sha256 FROM sessions \
                 WHERE user_id = $1 ORDER BY token_sha256 = $3 DESC, expires_ms DESC, created_ms DESC LIMIT $2)",
            )
            .bind(user_id)
            .bind(self.config.max_sessions_per_user.max(1))
            .bind(digest(&token))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(opened.rows_affected() == 1)
        })?;
        Ok(opened.then_some(NewSession { token, expires_ms }))
    }

    /// The session of a token, when it has not ended; its use moves its end. While Postgres is away or does not answer in
    /// time, one that was seen lately is as it was then.
    pub async fn find_session(&self, token: &str, now_ms: i64) -> Result<Option<Session>, StateError> {
        let digest = digest(token);
        match self.read_session(token, &digest, now_ms).await {
            Ok(Some(session)) => {
                if matches!(self.database, Database::Postgres(_)) {
                    self.recent.lock().remember(digest, &session, now_ms);
                }
                Ok(Some(session))
            }
            Ok(None) => {
                self.recent.lock().forget(&digest);
                Ok(None)
            }
            Err(error @ (StateError::Away { .. } | StateError::Timeout { .. })) => {
                self.recent.lock().find(&digest, now_ms).map(Some).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_session(
        &self,
        token: &str,
        digest: &[u8],
        now_ms: i64,
    ) -> Result<Option<Session>, StateError> {
        let found: Option<(i64, String, i64, i64)> = on!(self.database, pool => {
            sqlx::query_as(
                "SELECT users.id, users.name, sessions.created_ms, sessions.expires_ms FROM sessions \
                 JOIN users ON users.id = sessions.user_id \
                 WHERE sessions.token_sha256 = $1 AND sessions.expires_ms > $2",
            )
            .bind(digest)
            .bind(now_ms)
            .fetch_optional(pool)
            .await
        })?;
        let Some((user_id, user_name, created_ms, mut expires_ms)) = found else { return Ok(None) };
        let end_ms = (now_ms + self.config.session_idle_ms).min(created_ms + self.config.session_max_ms);
        if end_ms - expires_ms >= SLIDE_EVERY_MS {
            let moved = on!(self.database, pool => {
                sqlx::query("UPDATE sessions SET expires_ms = $1 WHERE token_sha256 = $2 AND expires_ms < $1")
                    .bind(end_ms)
                    .bind(digest)
                    .execute(pool)
                    .await
                    .map(drop)
            });
            // A full disk must not lock out who is logged in: the session just keeps its earlier end.
            if moved.is_ok() {
                expires_ms = end_ms;
            }
        }
        Ok(Some(Session { user_id, user_name, expires_ms, csrf_token: csrf_token(token) }))
    }

    /// Ends a session; an unknown token is no error. While Postgres is away it is over on this console alone, and the error
    /// says so.
    pub async fn log_out(&self, token: &str) -> Result<(), StateError> {
        let digest = digest(token);
        self.recent.lock().forget(&digest);
        on!(self.database, pool => {
            sqlx::query("DELETE FROM sessions WHERE token_sha256 = $1")
                .bind(digest)
                .execute(pool)
                .await
                .map(drop)
        })
    }

    /// Deletes sessions that have ended; says how many.
    pub async fn purge_expired(&self, now_ms: i64) -> Result<u64, StateError> {
        // What another console is about to delete is left to it: two that wait for each other would both fail.
        let delete = self.database.words(
            "DELETE FROM sessions WHERE expires_ms <= $1",
            "DELETE FROM sessions WHERE token_sha256 IN \
             (SELECT token_sha256 FROM sessions WHERE expires_ms <= $1 FOR UPDATE SKIP LOCKED)",
        );
        on!(self.database, pool => {
            let done = sqlx::query(delete).bind(now_ms).execute(pool).await?;
            Ok(done.rows_affected())
        })
    }
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn csrf_token(token: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"quarterdeck csrf\0");
    hash.update(token.as_bytes());
    hex::encode(hash.finalize())
}
