//! Faults that can be switched on at run time, to prove alerts and to tell the story of an outage.
//!
//! What must always hold: a fault is declared by the service that has it, switched on only with the token, always
//! visible (`GET /faults`, the metric `shop_fault_active`), and always ends by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, put};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::config::Secret;
use crate::http::extract::{Json, Path};
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// Longest time that a fault may stay on, seconds.
const LONGEST_TTL_SECONDS: u64 = 3600;
/// Longest delay that a latency fault may add, milliseconds.
const LONGEST_DELAY_MS: u64 = 10_000;

/// A fault that a service can show.
#[derive(Debug, Clone, Copy)]
pub struct FaultSpec {
    /// `service.what`, such as `payments.decline`.
    pub name: &'static str,
    /// What it does, for the person who switches it on.
    pub description: &'static str,
}

/// The faults of this process. Clones share their state.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

/// Body of `PUT /faults/{name}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// How long it stays on; at most an hour.
    pub ttl_seconds: u64,
    /// Share of calls that it hits, 0 to 1.
    #[serde(default = "always")]
    pub ratio: f64,
    /// What a latency fault adds.
    #[serde(default = "one_second")]
    pub delay_ms: u64,
}

/// One fault as `GET /faults` shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultView {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Whether it is on.
    pub active: bool,
    /// Seconds until it ends by itself, while on.
    pub remaining_seconds: Option<u64>,
    /// Share of calls that it hits, while on.
    pub ratio: Option<f64>,
}

struct Inner {
    token: Option<Secret>,
    metrics: Metrics,
    state: Mutex<BTreeMap<&'static str, Fault>>,
}

struct Fault {
    description: &'static str,
    active: Option<Active>,
}

#[derive(Clone, Copy)]
struct Active {
    until: Instant,
    ratio: f64,
    delay: Duration,
}

impl Faults {
    /// No faults yet; `token` is what a caller must present to switch one.
    pub fn new(token: Option<Secret>, metrics: Metrics) -> Self {
        Self { inner: Arc::new(Inner { token, metrics, state: Mutex::default() }) }
    }

    /// Declares the faults that this service can show.
    pub fn declare(&self, specs: &[FaultSpec]) {
        let mut state = self.inner.state.lock();
        for spec in specs {
            state.entry(spec.name).or_insert(Fault { description: spec.description, active: None });
            self.inner.metrics.faults().with_label_values(&[spec.name]).set(0);
        }
    }

    /// Whether this call is to be hit by the fault. Draws by the fault's ratio, so ask once for each call.
    pub fn is_active(&self, name: &str) -> bool {
        self.draw(name).is_some()
    }

    /// Waits for the fault's delay if this call is to be hit by it.
    pub async fn delay(&self, name: &str) {
        if let Some(active) = self.draw(name) {
            tokio::time::sleep(active.delay).await;
        }
    }

    /// Switches a fault on.
    pub fn activate(&self, name: &str, request: Activate) -> Result<(), Problem> {
        if request.ttl_seconds == 0 || request.ttl_seconds > LONGEST_TTL_SECONDS {
            let detail = format!("must be between 1 and {LONGEST_TTL_SECONDS}");
            return Err(
                Problem::new(Code::Invalid, "the fault was not switched on").field("ttl_seconds", detail)
            );
        }
        if !(0.0..=1.0).contains(&request.ratio) || request.delay_ms > LONGEST_DELAY_MS {
            return Err(Problem::new(Code::Invalid, "ratio must be 0 to 1 and delay_ms at most 10000"));
        }
        let mut state = self.inner.state.lock();
        let (name, fault) = find(&mut state, name)?;
        fault.active = Some(Active {
            until: Instant::now() + Duration::from_secs(request.ttl_seconds),
            ratio: request.ratio,
            delay: Duration::from_millis(request.delay_ms),
        });
        self.inner.metrics.faults().with_label_values(&[name]).set(1);
        tracing::warn!(fault = name, ttl_seconds = request.ttl_seconds, "fault switched on");
        Ok(())
    }

