//! The staff as managers change it, in Postgres: each change with who made it, in one transaction.
//!
//! Names of members who are ended stay: what they did is known by them.

use chrono::{DateTime, Utc};
use shop_contracts::identity::{StaffChange, StaffEntry, StaffRole};
use shop_instrumentation::db;
use sqlx::{PgConnection, PgPool};

use super::staff::{StoredStaff, role_name, role_of};
use crate::credentials::Username;

/// Stands where a password's hash was, and no password belongs to it: earlier versions of this service know no end.
const NO_PASSWORD: &str = "!";

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub actor: &'a str,
    pub at: DateTime<Utc>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is so now, or was already.
    Done(StaffEntry),
    NoMember,
    /// A member who is ended is not changed.
    Ended,
    /// There would be no manager left.
    LastManager,
}

/// The tables `staff`, `staff_sessions` and `staff_changes`.
#[derive(Clone)]
pub struct PgStaffMembers {
    pool: PgPool,
}

struct Row {
    username: String,
    role: String,
    created_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl PgStaffMembers {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Everybody who is or was a member, by name.
    pub async fn list(&self) -> Result<Vec<StaffEntry>, sqlx::Error> {
        let query = sqlx::query_as!(
            Row,
            "SELECT username, role, created_at, ended_at FROM staff ORDER BY ended_at IS NOT NULL, username LIMIT 1000"
        );
        let rows = db::observe("SELECT staff", query.fetch_all(&self.pool)).await?;
        Ok(rows.into_iter().map(StaffEntry::from).collect())
    }

    /// The newest changes first.
    pub async fn changes(&self, limit: i64) -> Result<Vec<StaffChange>, sqlx::Error> {
        let query = sqlx::query_as!(
            StaffChange,
            "SELECT at, actor, username, what, before, after FROM staff_changes ORDER BY id DESC LIMIT $1",
            limit
        );
        db::observe("SELECT staff_changes", query.fetch_all(&self.pool)).await
    }

    /// Adds a member. Nothing when the name is taken, but by this very key.
    pub async fn add(
        &self,
        by: &By<'_>,
        key: &str,
        new: &StoredStaff,
    ) -> Result<Option<StaffEntry>, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let role = role_name(new.member.role);
            let inserted = sqlx::query!(
                "INSERT INTO staff (username, role, password_hash, created_at, idempotency_key) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                new.member.username,
                role,
                new.password_hash,
                by.at,
                key
            );
            if inserted.execute(&mut *tx).await?.rows_affected() == 0 {
                let query = sqlx::query_as!(
                    Row,
                    "SELECT username, role, created_at, ended_at FROM staff \
                     WHERE username = $1 AND idempotency_key = $2",
                    new.member.username,
                    key
                );
                return Ok(query.fetch_optional(&mut *tx).await?.map(StaffEntry::from));
            }
            note(&mut tx, by, &new.member.username, "added", "", role).await?;
            tx.commit().await?;
            Ok(Some(StaffEntry {
                username: new.member.username.clone(),
                role: new.member.role,
                created_at: by.at,
                ended_at: None,
            }))
        };
        db::observe("INSERT staff", work).await
    }

    /// Gives a member another role.
    pub async fn change_role(
        &self,
        by: &By<'_>,
        username: &Username,
        role: StaffRole,
    ) -> Result<Changed, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let last = is_last_manager(&mut tx, username).await?;
            let entry = match member(&mut tx, username).await? {
                Err(refused) => return Ok(refused),
                Ok(entry) if entry.role == role => return Ok(Changed::Done(entry)),
                Ok(_) if last => return Ok(Changed::LastManager),
                Ok(entry) => entry,
            };
            sqlx::query!(
                "UPDATE staff SET role = $2 WHERE username = $1",
                username.as_str(),
                role_name(role)
            )
            .execute(&mut *tx)
            .await?;
            note(&mut tx, by, username.as_str(), "role", role_name(entry.role), role_name(role)).await?;
            tx.commit().await?;
            Ok(Changed::Done(StaffEntry { role, ..entry }))
        };
        db::observe("UPDATE staff", work).await
    }

    /// Gives a member another password and ends every session of the member.
    pub async fn set_password(
        &self,
        by: &By<'_>,
        username: &Username,
        hash: &str,
    ) -> Result<Changed, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let entry = match member(&mut tx, username).await? {
                Err(refused) => return Ok(refused),
                Ok(entry) => entry,
            };
            sqlx::query!("UPDATE staff SET password_hash = $2 WHERE username = $1", username.as_str(), hash)
                .execute(&mut *tx)
                .await?;
            end_sessions(&mut tx, username).await?;
            note(&mut tx, by, username.as_str(), "password", "", "").await?;
            tx.commit().await?;
            Ok(Changed::Done(entry))
        };
        db::observe("UPDATE staff", work).await
    }

    /// Ends a member and every session of the member.
    pub async fn end(&self, by: &By<'_>, username: &Username) -> Result<Changed, sqlx::Error> {
        let work = async {
            let mut tx = self.pool.begin().await?;
            let last = is_last_manager(&mut tx, username).await?;
            let entry = match locked(&mut tx, username).await? {
                None => return Ok(Changed::NoMember),
                Some(entry) if entry.ended_at.is_some() => return Ok(Changed::Done(entry)),
                Some(_) if last => return Ok(Changed::LastManager),
                Some(entry) => entry,
            };
            sqlx::query!(
                "UPDATE staff SET ended_at = $2, password_hash = $3 WHERE username = $1",
                username.as_str(),
                by.at,
                NO_PASSWORD
            )
            .execute(&mut *tx)
            .await?;
            end_sessions(&mut tx, username).await?;
            note(&mut tx, by, username.as_str(), "ended", role_name(entry.role), "").await?;
            tx.commit().await?;
            Ok(Changed::Done(StaffEntry { ended_at: Some(by.at), ..entry }))
        };
        db::observe("UPDATE staff", work).await
    }
}

