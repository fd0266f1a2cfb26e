//! Watches the primary and its standby: commits wait for the standby while it is there, go on without it when it is
//! gone, and it takes over when the primary does not come back.
//!
//! What must always hold:
//! - a standby is promoted only while every acknowledged commit is on it (`synchronous` in the cluster's state);
//! - `synchronous` is false on disk before the first commit that does not wait, and true only after the standby has
//!   flushed everything that was written while none waited;
//! - a new primary is on disk before it is promoted, and nobody works in the old one's directory any more. The old
//!   directory is never started again: a fresh copy of the new primary takes its place.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    fence::Fence,
    node::Node,
    replication::{Replication, Session},
    state::ClusterState,
};
use crate::platform::supervisor::Supervisor;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A standby that is gone this long is not waited for any more: the shop sells without it.
const DEGRADE_AFTER: Duration = Duration::from_secs(2);
/// A primary that does not answer this long is replaced. A killed one is back by itself in about a second.
const PROMOTE_AFTER: Duration = Duration::from_secs(4);
const FENCE_WITHIN: Duration = Duration::from_secs(5);
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);
const CLONE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What the guard knows, for `make status` and for metrics.
#[derive(Clone, Debug)]
pub struct Report {
    pub primary: &'static str,
    pub synchronous: bool,
    pub failovers: u64,
}

/// The guard of one cluster.
pub struct Guard {
    nodes: [Node; 2],
    /// Index of the primary.
    leader: usize,
    state: ClusterState,
    state_file: std::path::PathBuf,
    supervisor: Supervisor,
    phase: usize,
    stop: CancellationToken,
    session: Session,
    fence: Fence,
    /// Since when the primary does not answer.
    silent_since: Option<Instant>,
    /// Since when the standby is not streaming.
    alone_since: Option<Instant>,
    /// What the standby must have flushed before it may be promoted.
    catch_up: Option<String>,
    report: Arc<Mutex<Report>>,
}

impl Guard {
    pub fn new(
        nodes: [Node; 2],
        state: ClusterState,
        state_file: std::path::PathBuf,
        supervisor: Supervisor,
        phase: usize,
        stop: CancellationToken,
    ) -> Self {
        let leader = usize::from(nodes[1].name == state.primary);
        let report = Report {
            primary: nodes[leader].name,
            synchronous: state.synchronous,
            failovers: state.failovers,
        };
        let fence = Fence::around(&nodes[leader].dir);
        Self {
            nodes,
            leader,
            state,
            state_file,
            supervisor,
            phase,
            stop,
            session: Session::default(),
            fence,
            silent_since: None,
            alone_since: None,
            catch_up: None,
            report: Arc::new(Mutex::new(report)),
        }
    }

    /// What the guard knows, at any time.
    pub fn report(&self) -> Arc<Mutex<Report>> {
        self.report.clone()
    }

    /// Guards until it is told to stop.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            // Not cut off in the middle: a half-done promotion would be worse than a stop that waits for it.
            if let Err(e) = self.once().await {
                println!("  postgres: {e}");
            }
            self.publish();
        }
    }

    async fn once(&mut self) -> Result<(), String> {
        let (primary, standby) = self.pair();
        match self.session.look(&primary, &standby).await {
            Ok(seen) => {
                self.silent_since = None;
                self.follow(seen).await
            }
            Err(_) => {
                let silent = self.silent_since.get_or_insert_with(Instant::now).elapsed();
                if silent >= PROMOTE_AFTER && self.state.synchronous && self.supervisor.is_ready(standby.name)
                {
                    self.fail_over().await?;
                }
                Ok(())
            }
        }
    }

    /// Commits wait for a standby that is there, and for nobody when it is gone.
    async fn follow(&mut self, seen: Replication) -> Result<(), String> {
        let (primary, standby) = self.pair();
        if !seen.streaming {
            let alone = self.alone_since.get_or_insert_with(Instant::now).elapsed();
            self.catch_up = None;
            if alone >= DEGRADE_AFTER && self.state.synchronous {
                self.record(|s| s.synchronous = false)?;
                self.session.wait_for(&primary, None).await?;
                println!("  postgres: {} is gone: commits do not wait for it any more", standby.name);
            }
            return Ok(());
        }
        self.alone_since = None;
        if self.state.synchronous {
            return Ok(());
        }
        if !seen.waited_for {
            return self.session.wait_for(&primary, Some(&standby)).await;
        }
        // From here on every commit waits; what was written before must arrive as well.
        let Some(place) = self.catch_up.clone() else {
            self.catch_up = Some(self.session.written(&primary).await?);
            return Ok(());
        };
        if self.session.has_flushed(&primary, &standby, &place).await? {
            self.catch_up = None;
            self.record(|s| s.synchronous = true)?;
            println!("  postgres: {} follows {}: commits wait for it", standby.name, primary.name);
        }
        Ok(())
    }

    async fn fail_over(&mut self) -> Result<(), String> {
        let began = Instant::now();
        let (old, new) = self.pair();
        println!("  postgres: {} does not come back: {} takes over", old.name, new.name);
        self.supervisor.kill(old.name).await;
        self.fence.close(FENCE_WITHIN).await?;
        self.record(|s| {
            new.name.clone_into(&mut s.primary);
            s.synchronous = false;
            s.failovers += 1;
        })?;
        self.leader = 1 - self.leader;
        self.session.promote(&new).await?;
        while !self.session.is_writable(&new).await.unwrap_or(false) {
            if began.elapsed() > PROMOTED_WITHIN {
                return Err(format!("{} was told to take over and does not take writes", new.name));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        new.lead()?;
        println!("  postgres: {} is the primary after {:.1} s", new.name, began.elapsed().as_secs_f64());
        self.fence = Fence::around(&new.dir);
        self.silent_since = None;
        self.alone_since = None;
        self.publish();
        super::lay_aside(&old)?;
        tokio::spawn(rebuild(old, new, self.supervisor.clone(), self.phase, self.stop.clone()));
        Ok(())
    }

    fn pair(&self) -> (Node, Node) {
        (self.nodes[self.leader].clone(), self.nodes[1 - self.leader].clone())
    }

    fn record(&mut self, change: impl FnOnce(&mut ClusterState)) -> Result<(), String> {
        let mut next = self.state.clone();
        change(&mut next);
        next.store(&self.state_file)?;
        self.state = next;
        Ok(())
    }

    fn publish(&self) {
        let (primary, standby) = self.pair();
        let mode = if self.state.synchronous { "synchronous" } else { "ASYNCHRONOUS" };
        self.supervisor.set_role(primary.name, &format!("primary, {mode}"));
        self.supervisor.set_role(standby.name, "standby");
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Report {
            primary: primary.name,
            synchronous: self.state.synchronous,
            failovers: self.state.failovers,
        };
    }
}

/// Makes a standby of a node, again and again until it stands.
pub async fn rebuild(
    node: Node,
    primary: Node,
    supervisor: Supervisor,
    phase: usize,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        match super::make_standby(&node, &primary, &supervisor, phase).await {
            Ok(()) => return,
            Err(_) if stop.is_cancelled() => return,
            Err(e) => println!("  postgres: {} cannot follow {} yet: {e}", node.name, primary.name),
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(CLONE_AGAIN_AFTER)).await;
    }
}
