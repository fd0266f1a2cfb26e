//! Keeps units running: health-gated start, replacement with back-off, rolling restart, ordered stop.
//!
//! A unit is replaced when it ended, or when it is hung: it did not answer its liveness probe for [`Pace::hung_after`].
//! Readiness decides what the start and a rolling restart wait for, and never that a process dies.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    layout::Layout,
    memory,
    probe::Seen,
    process::{self, Unit},
    slowdown::{Slowdowns, Target},
};

/// How long one look at a unit may take.
const LOOK_WITHIN: Duration = Duration::from_secs(4);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(15);
/// A process that lived this long starts again with the first back-off.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// How often memory is summed at most.
const MEMORY_EVERY: Duration = Duration::from_secs(1);
/// A log is cut when it passes this size.
const MAX_LOG_BYTES: u64 = 32 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Starting,
    Ready,
    /// Was ready, is not now.
    Unready,
    BackingOff,
    Stopped,
}

/// A row of `make status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnitStatus {
    pub name: String,
    pub service: String,
    pub address: String,
    pub state: State,
    pub pid: Option<u32>,
    pub restarts: u32,
    pub uptime_s: u64,
    pub memory_bytes: u64,
    /// What it does at the moment, where that changes: `primary, synchronous`.
    #[serde(default)]
    pub role: String,
}

/// How often units are looked at, and how long one may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between looks at a unit that is starting.
    pub starting: Duration,
    /// Between looks at a unit that was ready.
    pub watching: Duration,
    /// A unit that was ready and then did not answer this long is hung.
    pub hung_after: Duration,
    /// How long a replaced instance is ready before the next one goes: callers leave out for a while an instance that
    /// refused them, and the next one must not go before they ask this one again.
    pub settled: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            starting: Duration::from_millis(50),
            watching: Duration::from_secs(2),
            hung_after: Duration::from_secs(30),
            settled: Duration::from_secs(3),
        }
    }
}

struct Entry {
    unit: Unit,
    phase: usize,
    role: String,
    commands: mpsc::Sender<Order>,
    state: watch::Receiver<Live>,
}

#[derive(Clone, Debug)]
struct Live {
    state: State,
    pid: Option<u32>,
    restarts: u32,
    since: Instant,
}

enum Order {
    Restart(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
    /// Stop without asking: SIGKILL.
    Kill(oneshot::Sender<()>),
}

/// Owner of all units. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    http: reqwest::Client,
    pids_file: std::path::PathBuf,
    pace: Pace,
    /// Set when everything stops: nothing starts any more.
    closed: Arc<AtomicBool>,
    slowdowns: Slowdowns,
    /// Bytes by process, and when they were summed.
    memory: Arc<tokio::sync::Mutex<Option<(Instant, BTreeMap<u32, u64>)>>>,
}

impl Supervisor {
    pub fn new(layout: &Layout) -> Self {
        Self::with_pace(layout.pids_file(), Pace::default())
    }

