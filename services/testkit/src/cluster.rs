//! A Postgres primary with a streaming standby, for tests of what happens when the primary is lost. Always local servers.

use crate::local;

/// Two servers that no other test sees. They end with this value.
pub struct TestCluster {
    /// Both hosts in one URL, for whoever takes the one that takes writes.
    pub url: String,
    /// The standby alone.
    pub standby_url: String,
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
            primary: Some(primary),
            _standby: standby,
        }
    }

    /// The primary is gone from now on.
    ///
    /// # Panics
    /// Never: stopping does not fail.
    pub async fn stop_primary(&mut self) {
        let primary = self.primary.take();
        tokio::task::spawn_blocking(move || drop(primary)).await.expect("stopping does not panic");
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
