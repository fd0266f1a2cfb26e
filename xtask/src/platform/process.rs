//! One child process: how to start it, how to stop it.

use std::{
    fs::OpenOptions,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

use super::probe::Probe;

/// A process of the platform.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `orders-1`, `postgres`, ...
    pub name: String,
    /// What `make deploy` and `make logs` call it: the name without the instance's number.
    pub service: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub probe: Probe,
    /// Shown by `make status`.
    pub address: String,
    pub stop_signal: Signal,
    /// How long it may take to stop before it is killed.
    pub stop_within: Duration,
    pub ready_within: Duration,
    pub log: PathBuf,
}

impl Unit {
    pub fn new(name: &str, service: &str, program: impl Into<PathBuf>, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            service: service.to_owned(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            probe: Probe::Running,
            address: String::new(),
            stop_signal: Signal::TERM,
            stop_within: Duration::from_secs(12),
            ready_within: Duration::from_secs(45),
            log,
        }
    }

    /// Starts the process in a group of its own, so that Ctrl-C reaches only the supervisor.
    pub fn spawn(&self) -> Result<Child, String> {
        let fail = |what: &str, e: std::io::Error| format!("{}: {what}: {e}", self.name);
        if let Some(dir) = self.log.parent() {
            std::fs::create_dir_all(dir).map_err(|e| fail("cannot create the log folder", e))?;
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|e| fail("cannot open its log", e))?;
        let errors = log.try_clone().map_err(|e| fail("cannot open its log", e))?;
        tokio::process::Command::new(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|e| fail(&format!("cannot start {}", self.program.display()), e))
    }
}

/// Sends a signal; a process that is already gone is fine.
pub fn send_signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _ = kill_process(pid, signal);
    }
}

/// Ends whatever is left of a process that died: nginx' worker holds the port, Postgres' backends the memory.
pub fn kill_group(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Asks the process to stop, waits, and kills it when it does not.
pub async fn stop(child: &mut Child, unit: &Unit) {
    let Some(pid) = child.id() else { return };
    send_signal(pid, unit.stop_signal);
    if tokio::time::timeout(unit.stop_within, child.wait()).await.is_err() {
        println!("  {} did not stop within {} s: killing it", unit.name, unit.stop_within.as_secs());
        kill_group(pid);
        let _ = child.kill().await;
    }
}

/// The last lines of a unit's log, for a message that explains a failed start.
pub fn log_tail(unit: &Unit, lines: usize) -> String {
    let text = std::fs::read(&unit.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    let cut: Vec<String> = all[from..].iter().map(|l| l.chars().take(400).collect()).collect();
    format!("    {}\n", cut.join("\n    "))
}

/// A point in time after which waiting is over.
pub fn deadline(after: Duration) -> Instant {
    Instant::now() + after
}