    pub fn with_pace(pids_file: std::path::PathBuf, pace: Pace) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .no_proxy()
            .build()
            .expect("a client without custom TLS settings can always be built");
        Self {
            entries: Arc::default(),
            http,
            pids_file,
            pace,
            closed: Arc::default(),
            slowdowns: Slowdowns::default(),
            memory: Arc::default(),
        }
    }

    /// Starts units together and waits for all. Fails with the log's tail of the first that does not become ready.
    /// Phases stop in the opposite order.
    pub async fn start_phase(&self, phase: usize, units: Vec<Unit>) -> Result<(), String> {
        let names: Vec<String> = units.iter().map(|u| u.name.clone()).collect();
        let started = Instant::now();
        for unit in units {
            self.start(unit, phase)?;
        }
        for name in &names {
            self.wait_ready(name).await?;
        }
        println!("  ready in {:>4.1} s: {}", started.elapsed().as_secs_f64(), names.join(" "));
        Ok(())
    }

    /// Starts one unit and keeps it running from now on.
    pub fn start(&self, unit: Unit, phase: usize) -> Result<(), String> {
        if self.closed.load(Ordering::Acquire) {
            return Err(format!("{} is not started: everything is stopping", unit.name));
        }
        let child = unit.spawn()?;
        let (commands, orders) = mpsc::channel(4);
        let live = Live { state: State::Starting, pid: child.id(), restarts: 0, since: Instant::now() };
        let (publish, state) = watch::channel(live);
        let name = unit.name.clone();
        self.lock().insert(name, Entry { unit: unit.clone(), phase, role: String::new(), commands, state });
        self.write_pids();
        let keeper = Keeper { unit, publish, http: self.http.clone(), owner: self.clone() };
        tokio::spawn(keeper.run(child, orders));
        Ok(())
    }

    /// Waits until a unit is ready, at most as long as it says itself.
    pub async fn wait_ready(&self, name: &str) -> Result<(), String> {
        let (unit, mut state) = {
            let entries = self.lock();
            let entry = entries.get(name).ok_or_else(|| format!("no unit named {name}"))?;
            (entry.unit.clone(), entry.state.clone())
        };
        let ready =
            tokio::time::timeout(unit.ready_within, state.wait_for(|l| l.state == State::Ready)).await;
        match ready {
            Ok(Ok(_)) => Ok(()),
            _ => Err(format!(
                "{} is not healthy after {} s; its log ({}) ends with:\n{}",
                unit.name,
                unit.ready_within.as_secs(),
                unit.log.display(),
                process::log_tail(&unit, 12)
            )),
        }
    }

    /// Replaces the instances of a service one after the other, each ready and called again before the next goes.
    pub async fn deploy(&self, service: &str) -> Result<String, String> {
        let names: Vec<(String, mpsc::Sender<Order>)> = {
            let entries = self.lock();
            entries
                .values()
                .filter(|e| e.unit.service == service || e.unit.name == service)
                .map(|e| (e.unit.name.clone(), e.commands.clone()))
                .collect()
        };
        if names.is_empty() {
            return Err(format!("no service named {service:?}; `make status` lists them"));
        }
        let started = Instant::now();
        for (i, (name, commands)) in names.iter().enumerate() {
            if i > 0 {
                tokio::time::sleep(self.pace.settled).await;
            }
            let (done, replaced) = oneshot::channel();
            commands.send(Order::Restart(done)).await.map_err(|_| format!("{name} is stopping"))?;
            replaced.await.map_err(|_| format!("{name} is stopping"))?;
            self.wait_ready(name).await?;
        }
        let names: Vec<String> = names.into_iter().map(|(n, _)| n).collect();
        Ok(format!("replaced {} in {:.1} s", names.join(", "), started.elapsed().as_secs_f64()))
    }

    /// Ends one unit for good, at once.
    pub async fn kill(&self, name: &str) {
        let Some(commands) = self.lock().remove(name).map(|e| e.commands) else { return };
        let (done, ended) = oneshot::channel();
        if commands.send(Order::Kill(done)).await.is_ok() {
            let _ = ended.await;
        }
        self.write_pids();
    }

    /// Whether a unit was ready when it was last looked at.
    pub fn is_ready(&self, name: &str) -> bool {
        self.lock().get(name).is_some_and(|e| e.state.borrow().state == State::Ready)
    }

    /// Faults of processes that know none of their own.
    pub fn slowdowns(&self) -> &Slowdowns {
        &self.slowdowns
    }

    /// The process of a unit, while it runs.
    pub fn pid(&self, target: Target) -> Option<u32> {
        let entries = self.lock();
        let is_meant = |e: &&Entry| match target {
            Target::Unit(name) => e.unit.name == name,
            Target::Role(role) => e.role.starts_with(role),
        };
        entries.values().find(is_meant)?.state.borrow().pid
    }

    /// Says what a unit does at the moment, for `make status`.
    pub fn set_role(&self, name: &str, role: &str) {
        if let Some(entry) = self.lock().get_mut(name) {
            role.clone_into(&mut entry.role);
        }
    }

    /// Stops everything, the last phase first.
    pub async fn stop_all(&self) {
        self.slowdowns.end_all();
        self.closed.store(true, Ordering::Release);
        loop {
            let last: Vec<(String, mpsc::Sender<Order>)> = {
                let entries = self.lock();
                let Some(phase) = entries.values().map(|e| e.phase).max() else { break };
                let of_phase = entries.iter().filter(|(_, e)| e.phase == phase);
                of_phase.map(|(n, e)| (n.clone(), e.commands.clone())).collect()
            };
            let mut waits = Vec::new();
            for (name, commands) in last {
                let (done, stopped) = oneshot::channel();
                if commands.send(Order::Stop(done)).await.is_ok() {
                    waits.push(stopped);
                }
                self.lock().remove(&name);
            }
            for stopped in waits {
                let _ = stopped.await;
            }
        }
        self.write_pids();
    }

    /// All units with their memory. Summing memory reads hundreds of files and starts a program: it happens apart from
    /// what watches processes, which must not fall behind however many people ask, and at most once in [`MEMORY_EVERY`].
    pub async fn status(&self) -> Vec<UnitStatus> {
        let mut rows = self.rows();
        let mut measured = self.memory.lock().await;
        if measured.as_ref().is_none_or(|(at, _)| at.elapsed() >= MEMORY_EVERY) {
            let pids: Vec<u32> = rows.iter().filter_map(|row| row.pid).collect();
            let measure = move || {
                let snapshot = memory::Snapshot::take();
                pids.into_iter().map(|pid| (pid, snapshot.of_tree(pid))).collect()
            };
            let bytes = tokio::task::spawn_blocking(measure).await.unwrap_or_default();
            *measured = Some((Instant::now(), bytes));
        }
        if let Some((_, bytes)) = &*measured {
            for row in &mut rows {
                row.memory_bytes = row.pid.and_then(|pid| bytes.get(&pid)).copied().unwrap_or_default();
            }
        }
        rows
    }

    /// All units, without their memory.
    fn rows(&self) -> Vec<UnitStatus> {
        let entries = self.lock();
        let row = |e: &Entry| {
            let live = e.state.borrow().clone();
            UnitStatus {
                name: e.unit.name.clone(),
                service: e.unit.service.clone(),
                address: e.unit.address.clone(),
                state: live.state,
                pid: live.pid,
                restarts: live.restarts,
                uptime_s: live.since.elapsed().as_secs(),
                memory_bytes: 0,
                role: e.role.clone(),
            }
        };
        entries.values().map(row).collect()
    }

    /// Remembers the running processes, so that a killed supervisor's children can be found.
    fn write_pids(&self) {
        let pids: BTreeMap<String, (u32, String)> = {
            let entries = self.lock();
            let pid = |e: &Entry| e.state.borrow().pid.map(|p| (p, e.unit.program.display().to_string()));
            entries.iter().filter_map(|(n, e)| Some((n.clone(), pid(e)?))).collect()
        };
        if let Ok(text) = serde_json::to_string(&pids) {
            let _ = std::fs::write(&self.pids_file, text);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task behind one unit.
struct Keeper {
    unit: Unit,
    publish: watch::Sender<Live>,
    http: reqwest::Client,
    owner: Supervisor,
}

enum Next {
    Exited,
    Restart(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
    Kill(oneshot::Sender<()>),
}

impl Keeper {
    async fn run(self, mut child: tokio::process::Child, mut orders: mpsc::Receiver<Order>) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let born = Instant::now();
            let pid = child.id();
            let next = self.watch(&mut child, &mut orders).await;
            let replaced = match next {
                Next::Stop(done) => {
                    process::stop(&mut child, &self.unit).await;
                    self.set(State::Stopped, None);
                    let _ = done.send(());
                    return;
                }
                Next::Kill(done) => {
                    if let Some(pid) = pid {
                        process::kill_group(pid);
                    }
                    let _ = child.kill().await;
                    self.set(State::Stopped, None);
                    let _ = done.send(());
                    return;
                }
                Next::Restart(done) => {
                    process::stop(&mut child, &self.unit).await;
                    Some(done)
                }
                Next::Exited => {
                    let _ = child.kill().await;
                    // Its group bears its pid, which no other process gets while a member lives.
                    if let Some(pid) = pid {
                        process::kill_group(pid);
                    }
                    if born.elapsed() > STABLE_AFTER {
                        backoff = FIRST_BACKOFF;
                    }
                    println!(
                        "  {} ended; starting it again in {:.1} s",
                        self.unit.name,
                        backoff.as_secs_f64()
                    );
                    self.set(State::BackingOff, None);
                    tokio::select! {
                        () = tokio::time::sleep(backoff) => {}
                        order = orders.recv() => match order {
                            Some(Order::Stop(done) | Order::Kill(done)) => { let _ = done.send(()); return; }
                            Some(Order::Restart(done)) => { let _ = done.send(()); }
                            None => return,
                        }
                    }
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                    self.publish.send_modify(|l| l.restarts += 1);
                    None
                }
            };
            child = loop {
                match self.unit.spawn() {
                    Ok(child) => break child,
                    Err(e) => {
                        println!("  {e}");
                        tokio::time::sleep(MAX_BACKOFF).await;
                    }
                }
            };
            self.set(State::Starting, child.id());
            if let Some(done) = replaced {
                let _ = done.send(());
            }
            self.owner.write_pids();
        }
    }

    /// Follows one life of the process until it ends, hangs, or an order comes.
    async fn watch(&self, child: &mut tokio::process::Child, orders: &mut mpsc::Receiver<Order>) -> Next {
        let pid = child.id();
        let pace = self.owner.pace;
        let mut answered = Instant::now();
        loop {
            let starting = self.publish.borrow().state == State::Starting;
            let pause = if starting { pace.starting } else { pace.watching };
            tokio::select! {
                _ = child.wait() => return Next::Exited,
                order = orders.recv() => return match order {
                    Some(Order::Restart(done)) => Next::Restart(done),
                    Some(Order::Stop(done)) => Next::Stop(done),
                    Some(Order::Kill(done)) => Next::Kill(done),
                    None => Next::Exited,
                },
                seen = async { tokio::time::sleep(pause).await; self.look().await } => {
                    // A unit that starts may be silent as long as its start may take.
                    let patience = if starting { self.unit.ready_within } else { pace.hung_after };
                    match seen {
                        Seen::Ready => { answered = Instant::now(); self.set(State::Ready, pid); }
                        Seen::Alive => { answered = Instant::now(); self.unready(pid); }
                        Seen::Nothing if answered.elapsed() < patience => self.unready(pid),
                        Seen::Nothing => {
                            println!("  {} does not answer any more: replacing it", self.unit.name);
                            process::stop(child, &self.unit).await;
                            return Next::Exited;
                        }
                    }
                    self.cut_log();
                }
            }
        }
    }

    async fn look(&self) -> Seen {
        tokio::time::timeout(LOOK_WITHIN, self.unit.probe.look(&self.http)).await.unwrap_or(Seen::Nothing)
    }

    /// Not ready; one that never was is still starting.
    fn unready(&self, pid: Option<u32>) {
        if self.publish.borrow().state != State::Starting {
            self.set(State::Unready, pid);
        }
    }

    fn set(&self, state: State, pid: Option<u32>) {
        self.publish.send_modify(|live| {
            if live.pid != pid {
                live.since = Instant::now();
            }
            live.state = state;
            live.pid = pid;
        });
    }

    /// The log is opened for appending, so cutting it to zero is safe while the process writes.
    fn cut_log(&self) {
        if std::fs::metadata(&self.unit.log).is_ok_and(|m| m.len() > MAX_LOG_BYTES) {
            let _ = std::fs::copy(&self.unit.log, self.unit.log.with_extension("log.1"));
            let _ = std::fs::OpenOptions::new().write(true).truncate(true).open(&self.unit.log);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};

    use super::*;
    use crate::platform::probe::Probe;

    const PACE: Pace = Pace {
        starting: Duration::from_millis(5),
        watching: Duration::from_millis(5),
        hung_after: Duration::from_millis(300),
        settled: Duration::from_millis(5),
    };

    /// A process whose health pages the test answers itself.
    struct Subject {
        supervisor: Supervisor,
        ready: Arc<AtomicBool>,
        live: Arc<AtomicBool>,
        looks: watch::Receiver<usize>,
    }

    impl Subject {
        async fn start(name: &str) -> Self {
            let (ready, live) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
            let (count, looks) = watch::channel(0);
            let page = |answer: Arc<AtomicBool>, count: watch::Sender<usize>| {
                get(move || async move {
                    count.send_modify(|n| *n += 1);
                    if answer.load(Ordering::SeqCst) {
                        StatusCode::OK
                    } else {
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                })
            };
            let router = Router::new()
                .route("/readyz", page(ready.clone(), watch::channel(0).0))
                .route("/healthz", page(live.clone(), count));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, router).await });

            let dir = std::env::temp_dir().join(format!("qd-supervisor-{name}-{}", std::process::id()));
            let mut unit = Unit::new("subject", "subject", "sleep", dir.join("subject.log"));
            unit.args = vec!["600".to_owned()];
            unit.probe = Probe::Http { ready: format!("{url}/readyz"), live: format!("{url}/healthz") };
            let supervisor = Supervisor::with_pace(dir.join("pids.json"), PACE);
            supervisor.start(unit, 0).unwrap();
            supervisor.wait_ready("subject").await.unwrap();
            Self { supervisor, ready, live, looks }
        }

        fn row(&self) -> UnitStatus {
            self.supervisor.rows().remove(0)
        }
    }

    #[tokio::test]
    async fn a_process_that_is_live_but_not_ready_is_left_alone() {
        let mut subject = Subject::start("unready").await;
        let pid = subject.row().pid;
        subject.ready.store(false, Ordering::SeqCst);
        // Unready for several times as long as a hung process would live.
        let began = Instant::now();
        while began.elapsed() < 4 * PACE.hung_after {
            subject.looks.changed().await.unwrap();
        }
        let row = subject.row();
        assert_eq!((row.pid, row.restarts, row.state), (pid, 0, State::Unready));
        subject.supervisor.stop_all().await;
    }

    #[tokio::test]
    async fn a_hung_process_is_replaced() {
        let subject = Subject::start("hung").await;
        let pid = subject.row().pid;
        let mut state = subject.supervisor.lock()["subject"].state.clone();
        subject.ready.store(false, Ordering::SeqCst);
        subject.live.store(false, Ordering::SeqCst);
        let replaced = state.wait_for(|live| live.pid.is_some() && live.pid != pid);
        tokio::time::timeout(Duration::from_secs(20), replaced).await.expect("replaced in time").unwrap();
        assert_eq!(subject.row().restarts, 1);
        subject.supervisor.stop_all().await;
    }
}
