//! Faults that can be switched on at run time, to prove alerts and to tell the story of an outage.
//!
//! What must always hold: a fault is declared in `registry/faults.toml`, switched on only with the token, always visible
//! (`GET /faults`, the metric `shop_fault_active`, a line of log), and always ends by itself: after its time, and with
//! the process, because nothing of it is kept.
//!
//! A service shows faults of its own where it works ([`Faults::is_active`], [`Faults::delay`]); the [`Shared`] ones are
//! shown here and in the wrappers of database, Redis, clock and calls.

mod declared;
mod process;
mod routes;
mod shared;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub use self::declared::{Declared, Reach};
pub use self::shared::{Shared, is_any_on, slow_redis};
pub(crate) use self::shared::{address, clock_ahead, is_misconfigured, of_process, query_delay};
use crate::config::Secret;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// Longest time that a fault may stay on, seconds, where the registry does not say less.
const LONGEST_TTL_SECONDS: u64 = 3600;
/// Longest delay that a latency fault may add, milliseconds, where the registry does not say less.
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
    /// How long it stays on; at most an hour, or what the registry says.
    pub ttl_seconds: u64,
    /// Share of calls that it hits, or share of its bound, 0 to 1.
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
    /// What keeps it from doing more.
    pub bounds: String,
    /// How many instances it is meant for.
    pub reach: Reach,
    /// The ratio that is meant when none is said.
    pub usual_ratio: f64,
    /// Longest time that it may stay on.
    pub longest_seconds: u64,
}

struct Inner {
    token: Option<Secret>,
    metrics: Metrics,
    state: Mutex<BTreeMap<&'static str, Fault>>,
    /// How many are on: while none is, nobody looks further.
    on: AtomicUsize,
    /// Counts switches on and off; who shows a fault over time waits for it.
    switched: watch::Sender<u64>,
    /// An answer was given that is to be the last one.
    last_answer: Notify,
    hot_table: OnceLock<&'static str>,
}

struct Fault {
    description: &'static str,
    declared: Option<&'static Declared>,
    active: Option<Active>,
}

/// A fault that is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    until: Instant,
    pub(crate) ratio: f64,
    pub(crate) delay: Duration,
    /// Which switch this was.
    switch: u64,
}

impl Faults {
    /// The shared faults of the service, none of them on; `token` is what a caller must present to switch one.
    pub fn new(token: Option<Secret>, metrics: Metrics) -> Self {
        let inner = Inner {
            token,
            metrics,
            state: Mutex::default(),
            on: AtomicUsize::new(0),
            switched: watch::Sender::new(0),
            last_answer: Notify::new(),
            hot_table: OnceLock::new(),
        };
        let faults = Self { inner: Arc::new(inner) };
        let shared = declared::of_service(faults.service()).filter(|(_, declared)| declared.shared);
        let shared = shared.map(|(name, declared)| FaultSpec { name, description: &declared.description });
        faults.declare(&shared.collect::<Vec<_>>());
        faults
    }

    /// Declares the faults that this service can show.
    pub fn declare(&self, specs: &[FaultSpec]) {
        let mut state = self.inner.state.lock();
        for spec in specs {
            let declared = declared::find(spec.name).map(|(_, declared)| declared);
            let FaultSpec { name, description } = *spec;
            state.entry(name).or_insert(Fault { description, declared, active: None });
            self.inner.metrics.faults().with_label_values(&[name]).set(0);
        }
    }

    /// The table that most of the service's work writes to: what the fault `lock` locks.
    pub fn lock_table(&self, table: &'static str) {
        let _ = self.inner.hot_table.set(table);
    }

