//! Liveness and readiness. `/healthz` says that the process answers; `/readyz` says that it should get traffic: every
//! required dependency answered lately, or something bridges its absence, and the process is not draining.
//!
//! An instance that is bridged stays in service: without it there would be fewer that answer from what they have, and
//! the dependency is away for all of them.

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

use crate::{db, faults};

/// Where the internal listener says that the process answers.
pub const LIVE_PATH: &str = "/healthz";
/// Where the internal listener says that the process should get traffic.
pub const READY_PATH: &str = "/readyz";

/// How often each dependency is asked.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How long one probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1500);

type Question = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

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
    /// Needed, but something stands in for it while it is away: ready, and says that it is bridged.
    Bridged,
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
    probe: Question,
    /// Whether what stands in for it has something to give; asked while it is away.
    bridge: Option<Question>,
    up: AtomicBool,
    bridged: AtomicBool,
}

/// How a dependency is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Up,
    Bridged,
    Away,
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
    standing: Standing,
}

impl Health {
    /// Adds a dependency with the question that tells whether it is there. Counts as up until first asked. One that is
    /// [`Need::Bridged`] is so whatever happens; where that depends, say it with [`Health::watch_bridged`].
    pub fn watch<F, Fut>(&self, name: &'static str, need: Need, probe: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.add(name, need, question(probe), None);
    }

    /// Adds a dependency that is bridged while `bridge` says so. Away, and nothing to bridge it: not ready.
    pub fn watch_bridged<F, G, A, B>(&self, name: &'static str, probe: F, bridge: G)
    where
        F: Fn() -> A + Send + Sync + 'static,
        G: Fn() -> B + Send + Sync + 'static,
        A: Future<Output = bool> + Send + 'static,
        B: Future<Output = bool> + Send + 'static,
    {
        self.add(name, Need::Bridged, question(probe), Some(question(bridge)));
    }

    fn add(&self, name: &'static str, need: Need, probe: Question, bridge: Option<Question>) {
        let bridged = AtomicBool::new(bridge.is_none());
        let dependency = Dependency { name, need, probe, bridge, up: AtomicBool::new(true), bridged };
        self.inner.dependencies.lock().push(Arc::new(dependency));
    }

    /// The process's own configuration, which an injected fault may spoil.
    pub(crate) fn watch_configuration(&self) {
        self.watch("configuration", Need::Required, || async { !faults::is_misconfigured() });
    }

    /// The service's database, required.
    pub fn watch_postgres(&self, pool: sqlx::PgPool) {
        self.watch("postgres", Need::Required, move || {
            let pool = pool.clone();
            async move { db::answers(&pool).await }
        });
    }

    /// Redis.
    pub fn watch_redis(&self, connection: crate::kv::Connection, need: Need) {
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
            .route(LIVE_PATH, get(|| async { "ok" }))
            .route(READY_PATH, get(ready))
            .with_state(self.clone())
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, Json<Report>) {
    let dependencies: Vec<DependencyReport> =
        health.inner.dependencies.lock().iter().map(|dependency| dependency.report()).collect();
    let is_bridged = |found: &DependencyReport| found.standing == Standing::Bridged;
    let (code, status) = match (health.is_ready(), health.inner.draining.load(Ordering::Acquire)) {
        (true, _) if dependencies.iter().any(is_bridged) => (StatusCode::OK, "bridged"),
        (true, _) => (StatusCode::OK, "ready"),
        (false, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(Report { status, dependencies }))
}

impl Dependency {
    fn is_fine(&self) -> bool {
        self.need == Need::Optional || self.standing() != Standing::Away
    }

    fn standing(&self) -> Standing {
        if self.up.load(Ordering::Acquire) {
            Standing::Up
        } else if self.need == Need::Bridged && self.bridged.load(Ordering::Acquire) {
            Standing::Bridged
        } else {
            Standing::Away
        }
    }

    fn report(&self) -> DependencyReport {
        let standing = self.standing();
        DependencyReport { name: self.name, need: self.need, up: standing == Standing::Up, standing }
    }

    async fn ask(&self) {
        let answer = |question: &Question| tokio::time::timeout(PROBE_TIMEOUT, question());
        let up = answer(&self.probe).await.unwrap_or(false);
        if let (false, Some(bridge)) = (up, &self.bridge) {
            // Before it counts as away: in between it would be neither.
            self.bridged.store(answer(bridge).await.unwrap_or(false), Ordering::Release);
        }
        let before = self.up.swap(up, Ordering::AcqRel);
        match (before, up) {
            (true, false) => tracing::error!(dependency = self.name, "dependency lost"),
            (false, true) => tracing::info!(dependency = self.name, "dependency back"),
            _ => {}
        }
    }
}

fn question<F, Fut>(ask: F) -> Question
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = bool> + Send + 'static,
{
    Box::new(move || Box::pin(ask()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn page(health: &Health) -> (StatusCode, serde_json::Value) {
        let (code, Json(report)) = ready(State(health.clone())).await;
        (code, serde_json::to_value(report).unwrap())
    }

    #[tokio::test]
    async fn a_bridged_dependency_keeps_the_service_ready_while_the_bridge_holds() {
        let health = Health::default();
        health.set_started();
        let [up, bridge] = [true, true].map(|is| Arc::new(AtomicBool::new(is)));
        let said = |flag: &Arc<AtomicBool>| {
            let flag = flag.clone();
            move || {
                let said = flag.load(Ordering::Relaxed);
                async move { said }
            }
        };
        health.watch_bridged("postgres", said(&up), said(&bridge));
        health.watch("redis", Need::Bridged, || async { false });
        for (is_up, has_bridge, code, status, standing) in [
            (true, true, StatusCode::OK, "bridged", "up"),
            (false, true, StatusCode::OK, "bridged", "bridged"),
            (false, false, StatusCode::SERVICE_UNAVAILABLE, "not_ready", "away"),
            (true, false, StatusCode::OK, "bridged", "up"),
        ] {
            up.store(is_up, Ordering::Relaxed);
            bridge.store(has_bridge, Ordering::Relaxed);
            health.probe_all().await;
            let (found, report) = page(&health).await;
            assert_eq!((found, report["status"].as_str()), (code, Some(status)), "{report}");
            assert_eq!(report["dependencies"][0]["standing"], standing, "{report}");
            assert_eq!(report["dependencies"][1]["standing"], "bridged", "{report}");
        }
    }

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
