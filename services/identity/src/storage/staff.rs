//! Staff and their sessions in Postgres.

use chrono::{DateTime, Utc};
use shop_contracts::identity::{StaffMember, StaffRole};
use shop_instrumentation::db;
use sqlx::{PgPool, Row as _, postgres::PgRow};

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
        let query = sqlx::query("SELECT username, role, password_hash FROM staff WHERE username = $1");
        let row = query.bind(username.as_str()).fetch_optional(&self.pool);
        let stored = |row: PgRow| {
            Ok(StoredStaff { member: member(&row)?, password_hash: row.try_get("password_hash")? })
        };
        db::observe("SELECT staff", row).await?.map(stored).transpose()
    }

    /// Whether there is anybody yet.
    pub async fn is_empty(&self) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM staff)").fetch_one(&self.pool);
        db::observe("SELECT staff", query).await
    }

    /// Adds a member. `false` when the name is taken: nothing was changed.
    pub async fn insert(&self, new: &StoredStaff, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(
            "INSERT INTO staff (username, role, password_hash, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (username) DO NOTHING",
        );
        let query = query
            .bind(&new.member.username)
            .bind(role_name(new.member.role))
            .bind(&new.password_hash)
            .bind(now)
            .execute(&self.pool);
        Ok(db::observe("INSERT staff", query).await?.rows_affected() > 0)
    }

    /// Keeps a new session.
    pub async fn open(&self, new: &NewStaffSession) -> Result<(), sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            sqlx::query(
                "INSERT INTO staff_sessions (token_digest, username, idempotency_key, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&new.token_digest)
            .bind(&new.username)
            .bind(&new.idempotency_key)
            .bind(new.created_at)
            .bind(new.expires_at)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM staff_sessions WHERE token_digest IN (SELECT token_digest FROM staff_sessions \
                 WHERE username = $1 ORDER BY created_at DESC, token_digest OFFSET $2)",
            )
            .bind(&new.username)
            .bind(MAX_PER_MEMBER)
            .execute(&mut *tx)
            .await?;
            tx.commit().await
        };
        db::observe("INSERT staff_sessions", work).await
    }

    /// Whose session a token is, unless it is over.
    pub async fn session(
        &self,
        token_digest: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<StaffMember>, sqlx::Error> {
        let query = sqlx::query(
            "SELECT m.username, m.role FROM staff_sessions s JOIN staff m ON m.username = s.username \
             WHERE s.token_digest = $1 AND s.expires_at > $2",
        );
        let row = query.bind(token_digest).bind(now).fetch_optional(&self.pool);
        db::observe("SELECT staff_sessions", row).await?.as_ref().map(member).transpose()
    }

    /// Ends the session of a token, under every token that it was given out under.
    pub async fn close(&self, token_digest: &[u8]) -> Result<(), sqlx::Error> {
        let query = sqlx::query(
            "DELETE FROM staff_sessions s USING staff_sessions t WHERE t.token_digest = $1 \
             AND s.username = t.username AND s.idempotency_key = t.idempotency_key",
        );
        db::observe("DELETE staff_sessions", query.bind(token_digest).execute(&self.pool)).await.map(|_| ())
    }

    /// Removes sessions that are over; answers how many.
    pub async fn expire(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(
            "DELETE FROM staff_sessions WHERE token_digest IN (SELECT token_digest FROM staff_sessions \
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        );
        let removed = query.bind(now).bind(limit).execute(&self.pool);
        Ok(db::observe("DELETE staff_sessions", removed).await?.rows_affected())
    }
}

const fn role_name(role: StaffRole) -> &'static str {
    match role {
        StaffRole::Viewer => "viewer",
        StaffRole::Clerk => "clerk",
        StaffRole::Manager => "manager",
    }
}

fn member(row: &PgRow) -> Result<StaffMember, sqlx::Error> {
    let name: String = row.try_get("role")?;
    let known = [StaffRole::Viewer, StaffRole::Clerk, StaffRole::Manager];
    // A role of a later version may do what everybody may.
    let role = known.into_iter().find(|role| role_name(*role) == name).unwrap_or(StaffRole::Viewer);
    Ok(StaffMember { username: row.try_get("username")?, role })
}