    pub(crate) fn hot_table(&self) -> Option<&'static str> {
        self.inner.hot_table.get().copied()
    }

    pub(crate) fn service(&self) -> &'static str {
        self.inner.metrics.service()
    }

    /// What does not agree between the service and the registry, one line each.
    pub fn disagreements(&self) -> Vec<String> {
        let state = self.inner.state.lock();
        let wrong = state.iter().filter_map(|(name, fault)| match fault.declared {
            None => Some(format!("fault '{name}' is not in registry/faults.toml")),
            Some(declared) if declared.description != fault.description => {
                Some(format!("fault '{name}' is described in other words in registry/faults.toml"))
            }
            Some(_) => None,
        });
        wrong.collect()
    }

    /// Makes these the faults of the process: database, Redis, clock and calls show them. The first caller wins.
    pub fn install(&self) {
        shared::install(self);
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
        let refused =
            |field, detail| Problem::new(Code::Invalid, "the fault was not switched on").field(field, detail);
        let mut state = self.inner.state.lock();
        let (name, fault) = find(&mut state, name)?;
        let (seconds, delay_ms) = fault.limits();
        if request.ttl_seconds == 0 || request.ttl_seconds > seconds {
            return Err(refused("ttl_seconds", format!("must be between 1 and {seconds}")));
        }
        if !(0.0..=1.0).contains(&request.ratio) {
            return Err(refused("ratio", "must be 0 to 1".to_owned()));
        }
        if request.delay_ms > delay_ms {
            return Err(refused("delay_ms", format!("must be at most {delay_ms}")));
        }
        let active = Active {
            until: Instant::now() + Duration::from_secs(request.ttl_seconds),
            ratio: request.ratio,
            delay: Duration::from_millis(request.delay_ms),
            switch: *self.inner.switched.borrow() + 1,
        };
        if fault.active.replace(active).is_none() {
            self.inner.on.fetch_add(1, Ordering::AcqRel);
        }
        self.inner.metrics.faults().with_label_values(&[name]).set(1);
        self.inner.switched.send_modify(|switches| *switches += 1);
        // A line of log reads the clock, which asks for its own fault.
        drop(state);
        tracing::warn!(
            fault = name,
            ttl_seconds = request.ttl_seconds,
            ratio = request.ratio,
            "fault switched on"
        );
        Ok(())
    }

    /// Switches a fault off.
    pub fn deactivate(&self, name: &str) -> Result<(), Problem> {
        let mut state = self.inner.state.lock();
        let (name, fault) = find(&mut state, name)?;
        if fault.active.is_some() {
            self.end(name, fault);
            drop(state);
            tracing::warn!(fault = name, "fault switched off");
        }
        Ok(())
    }

    /// All faults with their state. Ends those whose time is over.
    pub fn list(&self) -> Vec<FaultView> {
        self.end_expired();
        let state = self.inner.state.lock();
        let now = Instant::now();
        state.iter().map(|(name, fault)| fault.view(name, now)).collect()
    }

    /// The routes under `/faults`.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// Around a service's routes: requests that fail, a bad release, the last answer before a crash.
    pub(crate) fn around(&self, router: Router) -> Router {
        process::around(self, router)
    }

    /// Ends each fault when its time is over, and shows those that are not tied to a call, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let shown = async {
            tokio::join!(
                self.end_in_time(),
                process::leak(&self),
                process::release(&self),
                process::crash(&self, process::abort),
            )
        };
        shutdown.run_until_cancelled(shown).await;
    }

    fn is_any_on(&self) -> bool {
        self.inner.on.load(Ordering::Acquire) > 0
    }

    /// The shared fault, if it is on.
    pub(crate) fn on(&self, fault: Shared) -> Option<Active> {
        if !self.is_any_on() {
            return None;
        }
        let service = self.service();
        let state = self.inner.state.lock();
        let mut on = state.iter().filter(|(name, _)| is_named(name, service, fault.name()));
        on.find_map(|(_, fault)| fault.active).filter(|active| active.until > Instant::now())
    }

    /// The shared fault, if this call is to be hit by it.
    pub(crate) fn draw_shared(&self, fault: Shared) -> Option<Active> {
        self.on(fault).filter(Active::hits)
    }

    /// Waits until the fault is switched on.
    pub(crate) async fn until_on(&self, fault: Shared) -> Active {
        let mut switched = self.inner.switched.subscribe();
        loop {
            if let Some(active) = self.on(fault) {
                return active;
            }
            // Never fails: the sender is in `self`.
            let _ = switched.changed().await;
        }
    }

    /// Waits until that switch is over: off, expired, or switched on anew.
    pub(crate) async fn until_over(&self, fault: Shared, active: Active) {
        let mut switched = self.inner.switched.subscribe();
        while self.on(fault).is_some_and(|now| now.switch == active.switch) {
            tokio::select! {
                _ = switched.changed() => {}
                () = tokio::time::sleep_until(active.until.into()) => {}
            }
        }
    }

    /// Ends faults at their time, so that gauge and log are right even if nobody asks.
    async fn end_in_time(&self) {
        let mut switched = self.inner.switched.subscribe();
        loop {
            let next = self.next_end();
            tokio::select! {
                _ = switched.changed() => {}
                () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now).into()), if next.is_some() => {
                    self.end_expired();
                }
            }
        }
    }

    fn next_end(&self) -> Option<Instant> {
        let state = self.inner.state.lock();
        state.values().filter_map(|fault| fault.active).map(|active| active.until).min()
    }

    fn end_expired(&self) {
        if !self.is_any_on() {
            return;
        }
        let now = Instant::now();
        let mut ended = Vec::new();
        for (&name, fault) in self.inner.state.lock().iter_mut() {
            if fault.active.is_some_and(|active| active.until <= now) {
                self.end(name, fault);
                ended.push(name);
            }
        }
        for name in ended {
            tracing::warn!(fault = name, "fault ended by itself");
        }
    }

    fn end(&self, name: &'static str, fault: &mut Fault) {
        fault.active = None;
        self.inner.on.fetch_sub(1, Ordering::AcqRel);
        self.inner.metrics.faults().with_label_values(&[name]).set(0);
        self.inner.switched.send_modify(|switches| *switches += 1);
    }

    fn draw(&self, name: &str) -> Option<Active> {
        if !self.is_any_on() {
            return None;
        }
        let active = self.inner.state.lock().get(name)?.active?;
        (active.until > Instant::now() && active.hits()).then_some(active)
    }
}

impl Active {
    fn hits(&self) -> bool {
        rand::random::<f64>() < self.ratio
    }
}

