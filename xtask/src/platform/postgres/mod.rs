//! A private Postgres primary, one database and one role a service, and a standby that every commit waits for.
//!
//! The two nodes are alike and swap roles: [`guard`] promotes the standby when the primary does not come back.
//! runbooks/decisions/0015-postgres-pair.md says why it may sell without the standby, and why it then never promotes.

pub mod binaries;
pub mod fence;
pub mod guard;
pub mod node;
pub mod recovery;
mod replication;
pub mod roles;
mod socket;
mod state;

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use self::{
    guard::{Guard, Report},
    node::Node,
    replication::Session,
    state::ClusterState,
};
use super::{layout::Layout, process::Unit, supervisor::Supervisor};

/// A cluster whose files are in place.
pub struct Cluster {
    nodes: [Node; 2],
    state: ClusterState,
    state_file: std::path::PathBuf,
    phase: usize,
}

impl Cluster {
    /// Makes the primary's directory on the first start, and writes settings.
    pub fn prepare(layout: &Layout, phase: usize) -> Result<Self, String> {
        if layout.data.join("postgres/PG_VERSION").is_file() {
            return Err(format!(
                "{} holds databases of an earlier version, without passwords: `make clean` removes them",
                layout.data.join("postgres").display()
            ));
        }
        let nodes = Node::pair(layout)?;
        let state_file = layout.data.join("postgres.json");
        let state = match ClusterState::load(&state_file)? {
            Some(state) => state,
            None => first_state(&nodes, &state_file)?,
        };
        let mut cluster = Self { nodes, state, state_file, phase };
        cluster.replace_lost_primary()?;
        let (primary, standby) = cluster.pair();
        primary.configure(standby)?;
        if standby.exists() {
            standby.follow()?;
            standby.configure(primary)?;
        }
        Ok(cluster)
    }

    /// A primary whose directory is gone is replaced by a standby that has everything, and by nothing else.
    fn replace_lost_primary(&mut self) -> Result<(), String> {
        let (primary, standby) = self.pair();
        if primary.exists() {
            return Ok(());
        }
        if !standby.exists() || !self.state.synchronous {
            return Err(format!(
                "{} is gone, and {} may lack what was acknowledged last: restore by hand (runbooks/guides/restore.md)",
                primary.dir.display(),
                standby.name
            ));
        }
        println!("  postgres: {} is gone: {} takes its place", primary.dir.display(), standby.name);
        let next = ClusterState {
            primary: standby.name.to_owned(),
            synchronous: false,
            failovers: self.state.failovers + 1,
        };
        next.store(&self.state_file)?;
        self.state = next;
        Ok(())
    }

    /// The primary's process.
    pub fn primary(&self) -> Result<Unit, String> {
        self.pair().0.unit()
    }

    /// Brings a ready primary into its role: promoted where it was a standby, with databases and roles.
    pub async fn open(&self, layout: &Layout) -> Result<(), String> {
        self.promote().await?;
        self.lead(layout).await
    }

    /// The primary takes writes, and nobody but the superuser comes in yet.
    pub async fn promote(&self) -> Result<(), String> {
        let primary = self.pair().0;
        let mut session = Session::default();
        if primary.is_standby() {
            session.promote(primary).await?;
            while !session.is_writable(primary).await? {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// New sessions of the services come to the primary, which takes writes.
    pub async fn lead(&self, layout: &Layout) -> Result<(), String> {
        let primary = self.pair().0;
        primary.lead()?;
        let (replication, password) = primary.replication_role();
        let mut admin = primary.connect("postgres").await.map_err(|e| format!("{}: {e}", primary.name))?;
        roles::replication(&mut admin, replication, password).await?;
        roles::ensure(layout, &mut admin).await
    }

    /// The node that leads, or will.
    pub fn leader(&self) -> &Node {
        self.pair().0
    }

    /// Starts the standby in the background, copying the primary where it must, and guards both until `stop`.
    pub fn guard(
        self,
        supervisor: &Supervisor,
        stop: CancellationToken,
    ) -> (Arc<Mutex<Report>>, tokio::task::JoinHandle<()>) {
        let (primary, standby) = self.pair();
        let copying =
            guard::rebuild(standby.clone(), primary.clone(), supervisor.clone(), self.phase, stop.clone());
        tokio::spawn(copying);
        let guard = Guard::new(self.nodes, self.state, self.state_file, supervisor.clone(), self.phase, stop);
        (guard.report(), tokio::spawn(guard.run()))
    }

    fn pair(&self) -> (&Node, &Node) {
        let leader = usize::from(self.nodes[1].name == self.state.primary);
        (&self.nodes[leader], &self.nodes[1 - leader])
    }
}

/// Makes the first server, or takes the one that is there without a state: the one that follows nobody.
fn first_state(nodes: &[Node; 2], file: &std::path::Path) -> Result<ClusterState, String> {
    let primary = match nodes.iter().find(|n| n.exists() && !n.is_standby()) {
        Some(node) => node,
        None if nodes.iter().any(Node::exists) => {
            return Err(format!("{} is gone and only a standby is left: restore by hand", file.display()));
        }
        None => {
            nodes[0].init()?;
            &nodes[0]
        }
    };
    let state = ClusterState { primary: primary.name.to_owned(), synchronous: false, failovers: 0 };
    state.store(file)?;
    Ok(state)
}

/// Starts a node as standby. It is copied anew when there is no copy, or when the log that it needs is gone.
async fn make_standby(
    node: &Node,
    primary: &Node,
    supervisor: &Supervisor,
    phase: usize,
) -> Result<(), String> {
    let mut session = Session::default();
    if !node.exists() || !session.slot_is_good(primary, &node.slot()).await? {
        session.drop_slot(primary, &node.slot()).await?;
        let (copy, source) = (node.clone(), primary.clone());
        tokio::task::spawn_blocking(move || copy.clone_from(&source))
            .await
            .map_err(|e| format!("copying was cut off: {e}"))??;
    }
    node.configure(primary)?;
    supervisor.start(node.unit()?, phase)?;
    supervisor.wait_ready(node.name).await
}

/// Takes a directory out of the way, for a look at what happened. Only the last one is kept.
fn lay_aside(node: &Node) -> Result<(), String> {
    if !node.dir.exists() {
        return Ok(());
    }
    let aside = node.dir.with_extension("fenced");
    let fail = |e: std::io::Error| format!("cannot lay {} aside: {e}", node.dir.display());
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(fail)?;
    }
    std::fs::rename(&node.dir, &aside).map_err(fail)
}