/// Whether this is the one manager. All managers' rows are locked, in order of name: of two who end each other at once
/// one is the last.
async fn is_last_manager(tx: &mut PgConnection, username: &Username) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar!(
        "SELECT username FROM staff WHERE role = 'manager' AND ended_at IS NULL ORDER BY username FOR UPDATE"
    );
    let managers = query.fetch_all(tx).await?;
    Ok(managers == [username.as_str()])
}

/// The member, locked, or why there is nothing to change.
async fn member(
    tx: &mut PgConnection,
    username: &Username,
) -> Result<Result<StaffEntry, Changed>, sqlx::Error> {
    Ok(match locked(tx, username).await? {
        None => Err(Changed::NoMember),
        Some(entry) if entry.ended_at.is_some() => Err(Changed::Ended),
        Some(entry) => Ok(entry),
    })
}

async fn locked(tx: &mut PgConnection, username: &Username) -> Result<Option<StaffEntry>, sqlx::Error> {
    let query = sqlx::query_as!(
        Row,
        "SELECT username, role, created_at, ended_at FROM staff WHERE username = $1 FOR UPDATE",
        username.as_str()
    );
    Ok(query.fetch_optional(tx).await?.map(StaffEntry::from))
}

async fn end_sessions(tx: &mut PgConnection, username: &Username) -> Result<(), sqlx::Error> {
    let query = sqlx::query!("DELETE FROM staff_sessions WHERE username = $1", username.as_str());
    query.execute(tx).await.map(|_| ())
}

async fn note(
    tx: &mut PgConnection,
    by: &By<'_>,
    username: &str,
    what: &str,
    before: &str,
    after: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO staff_changes (at, actor, username, what, before, after) VALUES ($1, $2, $3, $4, $5, $6)",
        by.at,
        by.actor,
        username,
        what,
        before,
        after
    )
    .execute(tx)
    .await
    .map(|_| ())
}

impl From<Row> for StaffEntry {
    fn from(row: Row) -> Self {
        Self {
            role: role_of(&row.role),
            username: row.username,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}
