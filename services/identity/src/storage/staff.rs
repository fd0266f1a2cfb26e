//! Staff and their sessions in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::identity::{StaffMember, StaffRole};
use shop_instrumentation::db;
use sqlx::PgPool;

use crate::credentials::Username;

/// Sessions of one member at the same time; the oldest make room.
const MAX_PER_MEMBER: i64 = 20;

/// A member with what proves who they are.
#[derive(Clone)]
pub struct StoredStaff {
    pub member: StaffMember,
    /// PHC string.
    pub password_hash: String,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewStaffSession {
    /// SHA-256 of the token.
    pub token_digest: Vec<u8>,
    pub username: String,
    pub idempotency_key: String,
    /// The hash that the password was found to belong to.
    pub password_hash: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The tables `staff` and `staff_sessions`.
#[derive(Clone)]
pub struct PgStaff {
    pool: PgPool,
}

impl PgStaff {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The member of this name.
    pub async fn find(&self, username: &Username) -> Result<Option<StoredStaff>, sqlx::Error> {
        let query = sqlx::query!(
            "SELECT username, role, password_hash FROM staff WHERE username = $1 AND ended_at IS NULL",
            username.as_str()
        );
        let query = query.map(|row| StoredStaff {
            member: StaffMember { username: row.username, role: role_of(&row.role) },
            password_hash: row.password_hash,
        });
        db::observe("SELECT staff", query.fetch_optional(&self.pool)).await
    }

    /// Whether there is anybody yet.
    pub async fn is_empty(&self) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_scalar!(r#"SELECT NOT EXISTS (SELECT FROM staff) AS "is_empty!""#);
        db::observe("SELECT staff", query.fetch_one(&self.pool)).await
    }

    /// Adds a member. `false` when the name is taken: nothing was changed.
    pub async fn insert(&self, new: &StoredStaff, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let query = sqlx::query!(
            "INSERT INTO staff (username, role, password_hash, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (username) DO NOTHING",
            new.member.username,
            role_name(new.member.role),
            new.password_hash,
            now
        );
        Ok(db::observe("INSERT staff", query.execute(&self.pool)).await?.rows_affected() > 0)
    }

    /// Keeps a new session. `false` when the member is ended or has another password since it was checked; the row is
    /// locked while this is looked at, so that an end, or a new password, sees and ends every session opened before.
    pub async fn open(&self, new: &NewStaffSession) -> Result<bool, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let query = sqlx::query!(
                "INSERT INTO staff_sessions (token_digest, username, idempotency_key, created_at, expires_at) \
                 SELECT $1, username, $3, $4, $5 FROM staff \
                 WHERE username = $2 AND password_hash = $6 AND ended_at IS NULL FOR SHARE",
                new.token_digest,
                new.username,
                new.idempotency_key,
                new.created_at,
                new.expires_at,
                new.password_hash
            );
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let query = sqlx::query!(
                "DELETE FROM staff_sessions WHERE token_digest IN (SELECT token_digest FROM staff_sessions \
                 WHERE username = $1 ORDER BY created_at DESC, token_digest OFFSET $2)",
                new.username,
                MAX_PER_MEMBER
            );
            query.execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(true)
        };
        db::observe("INSERT staff_sessions", work).await
    }

    /// Whose session a token is, unless it is over.
    pub async fn session(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<StaffMember>, sqlx::Error> {
        let query = sqlx::query!(
            "SELECT m.username, m.role FROM staff_sessions s JOIN staff m ON m.username = s.username \
             WHERE s.token_digest = $1 AND s.expires_at > $2 AND m.ended_at IS NULL",
            token_digest,
            now
        );
        let query = query.map(|row| StaffMember { username: row.username, role: role_of(&row.role) });
        db::observe("SELECT staff_sessions", query.fetch_optional(&self.pool)).await
    }

    /// Ends the session of a token, under every token that it was given out under.
    pub async fn close(&self, token_digest: &[u8]) -> Result<(), sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM staff_sessions s USING staff_sessions t WHERE t.token_digest = $1 \
             AND s.username = t.username AND s.idempotency_key = t.idempotency_key",
            token_digest
        );
        db::observe("DELETE staff_sessions", query.execute(&self.pool)).await.map(|_| ())
    }

    /// Removes sessions that are over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query!(
            "DELETE FROM staff_sessions WHERE token_digest IN (SELECT token_digest FROM staff_sessions \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit
        );
        Ok(db::observe("DELETE staff_sessions", query.execute(&self.pool)).await?.rows_affected())
    }
}

pub(super) const fn role_name(role: StaffRole) -> &'static str {
    match role {
        StaffRole::Viewer => "viewer",
        StaffRole::Clerk => "clerk",
        StaffRole::Manager => "manager",
    }
}

/// The role of this name. One of a later version may do what everybody may.
pub(super) fn role_of(name: &str) -> StaffRole {
    let known = [StaffRole::Viewer, StaffRole::Clerk, StaffRole::Manager];
    known.into_iter().find(|role| role_name(*role) == name).unwrap_or(StaffRole::Viewer)
}
