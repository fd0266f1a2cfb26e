//! Liveness and readiness. `/healthz` says that the process answers; `/readyz` says that it should get traffic: every
//! required dependency answered lately and the process is not draining.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// How often each dependency is asked.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How long one probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1500);

type Probe = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// The health of this process. Clones share their state.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

/// Whether the service can work without a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Not ready without it.
    Required,
    /// Degraded without it, but ready.
    Optional,
}

#[derive(Default)]
struct Inner {
    started: AtomicBool,
    draining: AtomicBool,
    dependencies: Mutex<Vec<Arc<Dependency>>>,
}

struct Dependency {
    name: &'static str,
    need: Need,
    probe: Probe,
    up: AtomicBool,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    dependencies: Vec<DependencyReport>,
}

#[derive(Serialize)]
struct DependencyReport {
    name: &'static str,
    need: Need,
    up: bool,
}

impl Health {
    /// Adds a dependency with the question that tells whether it is there. Counts as up until first asked.
    pub fn watch<F, Fut>(&self, name: &'static str, need: Need, probe: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let probe: Probe = Box::new(move || Box::pin(probe()));
        let dependency = Dependency { name, need, probe, up: AtomicBool::new(true) };
        self.inner.dependencies.lock().push(Arc::new(dependency));
    }

    /// The service's database, required.
    pub fn watch_postgres(&self, pool: sqlx::PgPool) {
        self.watch("postgres", Need::Required, move || {
            let pool = pool.clone();
            async move { sqlx::query("SELECT 1").execute(&pool).await.is_ok() }
        });
    }

    /// Redis.
    pub fn watch_redis(&self, connection: redis::aio::ConnectionManager, need: Need) {
        self.watch("redis", need, move || {
            let mut connection = connection.clone();
            async move { redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok() }
        });
    }

    /// Whether traffic should come.
    pub fn is_ready(&self) -> bool {
        self.inner.started.load(Ordering::Acquire)
            && !self.inner.draining.load(Ordering::Acquire)
            && self.inner.dependencies.lock().iter().all(|dependency| dependency.is_fine())
    }

    /// The service has started; called once by `run`.
    pub fn set_started(&self) {
        self.inner.started.store(true, Ordering::Release);
    }

    /// No more traffic, please.
    pub fn set_draining(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Asks every dependency once, all at the same time.
    pub async fn probe_all(&self) {
        let dependencies = self.inner.dependencies.lock().clone();
        let probes = dependencies.iter().map(|dependency| dependency.ask());
        futures::future::join_all(probes).await;
    }

    /// Keeps asking until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PROBE_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.probe_all().await;
        }
    }

    /// The routes `/healthz` and `/readyz`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, Json<Report>) {
    let dependencies =
        health.inner.dependencies.lock().iter().map(|dependency| dependency.report()).collect();
    let (code, status) = match (health.is_ready(), health.inner.draining.load(Ordering::Acquire)) {
        (true, _) => (StatusCode::OK, "ready"),
        (false, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(Report { status, dependencies }))
}

impl Dependency {
    fn is_fine(&self) -> bool {
        self.need == Need::Optional || self.up.load(Ordering::Acquire)
    }

    fn report(&self) -> DependencyReport {
        DependencyReport { name: self.name, need: self.need, up: self.up.load(Ordering::Acquire) }
    }

    async fn ask(&self) {
        let up = tokio::time::timeout(PROBE_TIMEOUT, (self.probe)()).await.unwrap_or(false);
        let before = self.up.swap(up, Ordering::AcqRel);
        match (before, up) {
            (true, false) => tracing::error!(dependency = self.name, "dependency lost"),
            (false, true) => tracing::info!(dependency = self.name, "dependency back"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_follows_required_dependencies_only() {
        let health = Health::default();
        assert!(!health.is_ready(), "not before start");
        health.set_started();
        let up = Arc::new(AtomicBool::new(true));
        let answer = up.clone();
        health.watch("postgres", Need::Required, move || {
            let up = answer.load(Ordering::Relaxed);
            async move { up }
        });
        health.watch("redis", Need::Optional, || async { false });
        health.probe_all().await;
        assert!(health.is_ready());
        up.store(false, Ordering::Relaxed);
        health.probe_all().await;
        assert!(!health.is_ready());
        up.store(true, Ordering::Relaxed);
        health.probe_all().await;
        health.set_draining();
        assert!(!health.is_ready());
    }
}
