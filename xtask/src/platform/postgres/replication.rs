//! What the primary says about its standby, and the one setting that makes commits wait for it.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::node::Node;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The standby, as the primary sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replication {
    /// It is connected and has caught up with what is written.
    pub streaming: bool,
    /// Commits wait for it.
    pub waited_for: bool,
    /// Bytes that are flushed here and not there.
    pub lag_bytes: i64,
}

/// A session on the primary that is opened again when it breaks.
#[derive(Default)]
pub struct Session(Option<PgConnection>);

impl Session {
    /// Asks the primary about its standby.
    pub async fn look(&mut self, primary: &Node, standby: &Node) -> Result<Replication, String> {
        let query = "SELECT state = 'streaming', sync_state IN ('sync', 'quorum'), \
                     pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn)::int8 \
                     FROM pg_stat_replication WHERE application_name = $1";
        let work = async |session: &mut PgConnection| {
            let row = sqlx::query(query).bind(standby.name).fetch_optional(session).await?;
            let Some(row) = row else { return Ok(Replication::default()) };
            Ok(Replication {
                streaming: row.try_get(0)?,
                waited_for: row.try_get(1)?,
                lag_bytes: row.try_get::<Option<i64>, _>(2)?.unwrap_or(i64::MAX),
            })
        };
        self.with(primary, work).await
    }

    /// Where the primary's log stands, as text.
    pub async fn written(&mut self, primary: &Node) -> Result<String, String> {
        let work = async |session: &mut PgConnection| {
            sqlx::query("SELECT pg_current_wal_flush_lsn()::text").fetch_one(session).await?.try_get(0)
        };
        self.with(primary, work).await
    }

    /// Whether the standby has flushed everything up to a place in the log.
    pub async fn has_flushed(&mut self, primary: &Node, standby: &Node, place: &str) -> Result<bool, String> {
        let work = async |session: &mut PgConnection| {
            let query = "SELECT COALESCE(bool_or(flush_lsn >= $2::pg_lsn), false) FROM pg_stat_replication \
                         WHERE application_name = $1";
            sqlx::query(query).bind(standby.name).bind(place).fetch_one(session).await?.try_get(0)
        };
        self.with(primary, work).await
    }

    /// From now on commits wait for the standby, or (with `None`) for nobody; whoever waits goes on.
    pub async fn wait_for(&mut self, primary: &Node, standby: Option<&Node>) -> Result<(), String> {
        let names = standby.map_or_else(String::new, |s| format!("ANY 1 (\"{}\")", s.name));
        let work = async |session: &mut PgConnection| {
            let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
            session.execute(AssertSqlSafe(set)).await?;
            session.execute("SELECT pg_reload_conf()").await.map(|_| ())
        };
        self.with(primary, work).await
    }

    /// Makes a standby the primary.
    pub async fn promote(&mut self, standby: &Node) -> Result<(), String> {
        self.close();
        self.wait_for(standby, None).await?;
        let work = async |session: &mut PgConnection| {
            sqlx::query("SELECT pg_promote(false)").execute(session).await.map(|_| ())
        };
        self.with(standby, work).await
    }

    /// Whether a node takes writes.
    pub async fn is_writable(&mut self, node: &Node) -> Result<bool, String> {
        let work = async |session: &mut PgConnection| {
            sqlx::query("SELECT NOT pg_is_in_recovery()").fetch_one(session).await?.try_get(0)
        };
        self.with(node, work).await
    }

    /// Frees the slot that a node held, so that a new copy can make its own.
    pub async fn drop_slot(&mut self, primary: &Node, slot: &str) -> Result<(), String> {
        let work = async |session: &mut PgConnection| {
            let query = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
                         WHERE slot_name = $1 AND NOT active";
            sqlx::query(query).bind(slot).execute(session).await.map(|_| ())
        };
        self.with(primary, work).await
    }

    /// Whether the log that a node needs to go on is still there.
    pub async fn slot_is_good(&mut self, primary: &Node, slot: &str) -> Result<bool, String> {
        let work = async |session: &mut PgConnection| {
            let query = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1 \
                         AND wal_status IN ('reserved', 'extended', 'unreserved'))";
            sqlx::query(query).bind(slot).fetch_one(session).await?.try_get(0)
        };
        self.with(primary, work).await
    }

    /// Forgets the session: another node is meant from now on.
    pub fn close(&mut self) {
        self.0 = None;
    }

    async fn with<T, F>(&mut self, node: &Node, work: F) -> Result<T, String>
    where
        F: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    {
        let mut session = match self.0.take() {
            Some(session) => session,
            None => {
                node.connect("postgres").await.map_err(|e| format!("{} does not answer: {e}", node.name))?
            }
        };
        // A session that is not given back is closed: after an error or a timeout its state is not known.
        match tokio::time::timeout(ANSWER_WITHIN, work(&mut session)).await {
            Ok(Ok(answer)) => {
                self.0 = Some(session);
                Ok(answer)
            }
            Ok(Err(e)) => Err(format!("{}: {e}", node.name)),
            Err(_) => Err(format!("{} did not answer within {} s", node.name, ANSWER_WITHIN.as_secs())),
        }
    }
}
