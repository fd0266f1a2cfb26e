//! A Postgres primary with a streaming standby, for tests of what happens when the primary is lost. Always local servers.

use sqlx::Connection as _;

use crate::local;

/// Two servers that no other test sees. They end with this value.
pub struct TestCluster {
    /// Both hosts in one URL, for whoever takes the one that takes writes.
    pub url: String,
    /// The standby alone.
    pub standby_url: String,
    primary_url: String,
    primary: Option<local::LocalServer>,
    _standby: local::LocalServer,
}

impl TestCluster {
    /// Starts both and waits until the standby follows.
    ///
    /// # Panics
    /// When they do not come up.
    pub async fn start() -> Self {
        let (primary, standby) =
            tokio::task::spawn_blocking(local::start_pair).await.expect("both servers start");
        let host = |server: &local::LocalServer| {
            format!("{}:5432", server.directory.display().to_string().replace('/', "%2F"))
        };
        let (first, second) = (host(&primary), host(&standby));
        Self {
            url: format!("postgres://app@{first},{second}/postgres?target_session_attrs=read-write"),
            standby_url: format!("postgres://app@{second}/postgres"),
            primary_url: format!("postgres://app@{first}/postgres"),
            primary: Some(primary),
            _standby: standby,
        }
    }

    /// The primary is gone from now on, and the standby has what was committed on it.
    ///
    /// # Panics
    /// When the standby does not catch up.
    pub async fn stop_primary(&mut self) {
        self.standby_has_all().await;
        let primary = self.primary.take();
        tokio::task::spawn_blocking(move || drop(primary)).await.expect("stopping does not panic");
    }

    /// Replication is asynchronous: what was committed a moment ago may not be there yet.
    async fn standby_has_all(&self) {
        let mut primary =
            sqlx::PgConnection::connect(&self.primary_url).await.expect("the primary takes sessions");
        // Commits are asynchronous here too: a synchronous one writes those before it. What is inserted and not written may be
        // the header of a page alone, which nobody is sent.
        for statement in
            ["SET synchronous_commit = local", "SELECT pg_logical_emit_message(true, 'testkit', '')"]
        {
            sqlx::query(statement).execute(&mut primary).await.expect("the primary answers");
        }
        let written: String = sqlx::query_scalar("SELECT pg_current_wal_flush_lsn()::text")
            .fetch_one(&mut primary)
            .await
            .expect("the primary answers");
        primary.close().await.expect("the session ends");
        let standby = sqlx::PgPool::connect(&self.standby_url).await.expect("the standby takes sessions");
        crate::eventually("the standby has what was committed", || async {
            let received =
                sqlx::query_scalar("SELECT COALESCE(pg_last_wal_receive_lsn() >= $1::pg_lsn, false)");
            received.bind(&written).fetch_one(&standby).await.unwrap_or(false)
        })
        .await;
        standby.close().await;
    }

    /// The standby takes writes from now on.
    ///
    /// # Panics
    /// When it cannot be promoted.
    pub async fn promote_standby(&self) {
        let pool = sqlx::PgPool::connect(&self.standby_url).await.expect("the standby takes sessions");
        let promoted: bool =
            sqlx::query_scalar("SELECT pg_promote()").fetch_one(&pool).await.expect("the standby answers");
        assert!(promoted, "the standby is the primary now");
        pool.close().await;
    }
}
