//! A cluster out of its archive: as it was at a moment, or as a replica in another place.

use sqlx::types::chrono::{DateTime, Utc};

use super::{lay_aside, node::Node, socket, state::ClusterState};
use crate::platform::{archive::Archive, layout::Layout};

/// Which of the two nodes is restored; the other is copied from it.
const RESTORED: usize = 0;

/// Nobody comes in any more by the socket that services use; sessions that are open stay until the server ends.
pub fn shut_out(layout: &Layout) -> Result<(), String> {
    socket::close(&layout.sockets)
}

/// Makes the cluster what it was at a moment. No server of it may run; both directories are laid aside. The node waits at
/// the moment, open to readers, until it is promoted.
pub fn to_moment(layout: &Layout, archive: &Archive, moment: DateTime<Utc>) -> Result<(), String> {
    let nodes = Node::pair(layout)?;
    let restored = &nodes[RESTORED];
    let plan = archive.plan(moment)?;
    println!("  backup {} along timeline {}", plan.set, plan.timeline);
    for node in &nodes {
        lay_aside(node)?;
    }
    restored.make_room()?;
    archive.restore_to(&restored.dir, &plan, moment)?;
    take_over(layout, restored)
}

/// Makes the first node a replica of whatever the archive has, before this platform was ever started.
pub fn as_replica(layout: &Layout, archive: &Archive) -> Result<Node, String> {
    let [replica, other] = Node::pair(layout)?;
    replica.make_room()?;
    archive.restore_replica(&replica.dir)?;
    take_over(layout, &replica)?;
    replica.configure(&other)?;
    Ok(replica)
}

/// The node is the cluster from now on, and commits wait for nobody until there is another.
fn take_over(layout: &Layout, node: &Node) -> Result<(), String> {
    let own = node.dir.join("postgresql.auto.conf");
    let fail = |e: std::io::Error| format!("cannot write {}: {e}", own.display());
    let text = std::fs::read_to_string(&own).map_err(fail)?;
    std::fs::write(&own, without_standbys(&text)).map_err(fail)?;
    let file = layout.data.join("postgres.json");
    let failovers = ClusterState::load(&file)?.map_or(0, |state| state.failovers);
    ClusterState { primary: node.name.to_owned(), synchronous: false, failovers }.store(&file)
}

/// What was set while the backed-up server ran, its list of standbys, is not this one's.
fn without_standbys(settings: &str) -> String {
    let kept = settings.lines().filter(|line| !line.trim_start().starts_with("synchronous_standby_names"));
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_server_does_not_wait_for_the_standbys_of_the_one_before() {
        let settings = "# by ALTER SYSTEM\nsynchronous_standby_names = 'ANY 1 (\"postgres-2\")'\n\
                        restore_command = 'pgbackrest archive-get'\nrecovery_target_action = 'pause'\n";
        assert_eq!(
            without_standbys(settings),
            "# by ALTER SYSTEM\nrestore_command = 'pgbackrest archive-get'\nrecovery_target_action = 'pause'\n"
        );
    }
}