impl Fault {
    /// Longest time in seconds, longest delay in milliseconds.
    fn limits(&self) -> (u64, u64) {
        self.declared.map_or((LONGEST_TTL_SECONDS, LONGEST_DELAY_MS), |found| (found.seconds, found.delay_ms))
    }

    fn view(&self, name: &str, now: Instant) -> FaultView {
        FaultView {
            name: name.to_owned(),
            description: self.description.to_owned(),
            active: self.active.is_some(),
            remaining_seconds: self
                .active
                .map(|active| active.until.saturating_duration_since(now).as_secs()),
            ratio: self.active.map(|active| active.ratio),
            bounds: self.declared.map(|declared| declared.bounds.clone()).unwrap_or_default(),
            reach: self.declared.map(|declared| declared.reach).unwrap_or_default(),
            usual_ratio: self.declared.map_or(1.0, |declared| declared.ratio),
            longest_seconds: self.limits().0,
        }
    }
}

fn is_named(name: &str, service: &str, what: &str) -> bool {
    name.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')) == Some(what)
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

    const ON: Activate = Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 };

    fn faults() -> Faults {
        let faults = Faults::new(Some(Secret::new("t")), Metrics::new("orders", "1").unwrap());
        let description = "placing an order fails with an internal error";
        faults.declare(&[FaultSpec { name: "orders.errors", description }]);
        faults
    }

    fn is_listed(faults: &Faults, name: &str) -> bool {
        faults.list().iter().any(|fault| fault.name == name && fault.active)
    }

    #[test]
    fn fault_hits_while_on_and_not_after() {
        let faults = faults();
        assert!(!faults.is_active("orders.errors"));
        faults.activate("orders.errors", ON).unwrap();
        assert!(faults.is_active("orders.errors") && is_listed(&faults, "orders.errors"));
        faults.deactivate("orders.errors").unwrap();
        assert!(!faults.is_active("orders.errors") && !is_listed(&faults, "orders.errors"));
    }

    /// Each line of a service's log has a time, and the clock asks whether it is to be ahead.
    #[test]
    fn switching_does_not_stop_a_log_that_reads_the_clock() {
        struct Clock;
        impl tracing_subscriber::fmt::time::FormatTime for Clock {
            fn format_time(
                &self,
                line: &mut tracing_subscriber::fmt::format::Writer<'_>,
            ) -> std::fmt::Result {
                write!(line, "{}", crate::clock::now())
            }
        }
        let faults = faults();
        faults.install();
        let log = tracing_subscriber::fmt().with_timer(Clock).with_writer(std::io::sink).finish();
        tracing::subscriber::with_default(log, || {
            faults.activate("orders.errors", Activate { ttl_seconds: 1, ..ON }).unwrap();
            while is_listed(&faults, "orders.errors") {
                std::thread::yield_now();
            }
            faults.activate("orders.errors", ON).unwrap();
            faults.deactivate("orders.errors").unwrap();
        });
    }

    #[test]
    fn ratio_zero_never_hits() {
        let faults = faults();
        faults.activate("orders.errors", Activate { ratio: 0.0, ..ON }).unwrap();
        assert!((0..100).all(|_| !faults.is_active("orders.errors")));
    }

    #[test]
    fn unknown_endless_and_unbounded_faults_are_refused_by_name_and_limit() {
        let faults = faults();
        assert_eq!(faults.activate("orders.gone", ON).unwrap_err().code(), Code::NotFound);
        for (name, request, limit) in [
            ("orders.errors", Activate { ttl_seconds: 1_000_000, ..ON }, "3600"),
            ("orders.crash", Activate { ttl_seconds: 61, ..ON }, "60"),
            ("orders.lock", Activate { delay_ms: 2001, ..ON }, "2000"),
            ("orders.leak", Activate { ratio: 1.5, ..ON }, "0 to 1"),
        ] {
            let problem = faults.activate(name, request).unwrap_err();
            assert_eq!(problem.code(), Code::Invalid);
            assert!(format!("{problem:?}").contains(limit), "{name}: {problem:?}");
        }
    }

    #[test]
    fn words_that_the_registry_does_not_know_are_told() {
        let faults = faults();
        assert_eq!(faults.disagreements(), Vec::<String>::new());
        faults.declare(&[FaultSpec { name: "orders.made_up", description: "nothing" }]);
        assert_eq!(faults.disagreements().len(), 1);
    }

    #[tokio::test]
    async fn fault_ends_by_itself_and_who_shows_it_is_told() {
        let faults = faults();
        let watched = tokio::spawn(faults.clone().run(CancellationToken::new()));
        faults.activate("orders.slow_query", Activate { ttl_seconds: 1, ..ON }).unwrap();
        let active = faults.until_on(Shared::SlowQuery).await;
        assert_eq!(faults.list().iter().filter(|fault| fault.active).count(), 1);
        faults.until_over(Shared::SlowQuery, active).await;
        assert!(faults.on(Shared::SlowQuery).is_none());
        let gauge = r#"shop_fault_active{fault="orders.slow_query"} 0"#;
        while !faults.inner.metrics.render().unwrap().contains(gauge) {
            tokio::task::yield_now().await;
        }
        watched.abort();
    }
}
