//! Shoppers at a multiple of the demo's rate, for long, while the memory of every process and of both Redis is sampled.
//! What grows all the time will one day be full: the run fails when a line is not flat.

mod sample;
mod trend;

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

use self::{
    sample::Kind,
    trend::{Line, Trend},
};
use crate::{
    drill::borrowed::{Borrowed, units},
    invariants::{self, CheckOrder},
    platform::{Outcome, layout::Layout, memory},
};

const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// The process that keeps telemetry, and what its stores count of it.
const CONSOLE: &str = "console";
const STORES: &str = "console's stores";
/// The console is asked for its metrics under load.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// What the books are given to agree after the last shopper.
const SETTLE_WITHIN: Duration = Duration::from_mins(2);

/// All lines by their name.
type Lines = BTreeMap<String, (Kind, Line)>;
/// Which process a unit is, and how often it was another one.
type Lives = BTreeMap<String, (Option<u32>, u32)>;

/// How long and how much.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Order {
    /// A part of an hour is fine: 0.5.
    #[arg(long, default_value_t = 1.0, value_parser = hours)]
    hours: f64,
    /// Times the demo's traffic.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    rate: u32,
}

fn hours(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(hours) if (0.01..=48.0).contains(&hours) => Ok(hours),
        _ => Err("hours must be a number from 0.01 to 48".to_owned()),
    }
}

