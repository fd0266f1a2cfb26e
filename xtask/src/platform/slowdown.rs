//! Faults of processes that know none of their own: stopped for a while, or for most of every tenth of a second.
//!
//! The supervisor does it, so that it ends also when the command that asked for it is gone; what is stopped is woken
//! whichever way this ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{memory, process, supervisor::Supervisor};

/// A slice of a slow process: for most of it nothing runs.
const SLICE: Duration = Duration::from_millis(100);
const MOST_OF_A_SLICE: Duration = Duration::from_millis(80);
/// Children are looked for no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Unit(&'static str),
    /// The unit whose role begins so, with its children.
    Role(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    Slices,
    Whole,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug)]
pub struct Slowdown {
    pub name: &'static str,
    target: Target,
    pattern: Pattern,
    longest_seconds: u64,
    description: &'static str,
    bounds: &'static str,
}

const IN_SLICES: &str = "the process is stopped for most of every 100 ms";
const WHOLLY: &str = "the process is stopped (SIGSTOP)";
const SLICE_BOUNDS: &str = "share of 80 ms; it is woken when the platform stops";
const HUNG_BOUNDS: &str = "shorter than the supervisor takes for hung";

static SLOWDOWNS: [Slowdown; 6] = [
    Slowdown::of("redis.slow", Target::Unit("redis"), Pattern::Slices, 300, IN_SLICES, SLICE_BOUNDS),
    Slowdown::of("redis.paused", Target::Unit("redis"), Pattern::Whole, 20, WHOLLY, HUNG_BOUNDS),
    Slowdown::of(
        "redis-cache.slow",
        Target::Unit("redis-cache"),
        Pattern::Slices,
        300,
        IN_SLICES,
        SLICE_BOUNDS,
    ),
    Slowdown::of("redis-cache.paused", Target::Unit("redis-cache"), Pattern::Whole, 20, WHOLLY, HUNG_BOUNDS),
    Slowdown::of(
        "postgres.slow",
        Target::Role("primary"),
        Pattern::Slices,
        300,
        "all processes of the leading node are stopped for most of every 100 ms",
        SLICE_BOUNDS,
    ),
    Slowdown::of(
        "postgres.paused",
        Target::Role("primary"),
        Pattern::Whole,
        2,
        "all processes of the leading node are stopped (SIGSTOP)",
        "shorter than the other node takes to be promoted",
    ),
];

/// A fault as the command shows it, whoever has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub description: String,
    pub active: bool,
    #[serde(default)]
    pub remaining_seconds: Option<u64>,
    #[serde(default)]
    pub bounds: String,
    /// `every` or `one` instance.
    #[serde(default)]
    pub reach: String,
    #[serde(default)]
    pub usual_ratio: f64,
    #[serde(default)]
    pub longest_seconds: u64,
}

/// The slowdowns that are on. Clones share them.
#[derive(Clone, Default)]
pub struct Slowdowns {
    on: Arc<Mutex<BTreeMap<&'static str, On>>>,
}

struct On {
    until: Instant,
    end: CancellationToken,
}

impl Slowdown {
    const fn of(
        name: &'static str,
        target: Target,
        pattern: Pattern,
        longest_seconds: u64,
        description: &'static str,
        bounds: &'static str,
    ) -> Self {
        Self { name, target, pattern, longest_seconds, description, bounds }
    }
}

impl Slowdowns {
    /// All of them, those that are on marked so.
    pub fn rows(&self) -> Vec<Row> {
        let on = self.lock();
        let left = |name| {
            let on: &On = on.get(name)?;
            on.until.checked_duration_since(Instant::now()).map(|left| left.as_secs())
        };
        let row = |slowdown: &Slowdown| Row {
            name: slowdown.name.to_owned(),
            description: slowdown.description.to_owned(),
            active: left(slowdown.name).is_some(),
            remaining_seconds: left(slowdown.name),
            bounds: slowdown.bounds.to_owned(),
            reach: "every".to_owned(),
            usual_ratio: 1.0,
            longest_seconds: slowdown.longest_seconds,
        };
        SLOWDOWNS.iter().map(row).collect()
    }

