//! `make drill-db`: the shop's services on three Postgres nodes (Patroni, etcd) and on Redis with replicas (Sentinel). The
//! leader is killed, cut off, and replaced as planned; each Redis master is killed. Prints how long nobody could buy.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    load::Load, patroni::Patroni, ports::Ports, sentinel::Sentinels, shop::own_data, verdict, voucher,
};
use crate::{
    invariants::{self, Books},
    platform::{
        Outcome, edge, layout::Layout, postgres::roles, process::Unit, redis::Store, roster, secrets,
        supervisor::Supervisor,
    },
};

/// Patroni's lock lives twenty seconds.
const LEADER_WITHIN: Duration = Duration::from_mins(1);
const SELLS_WITHIN: Duration = Duration::from_secs(90);
const WHOLE_WITHIN: Duration = Duration::from_mins(3);
/// How long shoppers buy before each drill.
const QUIET: Duration = Duration::from_secs(8);

/// Everything that a drill acts on.
struct Stage {
    supervisor: Supervisor,
    patroni: Patroni,
    sentinels: Sentinels,
    load: Load,
    books: Books,
}

/// A line of the table at the end.
struct Figure {
    drill: &'static str,
    /// Until another server leads.
    leader: f64,
    /// Until a shopper who began after the failure had an order.
    sells: f64,
    /// The longest time between two orders.
    gap: f64,
}

