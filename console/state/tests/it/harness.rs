//! A state in a temporary folder.

use std::net::{IpAddr, Ipv4Addr};

use console_state::{AdminChange, LoginError, NewSession, State, StateConfig, ThrottleConfig};
use tempfile::TempDir;

pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const NOW: i64 = 1_000;
pub const PASSWORD: &str = "pass word";

pub struct Bench {
    pub state: State,
    pub dir: TempDir,
}

impl Bench {
    /// With the user `admin`.
    pub async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let state = State::open(config(&dir)).await.unwrap();
        let change = state.ensure_admin("admin", PASSWORD, NOW).await.unwrap();
        assert_eq!(change, AdminChange::Created);
        Self { state, dir }
    }

    pub async fn log_in(&self, now_ms: i64) -> Result<NewSession, LoginError> {
        self.state.log_in("admin", PASSWORD, HOME, now_ms).await
    }

    pub async fn token(&self, now_ms: i64) -> String {
        self.log_in(now_ms).await.unwrap().token
    }

    pub async fn reopen(self) -> Self {
        self.state.close().await;
        Self { state: State::open(config(&self.dir)).await.unwrap(), dir: self.dir }
    }
}

pub fn config(dir: &TempDir) -> StateConfig {
    StateConfig {
        session_idle_ms: 600_000,
        session_max_ms: 1_500_000,
        max_sessions_per_user: 2,
        max_flux_events: 3,
        throttle: ThrottleConfig { max_per_user: 2, ..ThrottleConfig::default() },
        ..StateConfig::new(dir.path().join("console/state.db"))
    }
}
