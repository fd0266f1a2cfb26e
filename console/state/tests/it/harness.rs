//! A state in a temporary folder or in a database of its own.

use std::net::{IpAddr, Ipv4Addr};

use console_state::{
    AdminChange, LoginError, NewSession, Place, PostgresConfig, State, StateConfig, ThrottleConfig,
};
use shop_testkit::TestDb;
use tempfile::TempDir;

pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const NOW: i64 = 1_000;
pub const PASSWORD: &str = "pass word";

/// What outlives the state.
pub enum Kept {
    File(TempDir),
    Postgres(TestDb),
}

pub struct Bench {
    pub state: State,
    pub kept: Kept,
}

/// Each function as a test on a file and on Postgres.
macro_rules! on_both {
    ($($name:ident,)+) => {
        mod file {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Bench::in_file().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::harness::Bench::in_postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

impl Kept {
    pub fn config(&self) -> StateConfig {
        let place = match self {
            Self::File(dir) => Place::File(dir.path().join("console/state.db")),
            Self::Postgres(db) => Place::Postgres(PostgresConfig::new(&db.url)),
        };
        config(place)
    }
}

impl Bench {
    pub async fn in_file() -> Self {
        Self::new(Kept::File(TempDir::new().unwrap())).await
    }

    pub async fn in_postgres() -> Self {
        Self::new(Kept::Postgres(TestDb::empty().await)).await
    }

    /// With the user `admin`.
    async fn new(kept: Kept) -> Self {
        let state = State::open(kept.config()).await.unwrap();
        let change = state.ensure_admin("admin", PASSWORD, NOW).await.unwrap();
        assert_eq!(change, AdminChange::Created);
        Self { state, kept }
    }

    pub fn db(&self) -> &TestDb {
        match &self.kept {
            Kept::Postgres(db) => db,
            Kept::File(_) => unreachable!("this bench is Postgres"),
        }
    }

    pub async fn log_in(&self, now_ms: i64) -> Result<NewSession, LoginError> {
        self.state.log_in("admin", PASSWORD, HOME, now_ms).await
    }

    pub async fn token(&self, now_ms: i64) -> String {
        self.log_in(now_ms).await.unwrap().token
    }

    pub async fn reopen(self) -> Self {
        self.state.close().await;
        Self { state: State::open(self.kept.config()).await.unwrap(), kept: self.kept }
    }

    /// Everything that is stored of users and sessions, as text.
    pub async fn stored(&self) -> String {
        match &self.kept {
            Kept::File(dir) => {
                self.state.close().await;
                let bytes = std::fs::read(dir.path().join("console/state.db")).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Kept::Postgres(db) => {
                let all = "SELECT string_agg(line, ' ') FROM \
                           (SELECT users::text AS line FROM users UNION ALL SELECT sessions::text FROM sessions) kept";
                sqlx::query_scalar(all).fetch_one(&db.pool).await.unwrap()
            }
        }
    }
}

/// Small bounds.
pub fn config(place: Place) -> StateConfig {
    StateConfig {
        session_idle_ms: 600_000,
        session_max_ms: 1_500_000,
        max_sessions_per_user: 2,
        remember_session_ms: 60_000,
        max_flux_events: 3,
        max_alarms: 2,
        throttle: ThrottleConfig { max_per_user: 2, ..ThrottleConfig::default() },
        ..StateConfig::at(place)
    }
}
