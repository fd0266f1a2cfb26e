//! `make drill-restore`: a table is dropped while shoppers buy, and the databases go back to the moment before.
//!
//! A platform of its own archives its log continuously. The services keep running through it all. Proof: every table of
//! every database is, at that moment, what it was (checksums); afterwards all books agree, and what shoppers were told is
//! there but for what was told in between, which is named. Then the console loses all its data and gets it back.

mod console;
mod loss;
pub mod reconcile;
mod sums;

use std::time::{Duration, Instant};

use sqlx::{
    Executor as _, Row as _,
    types::chrono::{DateTime, Utc},
};

pub use self::loss::weigh;
use super::{
    load::Load,
    ports::Ports,
    shop::{Shop, own_layout},
    storage, verdict, voucher,
};
use crate::{
    invariants,
    platform::{
        Outcome,
        archive::{Archive, object_store::ObjectStore},
        postgres::{
            Cluster,
            node::Node,
            recovery::{shut_out, to_moment},
        },
        roster,
        supervisor::{Pace, Supervisor},
    },
};

/// Seconds that shoppers buy before the accident.
const BUY_FOR: Duration = Duration::from_secs(45);
/// Seconds until somebody acts. A person needs longer; what is lost grows with it.
const NOTICED_AFTER: Duration = Duration::from_secs(10);
const SELLS_WITHIN: Duration = Duration::from_mins(3);
const WHOLE_WITHIN: Duration = Duration::from_mins(3);
const REPLAYED_WITHIN: Duration = Duration::from_mins(5);
const STORE_HUNG_AFTER: Duration = Duration::from_mins(10);

/// An object store of a drill's own, and who keeps it running.
pub struct Store {
    pub objects: ObjectStore,
    keeper: Supervisor,
}

impl Store {
    /// Starts it below a platform's directory, and makes the bucket.
    pub async fn start(dir: &std::path::Path, port: u16) -> Result<Self, String> {
        let objects = ObjectStore::prepare(dir, port)?;
        // It stands for a service that is always there: one that is slow because the machine is busy is not replaced.
        let pace = Pace { hung_after: STORE_HUNG_AFTER, ..Pace::default() };
        let keeper = Supervisor::with_pace(dir.join("pids.json"), pace);
        keeper.start_phase(0, objects.units()?).await?;
        objects.make_bucket().await?;
        Ok(Self { objects, keeper })
    }

    pub async fn stop(&self) {
        self.keeper.stop_all().await;
    }
}

