//! `kill -9` of any one process while orders flow.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Outcome,
    bad_input::{find_line, push_line},
    books,
    buying::buy_once,
    ensure,
    local::{Platform, eventually},
    member::Member,
};

/// One instance of each service, the console, both Redis, and the edge; a backend of Postgres comes beside them.
const VICTIMS: [&str; 11] = [
    "storefront-1",
    "identity-1",
    "catalog-1",
    "inventory-1",
    "orders-1",
    "payments-1",
    "notifications-1",
    "console",
    "redis",
    "redis-cache",
    "edge",
];

/// The platform heals by itself; no order is lost or doubled; acknowledged telemetry is still there.
pub async fn any_killed_process_comes_back_and_nothing_acknowledged_is_lost(p: &Platform) -> Outcome {
    let token = p.secret("telemetry-write-token")?;
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let shoppers: Vec<_> =
        (0..2).map(|i| tokio::spawn(shop_until(p.shop(""), i, acknowledged.clone(), stop.clone()))).collect();
    // Whose requests identity answers; orders do the same for notifications, which writes a mail for each.
    let member = Arc::new(Member::register(p, "kills").await?);
    let reader = tokio::spawn(read_until(member.clone(), stop.clone()));
    let mut lines = Vec::new();
    let mut result = Ok(());
    for victim in VICTIMS.iter().copied().chain(["postgres backend"]) {
        for i in 0..3 {
            let line = format!("before the end of {victim} {i} {}", std::process::id());
            push_line(p, &token, &line).await?;
            lines.push(line);
        }
        result = kill_and_heal(p, victim, &member).await;
        if result.is_err() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    for shopper in shoppers {
        shopper.await?;
    }
    let read = reader.await?;
    result?;
    ensure(read >= VICTIMS.len(), || {
        format!("a member read only {read} pages: nothing is proven of identity")
    })?;
    Member::register(p, "after-kills").await?;
    for line in &lines {
        eventually(&format!("{line:?} is still there"), Duration::from_secs(10), || find_line(p, line))
            .await?;
    }
    let orders = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    println!(
        "figure: {} orders acknowledged while {} processes were killed",
        orders.len(),
        VICTIMS.len() + 1
    );
    check_books(p, &orders).await
}

async fn kill_and_heal(p: &Platform, victim: &str, member: &Member) -> Outcome {
    let pid = if victim == "postgres backend" {
        let backend = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = 'orders' \
                       AND pid <> pg_backend_pid() LIMIT 1";
        p.sql("postgres", backend).await?.parse()?
    } else {
        let processes = p.processes().await?;
        processes
            .iter()
            .find(|(n, _, _)| n == victim)
            .map(|(_, _, pid)| *pid)
            .ok_or_else(|| format!("no {victim}"))?
    };
    let killed = Instant::now();
    kill_process(Pid::from_raw(pid as i32).ok_or("a pid is positive")?, Signal::KILL)?;
    eventually(&format!("{victim} is back"), Duration::from_mins(1), || async {
        let processes = p.processes().await?;
        let replaced = victim == "postgres backend"
            || processes.iter().any(|(n, _, q)| n == victim && *q != pid && *q != 0);
        let all_ready = processes.iter().all(|(_, state, _)| state == "ready");
        // Healed is who sells, and knows who is logged in: an order and a page that began after the kill.
        let serves = replaced && all_ready && member.read().await.is_ok();
        Ok((serves && buy_once(&p.shop(""), 9).await.is_ok()).then_some(()))
    })
    .await?;
    println!("  killed {victim}: healed in {:.1} s", killed.elapsed().as_secs_f64());
    Ok(())
}

/// Buys again and again as a guest; remembers every order number that a page showed.
async fn shop_until(shop: String, who: usize, acknowledged: Arc<Mutex<Vec<String>>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        if let Ok(number) = buy_once(&shop, who).await {
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

/// What the databases say against what shoppers were told, and against each other.
async fn check_books(p: &Platform, orders: &[String]) -> Outcome {
    if orders.len() < 10 {
        return Err(format!("only {} orders were placed: the test proves nothing", orders.len()).into());
    }
    books::hold_what_was_told(p, orders).await
}

/// Reads as somebody who is logged in, who stays so; answers how often that was answered.
async fn read_until(member: Arc<Member>, stop: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        answered += usize::from(member.read().await.is_ok());
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    answered
}
