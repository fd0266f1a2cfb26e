//! `make drill-region`: a region is lost whole while shoppers buy, and another one takes over.
//!
//! The other region has a replica that knows nothing of the first but its archive. When the first is gone, the replica
//! takes what the archive still has, is promoted, and a whole platform starts on it. What the first had written and not
//! archived is lost: that much, told in orders and seconds, and nothing else.

use std::time::{Duration, Instant};

use sqlx::{
    Executor as _, Row as _,
    types::chrono::{DateTime, Utc},
};

use super::{
    load::Load,
    ports::Ports,
    restore::{Store, reconcile, start_archiving, weigh},
    shop::{Shop, own_layout},
    storage, verdict, voucher,
};
use crate::{
    invariants,
    platform::{
        Outcome,
        archive::Archive,
        layout::Layout,
        postgres::{node::Node, recovery::as_replica},
        roster,
    },
};

const BUY_FOR: Duration = Duration::from_mins(1);
const SELLS_WITHIN: Duration = Duration::from_mins(3);
const FOLLOWS_WITHIN: Duration = Duration::from_mins(2);
/// How long shoppers buy in the second region before the books are held against them.
const BUY_AGAIN_FOR: Duration = Duration::from_secs(15);
/// Commits are stamped before they are written: the last that arrived may be stamped later than one that did not.
const STAMPS_DIFFER: Duration = Duration::from_secs(2);

/// Runs on two platforms and a store of its own.
pub async fn run() -> Outcome {
    let ports = Ports::from_environment()?;
    let first = own_layout("drill-region", ports.region(0))?;
    let store = Store::start(&first.data.join("object-store"), ports.object_store()).await?;
    let second = own_layout("drill-region/second", ports.region(1))?;
    let (first, mut second) = (Shop::new(first), Shop::new(second));
    // Mails are outside of both.
    second.mails.clone_from(&first.mails);
    let result = tokio::select! {
        result = drill(&first, &second, &store) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    second.stop().await;
    first.stop().await;
    store.stop().await;
    result
}

async fn drill(first: &Shop, second: &Shop, store: &Store) -> Outcome {
    start_archiving(first, store).await?;
    println!("\nthe second region's replica");
    copy_secrets(&first.layout, &second.layout)?;
    let archive = Archive::lay(&second.layout, &store.objects)?;
    let replica = tokio::task::block_in_place(|| as_replica(&second.layout, &archive))?;
    second.supervisor.start_phase(roster::FOUNDATION, vec![replica.unit()?]).await?;

    let code = voucher::make(&first.layout).await?;
    let load = Load::start(&first.layout.shop_url(), &code);
    load.sells_after(Instant::now(), SELLS_WITHIN).await?;
    follows(&replica, Utc::now()).await?;
    println!("it follows the archive; shoppers buy");
    tokio::time::sleep(BUY_FOR).await;

    let lost_at = Instant::now();
    first.lose().await;
    println!("\nthe first region is lost, with {} orders", load.orders().len());
    let sold = tokio::spawn({
        let load = load.clone();
        async move { load.stop().await }
    });
    let mut steps = vec![("every process of the first region is gone", Instant::now())];
    let opening = second.foundation().await?;
    opening.cluster.promote().await?;
    let last = last_commit(opening.cluster.leader()).await?;
    steps.push(("the replica takes writes", Instant::now()));
    let reconciled = reconcile::books(&second.layout, opening.cluster.leader(), &second.mails).await?;
    println!(
        "  {} mails had gone out that the books do not know: laid aside; {} outcomes are told again",
        reconciled.mails, reconciled.told_again
    );
    steps.push(("what is between the stores is settled", Instant::now()));
    second.open(opening).await?;
    steps.push(("the platform is healthy", Instant::now()));
    let opened_at = Instant::now();
    let sold = sold.await.map_err(|e| format!("shoppers did not end: {e}"))?;
    let load = Load::start(&second.layout.shop_url(), &code);
    let sells = load.sells_after(opened_at, SELLS_WITHIN).await?;
    let back_at = opened_at + Duration::from_secs_f64(sells);
    tokio::time::sleep(BUY_AGAIN_FOR).await;
    let again = load.stop().await;

    let mut books = invariants::books(&second.layout)?;
    books.mails.as_mut().ok_or("mails are no files")?.path.clone_from(&second.mails);
    let states = storage::states(&books.orders).await?;
    let age = (Utc::now() - last).to_std().unwrap_or_default() + STAMPS_DIFFER;
    let arrived_until =
        Instant::now().checked_sub(age).ok_or("the last commit is older than this machine")?;
    let all: Vec<_> = sold.iter().chain(&again).cloned().collect();
    let loss = weigh(&all, &states, arrived_until, opened_at)?;
    let seconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64();
    println!("\n{:<58} {:>8}", "after the region was lost", "s");
    for (what, at) in &steps {
        println!("{what:<58} {:>8.1}", seconds(lost_at, *at));
    }
    println!("{:<58} {:>8.1}", "a shopper who began then has an order (RTO)", seconds(lost_at, back_at));
    println!(
        "RPO: {} of {} acknowledged orders and {} cancellations; the last commit that arrived is {:.1} s older than the loss",
        loss.orders.len(),
        sold.len(),
        loss.changes,
        seconds(arrived_until + STAMPS_DIFFER, lost_at),
    );
    println!("{} orders in the second region; lost: {:?}", again.len(), loss.orders);
    verdict::check(&books, &loss.kept, 0).await
}

/// Both regions have the same secrets: a secrets manager keeps them in both.
fn copy_secrets(from: &Layout, to: &Layout) -> Result<(), String> {
    let (from, to) = (from.data.join("secrets"), to.data.join("secrets"));
    let fail = |e: std::io::Error| format!("secrets cannot be copied to {}: {e}", to.display());
    for folder in ["", "service-auth"] {
        std::fs::create_dir_all(to.join(folder)).map_err(fail)?;
        for entry in std::fs::read_dir(from.join(folder)).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                std::fs::copy(&path, to.join(folder).join(name)).map_err(fail)?;
            }
        }
    }
    Ok(())
}

/// Waits until the replica has something that was committed after a moment.
async fn follows(replica: &Node, moment: DateTime<Utc>) -> Result<(), String> {
    let until = Instant::now() + FOLLOWS_WITHIN;
    while !last_commit(replica).await.is_ok_and(|last| last >= moment) {
        if Instant::now() > until {
            return Err("the replica does not follow the archive".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// When the last transaction that came out of the archive was committed, by its own stamp.
async fn last_commit(node: &Node) -> Result<DateTime<Utc>, String> {
    let fail = |e: sqlx::Error| format!("{}: {e}", node.name);
    let mut session = node.connect("postgres").await.map_err(fail)?;
    let row = session.fetch_one("SELECT pg_last_xact_replay_timestamp()").await.map_err(fail)?;
    row.try_get(0).map_err(fail)
}