/// Runs on a platform and a store of its own.
pub async fn run() -> Outcome {
    let ports = Ports::from_environment()?;
    let layout = own_layout("drill-restore", ports.region(0))?;
    let store = Store::start(&layout.data.join("object-store"), ports.object_store()).await?;
    let shop = Shop::new(layout);
    let result = tokio::select! {
        result = drill(&shop, &store) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    shop.stop().await;
    store.stop().await;
    result
}

/// Starts a platform that archives, with a first base backup.
pub async fn start_archiving(shop: &Shop, store: &Store) -> Result<Archive, String> {
    roster::secrets(&shop.layout)?;
    let archive = Archive::lay(&shop.layout, &store.objects)?;
    let opening = shop.foundation().await?;
    opening.cluster.promote().await?;
    let primary = opening.cluster.leader().clone();
    shop.open(opening).await?;
    shop.whole(WHOLE_WITHIN).await?;
    tokio::task::block_in_place(|| {
        archive.begin(&primary.dir, &primary.server())?;
        archive.backup(&primary.dir, &primary.server())
    })?;
    Ok(archive)
}

async fn drill(shop: &Shop, store: &Store) -> Outcome {
    let archive = start_archiving(shop, store).await?;
    let load = Load::start(&shop.layout.shop_url(), &voucher::make(&shop.layout).await?);
    load.sells_after(Instant::now(), SELLS_WITHIN).await?;
    tokio::time::sleep(BUY_FOR).await;

    let [primary, _] = Node::pair(&shop.layout)?;
    let accident = sums::drop_table(&primary).await?;
    let dropped_at = Instant::now();
    let (tables, rows) = (accident.sums.len(), accident.sums.values().map(|(rows, _)| rows).sum::<i64>());
    println!("\na table is dropped after {}; {tables} tables with {rows} rows were summed", accident.moment);
    tokio::time::sleep(NOTICED_AFTER).await;

    println!("\nthe databases go back to the moment before");
    let restore = restore(shop, &archive, accident.moment, &accident.sums).await?;
    let sells = load.sells_after(restore.opened_at, SELLS_WITHIN).await?;
    let back_at = restore.opened_at + Duration::from_secs_f64(sells);
    shop.whole(WHOLE_WITHIN).await?;
    println!("a base backup of the timeline that goes on");
    tokio::task::block_in_place(|| archive.backup(&primary.dir, &primary.server()))?;
    let kept = console::keep(shop).await?;

    let orders = load.stop().await;
    let books = invariants::books(&shop.layout)?;
    let states = storage::states(&books.orders).await?;
    let loss = weigh(&orders, &states, dropped_at, restore.opened_at)?;
    let after = orders.iter().filter(|o| o.began > restore.opened_at).count();
    println!("\nwhat kept shoppers from an order: {:?}", load.failed());
    let seconds = |from: Instant, to: Instant| (to - from).as_secs_f64();
    println!("{:<58} {:>8}", "after the restore began", "s");
    for (what, at) in &restore.steps {
        println!("{what:<58} {:>8.1}", seconds(restore.began_at, *at));
    }
    println!(
        "{:<58} {:>8.1}",
        "a shopper who began then has an order (RTO)",
        seconds(restore.began_at, back_at)
    );
    println!(
        "RPO: {} of {} acknowledged orders and {} cancellations, all told in the {:.1} s between the accident and the end of writing",
        loss.orders.len(),
        orders.len(),
        loss.changes,
        seconds(dropped_at, restore.fenced_at),
    );
    println!("{} orders before, {after} after; lost: {:?}", loss.kept.len() - after, loss.orders);
    verdict::check(&books, &loss.kept, 0).await?;
    console::lose_and_restore(shop, &kept).await
}

/// When what was done.
struct Restore {
    began_at: Instant,
    /// Nobody could write any more.
    fenced_at: Instant,
    /// Services could come in again.
    opened_at: Instant,
    steps: Vec<(&'static str, Instant)>,
}

async fn restore(
    shop: &Shop,
    archive: &Archive,
    moment: DateTime<Utc>,
    before: &sums::Sums,
) -> Result<Restore, String> {
    let began_at = Instant::now();
    let nodes = Node::pair(&shop.layout)?;
    shut_out(&shop.layout)?;
    shop.stop_guard().await?;
    reconcile::last_log(&nodes[0]).await?;
    let fenced_at = Instant::now();
    reconcile::end_servers(&shop.supervisor, &nodes).await?;
    let mut steps = vec![("nobody writes, the last of the log is archived", fenced_at)];
    tokio::task::block_in_place(|| to_moment(&shop.layout, archive, moment))?;
    steps.push(("the base backup is back", Instant::now()));

    let cluster = Cluster::prepare(&shop.layout, roster::FOUNDATION)?;
    let mut unit = cluster.primary()?;
    unit.ready_within = REPLAYED_WITHIN;
    shop.supervisor.start_phase(roster::FOUNDATION, vec![unit]).await?;
    waits_at_moment(cluster.leader()).await?;
    steps.push(("the log is replayed to the moment", Instant::now()));
    // The server keeps the locks of what had not committed yet, the dropped table's too, until it is promoted.
    cluster.promote().await?;
    steps.push(("promoted, and nobody but the superuser comes in", Instant::now()));
    let differences = sums::differences(before, &sums::all(cluster.leader()).await?);
    if !differences.is_empty() {
        return Err(format!("the databases are not what they were:\n  {}", differences.join("\n  ")));
    }
    println!("  every row of {} tables is what it was: the sums agree", before.len());
    steps.push(("every table is compared", Instant::now()));

    reconcile::empty_redis(&shop.layout)?;
    let reconciled = reconcile::books(&shop.layout, cluster.leader(), &shop.mails).await?;
    println!(
        "  {} mails had gone out that the books do not know: laid aside; {} outcomes are told again",
        reconciled.mails, reconciled.told_again
    );
    steps.push(("what is between the stores is settled", Instant::now()));
    cluster.lead(&shop.layout).await?;
    let opened_at = Instant::now();
    shop.guard(cluster);
    Ok(Restore { began_at, fenced_at, opened_at, steps })
}

/// The server has replayed its log up to the moment, and waits there.
async fn waits_at_moment(node: &Node) -> Result<(), String> {
    let until = Instant::now() + REPLAYED_WITHIN;
    loop {
        let fail = |e: sqlx::Error| format!("{}: {e}", node.name);
        let mut session = node.connect("postgres").await.map_err(fail)?;
        let row = session.fetch_one("SELECT pg_get_wal_replay_pause_state()").await.map_err(fail)?;
        let state: String = row.try_get(0).map_err(fail)?;
        if state == "paused" {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{} has not reached the moment: replay is {state}", node.name));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