    /// Switches one on for `seconds`; one that is on already begins anew.
    pub fn switch_on(
        &self,
        supervisor: &Supervisor,
        name: &str,
        seconds: u64,
        ratio: f64,
    ) -> Result<(), String> {
        let slowdown = find(name)?;
        if seconds == 0 || seconds > slowdown.longest_seconds {
            return Err(format!("{name}: seconds must be between 1 and {}", slowdown.longest_seconds));
        }
        if !(0.0..=1.0).contains(&ratio) {
            return Err(format!("{name}: ratio must be 0 to 1"));
        }
        if supervisor.pid(slowdown.target).is_none() {
            return Err(format!("{name}: the process does not run"));
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let end = CancellationToken::new();
        if let Some(before) = self.lock().insert(slowdown.name, On { until, end: end.clone() }) {
            before.end.cancel();
        }
        println!("  fault {name} is on for {seconds} s");
        let (supervisor, slowdowns) = (supervisor.clone(), self.clone());
        tokio::spawn(async move {
            let shown = show(&supervisor, slowdown, until, ratio);
            if end.run_until_cancelled(shown).await.is_some() {
                slowdowns.lock().retain(|_, on| on.until > Instant::now());
            }
            println!("  fault {} is over", slowdown.name);
        });
        Ok(())
    }

    pub fn switch_off(&self, name: &str) -> Result<(), String> {
        let slowdown = find(name)?;
        if let Some(on) = self.lock().remove(slowdown.name) {
            on.end.cancel();
        }
        Ok(())
    }

    /// Wakes everything.
    pub fn end_all(&self) {
        for on in std::mem::take(&mut *self.lock()).into_values() {
            on.end.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, On>> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(name: &str) -> Result<&'static Slowdown, String> {
    SLOWDOWNS.iter().find(|s| s.name == name).ok_or_else(|| format!("no process has a fault {name:?}"))
}

async fn show(supervisor: &Supervisor, slowdown: &Slowdown, until: Instant, ratio: f64) {
    let mut looked = None;
    let mut pids = Vec::new();
    while Instant::now() < until {
        let pid = supervisor.pid(slowdown.target);
        let current = looked.is_some_and(|(at, of): (Instant, _)| of == pid && at.elapsed() < LOOK_EVERY);
        if !current {
            looked = Some((Instant::now(), pid));
            pids = pid.map(|pid| tree(pid, slowdown.target)).unwrap_or_default();
        }
        let left = until.saturating_duration_since(Instant::now());
        let stopped = Stopped::now(&pids);
        let hold = match slowdown.pattern {
            Pattern::Whole => left,
            Pattern::Slices => MOST_OF_A_SLICE.mul_f64(ratio),
        };
        tokio::time::sleep(hold.min(left)).await;
        drop(stopped);
        tokio::time::sleep(SLICE.saturating_sub(hold).min(left)).await;
    }
}

/// The process, and what it started where that works for it.
fn tree(pid: u32, target: Target) -> Vec<u32> {
    match target {
        Target::Unit(_) => vec![pid],
        Target::Role(_) => memory::Snapshot::take().tree(pid),
    }
}

/// Processes that are stopped as long as this value lives.
struct Stopped<'a>(&'a [u32]);

impl<'a> Stopped<'a> {
    fn now(pids: &'a [u32]) -> Self {
        for pid in pids {
            process::send_signal(*pid, Signal::STOP);
        }
        Self(pids)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        for pid in self.0.iter().rev() {
            process::send_signal(*pid, Signal::CONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{probe::Probe, process::Unit, supervisor::Pace};

    /// The registry that the guide is held to knows these, and no others of processes.
    #[test]
    fn registry_and_slowdowns_agree() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/instrumentation/registry/faults.toml");
        let registry: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let text = |fault: &toml::Value, key: &str| fault[key].as_str().unwrap().to_owned();
        let mut declared = Vec::new();
        for fault in registry["fault"].as_array().unwrap() {
            for service in fault["services"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()) {
                if ["redis", "redis-cache", "postgres"].contains(&service) {
                    let name = format!("{service}.{}", text(fault, "name"));
                    let seconds = fault["seconds"].as_integer().unwrap() as u64;
                    declared.push((name, text(fault, "description"), text(fault, "bounds"), seconds));
                }
            }
        }
        let mut known: Vec<_> = SLOWDOWNS
            .iter()
            .map(|s| (s.name.to_owned(), s.description.to_owned(), s.bounds.to_owned(), s.longest_seconds))
            .collect();
        declared.sort();
        known.sort();
        assert_eq!(known, declared);
    }

    #[tokio::test]
    async fn a_stopped_process_is_stopped_and_runs_again_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::with_pace(dir.path().join("pids.json"), Pace::default());
        let mut unit = Unit::new("redis", "redis", "sleep", dir.path().join("redis.log"));
        unit.args = vec!["600".to_owned()];
        unit.probe = Probe::Running;
        supervisor.start(unit, 0).unwrap();
        let pid = supervisor.pid(Target::Unit("redis")).unwrap();
        let slowdowns = Slowdowns::default();
        let refused = slowdowns.switch_on(&supervisor, "redis.paused", 21, 1.0).unwrap_err();
        assert!(refused.contains("between 1 and 20"), "{refused}");

        for off in [false, true] {
            slowdowns.switch_on(&supervisor, "redis.paused", 1, 1.0).unwrap();
            wait_for(pid, true).await;
            assert!(slowdowns.rows().iter().any(|row| row.name == "redis.paused" && row.active));
            if off {
                slowdowns.switch_off("redis.paused").unwrap();
            }
            wait_for(pid, false).await;
        }
        slowdowns.switch_on(&supervisor, "redis.slow", 60, 1.0).unwrap();
        wait_for(pid, true).await;
        wait_for(pid, false).await;
        wait_for(pid, true).await;
        supervisor.stop_all().await;
    }

    async fn wait_for(pid: u32, stopped: bool) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let ps = std::process::Command::new(xtask_programs::path("ps").unwrap())
                .args(["-o", "stat=", "-p", &pid.to_string()])
                .output()
                .unwrap();
            if String::from_utf8_lossy(&ps.stdout).trim_start().starts_with('T') == stopped {
                return;
            }
            assert!(Instant::now() < until, "stopped should be {stopped}");
            tokio::task::yield_now().await;
        }
    }
}
