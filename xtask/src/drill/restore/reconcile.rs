//! What lies between the stores and is of no one moment: a database that went back knows less than Redis, than the mail
//! server, than the shopper. Before services use it:
//!
//! 1. Redis begins anew: it has events of orders that are gone, and copies of what is no more.
//! 2. A mail that was begun and not sent is forgotten: the event that would send it is gone with Redis.
//! 3. Mails that went out and that the books do not know are laid aside. They say whom to write to by hand.
//! 4. Outcomes that nobody was told of, or nobody remembers telling, are told again.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{Executor as _, Row as _, types::Uuid};

use crate::{
    invariants::{self, Books},
    platform::{
        layout::Layout,
        postgres::{fence::Fence, node::Node},
        redis::Store,
        roster,
        supervisor::Supervisor,
    },
};

const FENCE_WITHIN: Duration = Duration::from_secs(5);
const ARCHIVED_WITHIN: Duration = Duration::from_mins(1);
/// What the guide tells people to type, too.
const LAST_SEGMENT: &str = "SELECT pg_walfile_name(pg_switch_wal())";
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
const FORGET_UNSENT: &str = "DELETE FROM deliveries WHERE sent_at IS NULL";
/// A command line is bounded.
const TOLD_AT_ONCE: usize = 200;

/// What was done.
#[derive(Debug)]
pub struct Reconciled {
    /// Mails that had gone out and were laid aside.
    pub mails: usize,
    /// Outcomes that are told again.
    pub told_again: usize,
}

/// Ends every session of services on the primary, and sees that the last of its log is in the archive.
pub async fn last_log(primary: &Node) -> Result<(), String> {
    let fail = |e: sqlx::Error| format!("{}: {e}", primary.name);
    let mut session = primary.connect("postgres").await.map_err(fail)?;
    session.execute(END_SESSIONS).await.map_err(fail)?;
    let row = session.fetch_one(LAST_SEGMENT).await.map_err(fail)?;
    let last: String = row.try_get(0).map_err(fail)?;
    let until = Instant::now() + ARCHIVED_WITHIN;
    loop {
        let archived = "SELECT COALESCE(max(last_archived_wal), '') FROM pg_stat_archiver";
        let archived: String =
            session.fetch_one(archived).await.and_then(|row| row.try_get(0)).map_err(fail)?;
        if archived.get(..24) >= Some(last.as_str()) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{last} did not reach the archive; the last that did is {archived:?}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Ends both servers of a cluster for good.
pub async fn end_servers(supervisor: &Supervisor, nodes: &[Node]) -> Result<(), String> {
    for node in nodes {
        let fence = Fence::around(&node.dir);
        supervisor.kill(node.name).await;
        fence.close(FENCE_WITHIN).await?;
    }
    Ok(())
}

/// Step 1.
pub fn empty_redis(layout: &Layout) -> Result<(), String> {
    for store in Store::ALL {
        let socket = store.socket(layout);
        let output = Command::new(xtask_programs::path("redis-cli")?)
            .arg("-s")
            .arg(&socket)
            .args(["FLUSHALL", "SYNC"])
            .output()
            .map_err(|e| format!("cannot run redis-cli: {e}"))?;
        if output.stdout.trim_ascii() != b"OK" {
            return Err(format!(
                "{} was not emptied: {}",
                store.name(),
                String::from_utf8_lossy(&output.stdout)
            ));
        }
    }
    Ok(())
}

/// Steps 2 to 4, on a node that takes writes and that no service uses.
pub async fn books(layout: &Layout, node: &Node, mails: &Path) -> Result<Reconciled, String> {
    let fail = |e: sqlx::Error| format!("the database of notifications: {e}");
    let mut session = node.connect("notifications").await.map_err(fail)?;
    session.execute(FORGET_UNSENT).await.map_err(fail)?;
    let sent = session.fetch_all("SELECT event_id FROM deliveries").await.map_err(fail)?;
    let sent: Result<Vec<Uuid>, sqlx::Error> = sent.iter().map(|row| row.try_get(0)).collect();
    let laid_aside = lay_aside(mails, &sent.map_err(fail)?)?;
    let untold = invariants::untold(&books_of(layout, node)?).await?;
    for some in untold.chunks(TOLD_AT_ONCE) {
        tell_again(layout, node, some)?;
    }
    Ok(Reconciled { mails: laid_aside, told_again: untold.len() })
}

fn books_of(layout: &Layout, node: &Node) -> Result<Books, String> {
    let books = invariants::books(layout)?.at(|database| vec![node.url(database)]);
    Ok(Books { mails: None, ..books })
}

/// Moves mails of events that the books do not know into a folder beside; answers how many.
fn lay_aside(mails: &Path, known: &[Uuid]) -> Result<usize, String> {
    let aside = mails.with_extension("aside");
    let fail = |e: std::io::Error| format!("mails cannot be laid aside in {}: {e}", aside.display());
    std::fs::create_dir_all(&aside).map_err(fail)?;
    let mut moved = 0;
    for entry in std::fs::read_dir(mails).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let event = path.file_stem().and_then(|name| name.to_str()).and_then(|id| id.parse::<Uuid>().ok());
        if let (Some(event), Some(name)) = (event, path.file_name())
            && !known.contains(&event)
        {
            std::fs::rename(&path, aside.join(name)).map_err(fail)?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// `shop-orders --tell-again`, as the service is configured, on this node.
fn tell_again(layout: &Layout, node: &Node, untold: &[(String, &'static str)]) -> Result<(), String> {
    let orders = roster::service_unit(layout, "orders", 0, "drill")?;
    let outcomes: Vec<String> = untold.iter().map(|(number, kind)| format!("{number}={kind}")).collect();
    println!("  $ shop-orders --tell-again {}", outcomes.join(" "));
    let output = Command::new(&orders.program)
        .arg("--tell-again")
        .args(&outcomes)
        .envs(orders.env.iter().map(|(name, value)| (name, value)))
        .env("DATABASE_URL", node.url("orders"))
        .output()
        .map_err(|e| format!("cannot run {}: {e}", orders.program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("outcomes were not told again: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_every_statement() {
        let guide = include_str!("../../../../runbooks/guides/disaster-recovery.md");
        for words in [LAST_SEGMENT, END_SESSIONS, FORGET_UNSENT, "shop-orders --tell-again", "FLUSHALL"] {
            assert!(guide.contains(words), "the guide lacks: {words}");
        }
    }

    #[test]
    fn mails_that_the_books_do_not_know_are_laid_aside_and_no_others() {
        let data = tempfile::tempdir().unwrap();
        let mails = data.path().join("mail");
        std::fs::create_dir_all(&mails).unwrap();
        let (known, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for name in [format!("{known}.eml"), format!("{unknown}.eml"), ".being-written.tmp".to_owned()] {
            std::fs::write(mails.join(name), "").unwrap();
        }
        assert_eq!(lay_aside(&mails, &[known]).unwrap(), 1);
        let aside = data.path().join("mail.aside");
        assert!(mails.join(format!("{known}.eml")).exists() && aside.join(format!("{unknown}.eml")).exists());
        assert_eq!(std::fs::read_dir(&mails).unwrap().count(), 2);
    }
}
