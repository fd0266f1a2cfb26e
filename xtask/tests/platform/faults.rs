//! Every fault of the registry, one after the other, while somebody shops.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    Failure, Outcome, books,
    buying::buy_once,
    ensure, fault_effects,
    local::{Platform, eventually, root},
    member::Member,
};

/// How long each stays on: scrapes, and time enough for an order.
const SECONDS: u64 = 8;
/// How long at most one stays on that is switched off as soon as a counter told of it: where every service's database is
/// slow, an order may take longer than [`SECONDS`] to reach the last of them.
const COUNTED_SECONDS: u64 = 120;
/// Fewer orders while all faults were walked through are no shop that sells on.
const FEWEST_ORDERS: usize = 20;
const SEEN_WITHIN: Duration = Duration::from_secs(20);
/// Processes of the platform that the supervisor slows down.
const PROCESSES: [&str; 3] = ["redis", "redis-cache", "postgres"];

#[derive(Deserialize)]
struct Registry {
    fault: Vec<Declared>,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    services: Vec<String>,
    sees: String,
    #[serde(default = "hour")]
    seconds: u64,
}

const fn hour() -> u64 {
    3600
}

/// Each fault does what it says, is seen in the console and is over after its time; orders are sold meanwhile; what is left
/// is a healthy shop whose books agree.
pub async fn every_fault_shows_itself_ends_and_leaves_a_healthy_shop(p: &Platform) -> Outcome {
    let path = root().join("services/instrumentation/registry/faults.toml");
    let registry: Registry = toml::from_str(&std::fs::read_to_string(path)?)?;
    let rows: Vec<(String, String)> =
        registry.fault.iter().map(|f| (f.name.clone(), f.sees.clone())).collect();
    fault_effects::silent_are(&rows)?;
    let listed = p.xtask(&["fault"]).await?;
    let member = Arc::new(Member::register(p, "faults").await?);
    let stop = Arc::new(AtomicBool::new(false));
    let bought = Arc::new(AtomicUsize::new(0));
    let shoppers = [4, 5].map(|who| tokio::spawn(shop_until(p.shop(""), who, stop.clone(), bought.clone())));
    let reader = tokio::spawn(read_until(member.clone(), stop.clone()));
    let began = Instant::now();
    let mut result: Outcome = Ok(());
    for fault in &registry.fault {
        result = see(p, fault, &listed, &member).await.map_err(|e| format!("{}: {e}", fault.name).into());
        if result.is_err() {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for shopper in shoppers {
        shopper.await?;
    }
    reader.await?;
    result?;
    let names: usize = registry.fault.iter().map(|fault| fault.services.len()).sum();
    let orders = bought.load(Ordering::Relaxed);
    println!("figure: {names} faults in {:.0} s, {orders} orders meanwhile", began.elapsed().as_secs_f64());
    ensure(orders >= FEWEST_ORDERS, || {
        format!("only {orders} orders were sold while {names} faults came and went")
    })?;

    eventually("no fault is on any more", Duration::from_secs(30), || async {
        let told = on(p, "shop_fault_active == 1").await?;
        Ok((told.is_empty() && !p.xtask(&["fault"]).await?.contains("ON, ")).then_some(()))
    })
    .await?;
    eventually("every process is ready", Duration::from_mins(1), || all_ready(p)).await?;
    eventually("an order is placed", Duration::from_secs(30), || async {
        Ok(buy_once(&p.shop(""), 3).await.ok())
    })
    .await?;
    books::agree(p).await
}

/// Switches the fault on in all services that have it, and waits until it has shown itself.
async fn see(p: &Platform, fault: &Declared, listed: &str, member: &Member) -> Outcome {
    let names: BTreeSet<String> =
        fault.services.iter().map(|service| format!("{service}.{}", fault.name)).collect();
    let before = p.processes().await?;
    let numbers = fault_effects::before(p, &fault.name, &fault.services).await?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let began = Instant::now();
    let spoils = fault.name == "bad_configuration";
    let is_told = fault.seconds >= SECONDS && !spoils;
    for name in &names {
        if !listed.split_whitespace().any(|word| word == name) {
            return Err(format!("{name} is in the registry and not in the list").into());
        }
        let service = name.split('.').next().unwrap_or_default();
        let longest = if fault_effects::is_counted(&fault.name, service) { COUNTED_SECONDS } else { SECONDS };
        p.xtask(&["fault", name, "--for", &longest.min(fault.seconds).to_string()]).await?;
        if PROCESSES.contains(&service) && fault.seconds >= SECONDS {
            let now = p.xtask(&["fault"]).await?;
            if !now.lines().any(|line| line.starts_with("ON, ") && line.contains(name.as_str())) {
                return Err(format!("{name} is not listed as on").into());
            }
        }
        fault_effects::provoke(member, &fault.name, service).await?;
        if !fault_effects::is_counted(&fault.name, service) {
            fault_effects::shown(p, &fault.name, service, &numbers, since).await?;
        }
    }
    for service in &fault.services {
        if fault_effects::is_counted(&fault.name, service) {
            fault_effects::shown(p, &fault.name, service, &numbers, since).await?;
            let name = format!("{service}.{}", fault.name);
            if is_told {
                // A span may be there before the next scrape, and what is off by then was never told.
                console_shows(p, &BTreeSet::from([name.clone()]), began).await?;
            }
            // It would keep what the others wait for, and hide the next one's effect.
            p.xtask(&["fault", &name, "--off"]).await?;
        }
    }
    if fault.name == "crash" {
        return crashed(p, &fault.services, &before).await;
    }
    if is_told {
        console_shows(p, &names, began).await?;
    }
    if fault.name == "bad_release" {
        eventually("metrics tell of another version", SEEN_WITHIN, || async {
            let query = "label_replace(max by (job) (max_over_time(shop_build_info{version=~\".*-bad\"}[15s])), \
                         \"fault\", \"$1\", \"job\", \"(.*)\")";
            Ok((on(p, query).await?.len() == fault.services.len()).then_some(()))
        })
        .await?;
    }
    if spoils {
        eventually("an instance is not ready", SEEN_WITHIN, || async {
            Ok(p.processes().await?.iter().any(|(_, state, _)| state == "UNREADY").then_some(()))
        })
        .await?;
        eventually("instances are ready again", Duration::from_secs(40), || all_ready(p)).await?;
    }
    Ok(())
}

/// Waits until the console has seen that each of these faults was on since it began.
async fn console_shows(p: &Platform, names: &BTreeSet<String>, began: Instant) -> Outcome {
    eventually("the console shows it", SEEN_WITHIN, || async {
        // All of it: the first service's may be long over when the last one's has shown itself.
        let query = format!(
            "max by (fault) (max_over_time(shop_fault_active[{}s])) == 1",
            began.elapsed().as_secs() + 1
        );
        let seen = on(p, &query).await?;
        Ok(names.is_subset(&seen).then_some(()))
    })
    .await
}

/// One instance of each service was replaced, once.
async fn crashed(p: &Platform, services: &[String], before: &[(String, String, u32)]) -> Outcome {
    eventually("an instance of each service was replaced", Duration::from_mins(1), || async {
        let after = p.processes().await?;
        let replaced = |service: &String| {
            let name = format!("{service}-2");
            let pid = |rows: &[(String, String, u32)]| rows.iter().find(|r| r.0 == name).map(|r| r.2);
            pid(&after) != pid(before)
        };
        let ready = after.iter().all(|(_, state, _)| state == "ready");
        Ok((ready && services.iter().all(replaced)).then_some(()))
    })
    .await
}

/// Labels `fault` of the series that a query answers with.
async fn on(p: &Platform, query: &str) -> Result<BTreeSet<String>, Failure> {
    let url = reqwest::Url::parse_with_params(&p.console("/api/v1/query"), [("query", query)])?;
    let answer = p.query(&format!("{}?{}", url.path(), url.query().unwrap_or_default())).await?;
    let rows = answer["data"]["result"].as_array().ok_or("a query answers with a vector")?;
    Ok(rows.iter().filter_map(|row| row["metric"]["fault"].as_str()).map(str::to_owned).collect())
}

async fn all_ready(p: &Platform) -> Result<Option<()>, Failure> {
    Ok(p.processes().await?.iter().all(|(_, state, _)| state == "ready").then_some(()))
}

/// What identity is asked for again and again; that it fails now and then is the faults' doing.
async fn read_until(member: Arc<Member>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let _ = member.read().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn shop_until(shop: String, who: usize, stop: Arc<AtomicBool>, bought: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        if buy_once(&shop, who).await.is_ok() {
            bought.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