/// Runs all drills on servers of its own.
pub async fn run() -> Outcome {
    let ports = Ports::from_environment()?;
    let mut layout = own_data("drill")?;
    layout.ports.edge = ports.edge();
    layout.ports.services = ports.services();
    let supervisor = Supervisor::new(&layout);
    let result = tokio::select! {
        result = drills(&layout, ports, &supervisor) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    supervisor.stop_all().await;
    let _ = std::fs::remove_dir_all(&layout.sockets);
    result
}

async fn drills(layout: &Layout, ports: Ports, supervisor: &Supervisor) -> Outcome {
    roster::secrets(layout)?;
    let patroni = Patroni::new(layout, ports, find_patroni()?).await?;
    let sentinels = Sentinels::new(layout, ports);
    tokio::try_join!(patroni.start(supervisor), sentinels.start(supervisor))?;
    sentinels.whole(WHOLE_WITHIN).await?;
    roles::ensure(layout, &mut patroni.session().await?).await?;
    supervisor.start_phase(1, services(layout, &patroni, &sentinels)?).await?;
    supervisor.start_phase(2, vec![edge::unit(layout)?]).await?;

    let books = books(layout, &patroni)?;
    let load = Load::start(&layout.shop_url(), &voucher::make(layout).await?);
    let stage = Stage { supervisor: supervisor.clone(), patroni, sentinels, load, books };
    stage.load.sells_after(Instant::now(), SELLS_WITHIN).await?;
    let figures = [
        leader_kill(&stage).await?,
        partition(&stage).await?,
        switch_over(&stage).await?,
        sentinel_fail_over(&stage, Store::Durable, "Redis master killed").await?,
        sentinel_fail_over(&stage, Store::Cache, "cache master killed").await?,
    ];
    let orders = stage.load.stop().await;
    println!("\n{:<24} {:>16} {:>16} {:>16}", "drill", "other leader s", "sells again s", "longest gap s");
    for f in figures {
        println!("{:<24} {:>16.1} {:>16.1} {:>16.1}", f.drill, f.leader, f.sells, f.gap);
    }
    println!("what kept shoppers from an order: {:?}", stage.load.failed());
    verdict::check(&stage.books, &orders, 0).await
}

/// The services as `make up` runs them, on other databases, and without anybody who takes telemetry.
fn services(layout: &Layout, patroni: &Patroni, sentinels: &Sentinels) -> Result<Vec<Unit>, String> {
    let mut units = roster::services(layout)?;
    for unit in &mut units {
        unit.env.retain(|(name, _)| name != "OTEL_EXPORTER_OTLP_ENDPOINT" && name != "LOKI_URL");
        for (name, value) in &mut unit.env {
            match name.as_str() {
                "DATABASE_URL" => {
                    let password = secrets::read(layout, &secrets::database_password(&unit.service))?;
                    *value = patroni.url(&unit.service, &password);
                }
                "REDIS_URL" => *value = sentinels.url(Store::Durable),
                "REDIS_CACHE_URL" => *value = sentinels.url(Store::Cache),
                _ => {}
            }
        }
        // One replica each: what it has survives its master.
        unit.env.push(("REDIS_WAIT_REPLICAS".to_owned(), "1".to_owned()));
    }
    Ok(units)
}

fn books(layout: &Layout, patroni: &Patroni) -> Result<Books, String> {
    Ok(invariants::books(layout)?.at(|database| patroni.node_urls(database)))
}

async fn leader_kill(stage: &Stage) -> Result<Figure, String> {
    let old = begin(stage, "leader killed").await?;
    let at = Instant::now();
    stage.patroni.kill(old, &stage.supervisor).await?;
    stage.patroni.new_leader(old, LEADER_WITHIN).await?;
    let figure = measure(stage, "leader killed", at).await?;
    stage.patroni.revive(old, &stage.supervisor)?;
    finish(stage, figure).await
}

async fn partition(stage: &Stage) -> Result<Figure, String> {
    let old = begin(stage, "leader cut off").await?;
    let at = Instant::now();
    stage.patroni.pull(old);
    stage.patroni.new_leader(old, LEADER_WITHIN).await?;
    let figure = measure(stage, "leader cut off", at).await?;
    stage.patroni.plug_in(old);
    finish(stage, figure).await
}

async fn switch_over(stage: &Stage) -> Result<Figure, String> {
    let old = begin(stage, "planned switch-over").await?;
    let at = Instant::now();
    stage.patroni.switch_over(old).await?;
    stage.patroni.new_leader(old, LEADER_WITHIN).await?;
    let figure = measure(stage, "planned switch-over", at).await?;
    finish(stage, figure).await
}

async fn sentinel_fail_over(stage: &Stage, store: Store, drill: &'static str) -> Result<Figure, String> {
    begin(stage, drill).await?;
    let old = stage.sentinels.master(store)?;
    let at = Instant::now();
    stage.sentinels.kill(store, old, &stage.supervisor).await;
    stage.sentinels.new_master(store, old, LEADER_WITHIN).await?;
    let figure = measure(stage, drill, at).await?;
    stage.sentinels.revive(store, old, &stage.supervisor)?;
    finish(stage, figure).await
}

/// Lets shoppers buy on a whole cluster for a while; answers who leads.
async fn begin(stage: &Stage, drill: &str) -> Result<u16, String> {
    stage.patroni.whole(WHOLE_WITHIN).await?;
    stage.sentinels.whole(WHOLE_WITHIN).await?;
    tokio::time::sleep(QUIET).await;
    let sold = stage.load.orders().len();
    let leader = stage.patroni.leader().await?.ok_or("no node leads")?;
    println!("\n{drill}: {sold} orders so far, node {} leads", leader + 1);
    Ok(leader)
}

/// Another server leads since just now; when does the shop sell?
async fn measure(stage: &Stage, drill: &'static str, at: Instant) -> Result<Figure, String> {
    let leader = at.elapsed().as_secs_f64();
    let sells = stage.load.sells_after(at, SELLS_WITHIN).await?;
    Ok(Figure { drill, leader, sells, gap: stage.load.longest_gap(at) })
}

/// Waits until everything stands again, and holds what was acknowledged so far against the books, while the shop goes on
/// selling.
async fn finish(stage: &Stage, figure: Figure) -> Result<Figure, String> {
    stage.patroni.whole(WHOLE_WITHIN).await?;
    stage.sentinels.whole(WHOLE_WITHIN).await?;
    println!(
        "{}: another leads after {:.1} s, sells after {:.1} s, longest gap {:.1} s",
        figure.drill, figure.leader, figure.sells, figure.gap
    );
    verdict::all_there(&stage.books, &stage.load.orders()).await?;
    Ok(figure)
}

/// Installed by `xtask/drill-setup.sh`.
fn find_patroni() -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache"));
    let program = cache.or(home).unwrap_or_default().join("quarterdeck/patroni/bin/patroni");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} is missing: `make drill-db` installs it", program.display()))
    }
}
