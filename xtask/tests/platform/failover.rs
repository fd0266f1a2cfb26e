//! The node that holds the orders is lost for good while shoppers buy.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Failure, Outcome, books,
    buying::buy_once,
    local::{Platform, eventually},
};

/// Nobody waits for a person: this is seconds, and nothing that was acknowledged is missing.
const SELLS_AGAIN_WITHIN: Duration = Duration::from_secs(40);

/// `kill -9` of the primary's postmaster, its directory out of reach: the other node takes over, and the pair is whole
/// again afterwards.
pub async fn a_lost_database_node_is_replaced_and_the_shop_sells_again(p: &Platform) -> Outcome {
    eventually("commits wait for both nodes", Duration::from_mins(1), || synchronous(p)).await?;
    let (primary, pid) = primary(p).await?.ok_or("no node is the primary")?;
    let mut acknowledged = Vec::new();
    for who in 0..3 {
        acknowledged.push(buy_once(&p.shop(""), who).await?);
    }
    let dir = p.data.join(&primary);
    let locked = p.data.join(format!("{primary}.locked"));
    let lost = Instant::now();
    std::fs::rename(&dir, &locked)?;
    kill_process(Pid::from_raw(pid as i32).ok_or("a pid is positive")?, Signal::KILL)?;
    let number = eventually("an order is placed", SELLS_AGAIN_WITHIN, || async {
        Ok(buy_once(&p.shop(""), 7).await.ok())
    })
    .await?;
    println!("figure: database node lost -> order placed {:.1} s", lost.elapsed().as_secs_f64());
    acknowledged.push(number);

    let (now, _) = self::primary(p).await?.ok_or("no node is the primary")?;
    if now == primary {
        return Err(format!("{primary} leads again: it was lost").into());
    }
    books::hold_what_was_told(p, &acknowledged).await?;
    eventually("commits wait for both nodes again", Duration::from_mins(2), || synchronous(p)).await?;
    println!("figure: database node lost -> two copies again {:.1} s", lost.elapsed().as_secs_f64());
    std::fs::remove_dir_all(&locked)?;
    books::agree(p).await
}

async fn synchronous(p: &Platform) -> Result<Option<()>, Failure> {
    let status = p.xtask(&["status"]).await?;
    let whole = status.contains("(primary, synchronous)")
        && status.lines().filter(|l| l.starts_with("postgres-") && l.contains(" ready ")).count() == 2;
    Ok(whole.then_some(()))
}

/// Name and pid of the node that leads.
async fn primary(p: &Platform) -> Result<Option<(String, u32)>, Failure> {
    let status = p.xtask(&["status"]).await?;
    let row = status.lines().find(|l| l.contains("(primary"));
    Ok(row.and_then(|l| {
        let fields: Vec<&str> = l.split_whitespace().collect();
        Some((fields.first()?.to_string(), fields.get(2)?.parse().ok()?))
    }))
}