    /// Switches a fault off.
    pub fn deactivate(&self, name: &str) -> Result<(), Problem> {
        let mut state = self.inner.state.lock();
        let (name, fault) = find(&mut state, name)?;
        if fault.active.take().is_some() {
            tracing::warn!(fault = name, "fault switched off");
        }
        self.inner.metrics.faults().with_label_values(&[name]).set(0);
        Ok(())
    }

    /// All faults with their state. Ends those whose time is over.
    pub fn list(&self) -> Vec<FaultView> {
        let mut state = self.inner.state.lock();
        let now = Instant::now();
        let mut views = Vec::with_capacity(state.len());
        for (name, fault) in state.iter_mut() {
            if fault.active.is_some_and(|active| active.until <= now) {
                fault.active = None;
                tracing::warn!(fault = name, "fault ended by itself");
            }
            self.inner.metrics.faults().with_label_values(&[*name]).set(i64::from(fault.active.is_some()));
            views.push(FaultView {
                name: (*name).to_owned(),
                description: fault.description.to_owned(),
                active: fault.active.is_some(),
                remaining_seconds: fault.active.map(|active| (active.until - now).as_secs()),
                ratio: fault.active.map(|active| active.ratio),
            });
        }
        views
    }

    /// The routes under `/faults`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/faults", get(list))
            .route("/faults/{name}", put(activate).delete(deactivate))
            .with_state(self.clone())
    }

    fn draw(&self, name: &str) -> Option<Active> {
        let active = self.inner.state.lock().get(name)?.active?;
        let hit = active.until > Instant::now() && rand::random::<f64>() < active.ratio;
        hit.then_some(active)
    }

    fn authorise(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.inner.token else {
            return Err(Problem::new(Code::Forbidden, "faults are disabled: no token is configured"));
        };
        let presented = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .unwrap_or_default();
        if bool::from(presented.ct_eq(token.expose().as_bytes())) {
            Ok(())
        } else {
            Err(Problem::new(Code::Unauthenticated, "a valid bearer token is required"))
        }
    }
}

async fn list(State(faults): State<Faults>) -> axum::Json<Vec<FaultView>> {
    axum::Json(faults.list())
}

async fn activate(
    State(faults): State<Faults>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(request): Json<Activate>,
) -> Result<StatusCode, Problem> {
    faults.authorise(&headers)?;
    faults.activate(&name, request)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn deactivate(
    State(faults): State<Faults>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    faults.authorise(&headers)?;
    faults.deactivate(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

fn find<'a>(
    state: &'a mut BTreeMap<&'static str, Fault>,
    name: &str,
) -> Result<(&'static str, &'a mut Fault), Problem> {
    let known = state.keys().find(|key| **key == name).copied();
    known
        .and_then(|key| state.get_mut(key).map(|fault| (key, fault)))
        .ok_or_else(|| Problem::new(Code::NotFound, "this service has no such fault"))
}

const fn always() -> f64 {
    1.0
}

const fn one_second() -> u64 {
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [FaultSpec; 1] = [FaultSpec { name: "orders.errors", description: "answers 500" }];

    fn faults() -> Faults {
        let faults = Faults::new(Some(Secret::new("t")), Metrics::new("orders", "1").unwrap());
        faults.declare(&SPECS);
        faults
    }

    #[test]
    fn fault_hits_while_on_and_not_after() {
        let faults = faults();
        assert!(!faults.is_active("orders.errors"));
        faults.activate("orders.errors", Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 }).unwrap();
        assert!(faults.is_active("orders.errors"));
        assert!(faults.list()[0].active);
        faults.deactivate("orders.errors").unwrap();
        assert!(!faults.is_active("orders.errors"));
    }

    #[test]
    fn ratio_zero_never_hits() {
        let faults = faults();
        faults.activate("orders.errors", Activate { ttl_seconds: 60, ratio: 0.0, delay_ms: 0 }).unwrap();
        assert!((0..100).all(|_| !faults.is_active("orders.errors")));
    }

    #[test]
    fn unknown_fault_and_endless_fault_are_refused() {
        let faults = faults();
        let ok = Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 };
        assert_eq!(faults.activate("orders.gone", ok).unwrap_err().code(), Code::NotFound);
        let endless = Activate { ttl_seconds: 1_000_000, ..ok };
        assert_eq!(faults.activate("orders.errors", endless).unwrap_err().code(), Code::Invalid);
    }
}