/// Runs against the platform that is up, or starts one and stops it afterwards.
pub async fn run(order: Order) -> Outcome {
    let layout = Layout::from_environment()?;
    let platform = Borrowed::take(&layout).await?;
    let result = tokio::select! {
        result = checked(&layout, order) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    platform.give_back().await?;
    result
}

async fn checked(layout: &Layout, order: Order) -> Outcome {
    let before = invariants::waiting(&invariants::books(layout)?).await?;
    soak(layout, order).await?;
    invariants::check_local(CheckOrder::after_sales(SETTLE_WITHIN, before)).await
}

async fn soak(layout: &Layout, order: Order) -> Outcome {
    let duration = Duration::from_secs_f64(order.hours * 3600.0);
    println!(
        "{} times the demo's traffic for {} s, sampled every {} s",
        order.rate,
        duration.as_secs(),
        SAMPLE_EVERY.as_secs()
    );
    let mut traffic = traffic(layout, order.rate, duration)?;
    let http =
        reqwest::Client::builder().timeout(ANSWERS_WITHIN).build().map_err(|e| format!("client: {e}"))?;
    let began = Instant::now();
    let mut lines = Lines::new();
    let mut lives = Lives::new();
    let mut ended = None;
    while began.elapsed() < duration && ended.is_none() {
        tokio::select! {
            status = traffic.wait() => ended = Some(status.map_err(|e| format!("k6: {e}"))?),
            () = tokio::time::sleep(SAMPLE_EVERY) => {
                take(layout, &http, began.elapsed().as_secs_f64(), &mut lines, &mut lives).await?;
            }
        }
    }
    let status = match ended {
        Some(status) => status,
        None => traffic.wait().await.map_err(|e| format!("k6: {e}"))?,
    };
    let grown = report(&lines);
    let mut wrong = Vec::new();
    if !status.success() {
        wrong.push(format!("the load broke a threshold or failed: {status}"));
    }
    let replaced: Vec<String> = lives
        .iter()
        .filter(|(_, life)| life.1 > 0)
        .map(|(name, life)| format!("{name} ({})", life.1))
        .collect();
    if !replaced.is_empty() {
        wrong.push(format!("replaced during the soak: {}", replaced.join(", ")));
    }
    if !grown.is_empty() {
        wrong.push(format!("not flat: {}", grown.join(", ")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Adds one reading of everything. A process that was replaced starts small again, which would hide a leak: its line
/// begins anew, and it is named.
async fn take(
    layout: &Layout,
    http: &reqwest::Client,
    at: f64,
    lines: &mut Lines,
    lives: &mut Lives,
) -> Outcome {
    let stores = match sample::console_stores(layout, http).await {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            eprintln!("the console is left out at {at:.0} s: {error}");
            None
        }
    };
    if let Some(bytes) = stores {
        lines.entry(STORES.to_owned()).or_insert((Kind::Stores, Line::new())).1.push((at, bytes));
    }
    let memory = memory::Snapshot::take();
    for unit in units(layout).await? {
        let kind = if unit.name == CONSOLE { Kind::Console } else { Kind::Process };
        let (_, line) = lines.entry(unit.name.clone()).or_insert((kind, Line::new()));
        let life = lives.entry(unit.name).or_insert((unit.pid, 0));
        if life.0 != unit.pid {
            *life = (unit.pid, life.1 + 1);
            line.clear();
        }
        let bytes = unit.pid.and_then(|pid| memory.allocated_by_tree(pid)).unwrap_or(unit.memory_bytes);
        line.push((at, bytes as f64));
    }
    for sample in sample::redis(layout).await? {
        lines.entry(sample.name).or_insert((sample.kind, Line::new())).1.push((at, sample.value));
    }
    Ok(())
}

fn traffic(layout: &Layout, rate: u32, duration: Duration) -> Result<Child, String> {
    Command::new(xtask_programs::path("k6")?)
        .args(["run", "--quiet", "--no-usage-report", "--no-color", "--address"])
        .arg(format!("127.0.0.1:{}", layout.ports.traffic + 2))
        .arg(layout.root.join("loadtests/soak.js"))
        .env("SHOP_URL", layout.shop_url())
        .env("RATE", rate.to_string())
        .env("DURATION", format!("{}s", duration.as_secs()))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("cannot start k6: {e}"))
}

/// Prints a row a line; answers those that are not flat.
fn report(lines: &Lines) -> Vec<String> {
    println!(
        "\n{:<20} {:>8} {:>10} {:>10} {:>12} {:>10} {:>10}",
        "name", "unit", "mean", "last", "slope /h", "growth", "bound"
    );
    let kept = lines.get(STORES).and_then(|(_, line)| Trend::of(line)).map_or(0.0, |stores| stores.growth);
    let mut grown = Vec::new();
    for (name, (kind, line)) in lines {
        let Some(trend) = Trend::of(line) else { continue };
        let (unit, one) = kind.unit();
        let may_grow = kind.bound().map(|bound| bound.of(trend.mean) + kind.may_follow(kept));
        let flat = may_grow.is_none_or(|bytes| trend.growth <= bytes);
        let bound = may_grow.map_or("fills".to_owned(), |bytes| format!("{:.1}", bytes / one));
        println!(
            "{name:<20} {unit:>8} {:>10.1} {:>10.1} {:>+12.2} {:>+10.2} {bound:>10}{}",
            trend.mean / one,
            line.last().map_or(0.0, |l| l.1) / one,
            trend.slope * 3600.0 / one,
            trend.growth / one,
            if flat { "" } else { "  GROWS" }
        );
        if !flat {
            grown.push(name.clone());
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(growth: f64) -> Line {
        (0..360).map(|i| (f64::from(i) * 10.0, 60e6 + growth * f64::from(i) / 359.0)).collect()
    }

    fn grown(console: f64, stores: f64, service: f64) -> Vec<String> {
        report(&Lines::from([
            (CONSOLE.to_owned(), (Kind::Console, line(console))),
            (STORES.to_owned(), (Kind::Stores, line(stores))),
            ("orders-1".to_owned(), (Kind::Process, line(service))),
        ]))
    }

    #[test]
    fn the_console_may_grow_by_what_it_keeps_and_nothing_else_may() {
        assert_eq!(grown(60e6, 40e6, 0.0), [""; 0]);
        assert_eq!(grown(60e6, 0.0, 0.0), [CONSOLE], "a leak, with stores that stand still");
        assert_eq!(grown(120e6, 40e6, 0.0), [CONSOLE], "three times what it keeps");
        assert_eq!(grown(0.0, 40e6, 20e6), ["orders-1"], "a service keeps nothing");
    }
}
