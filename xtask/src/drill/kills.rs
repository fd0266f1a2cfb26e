//! `make drill-kills`: random processes of a running platform are ended with SIGKILL while shoppers buy.
//!
//! Every process may be hit, both Postgres nodes and both Redis too, also while an earlier one is not back yet. The seed
//! is printed, and the same seed makes the same choices from the same list of processes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;
use tokio::task::JoinSet;

use super::{
    borrowed::{Borrowed, units},
    load::Load,
    verdict, voucher,
};
use crate::{
    invariants,
    platform::{Outcome, layout::Layout, process::send_signal, supervisor::State},
};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A process that is not back and ready by then does not heal by itself.
const BACK_WITHIN: Duration = Duration::from_mins(2);
const SELLS_WITHIN: Duration = Duration::from_mins(2);
/// A node may be killed while the other is still being copied; the books are read when everything stands again.
const WHOLE_WITHIN: Duration = Duration::from_mins(2);

/// How many, how long, and which.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Order {
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    kills: u32,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// Random when absent.
    #[arg(long)]
    seed: Option<u64>,
}

/// One kill and what followed.
struct Healed {
    victim: String,
    /// Until the process was there again and ready, seconds.
    back: f64,
    /// Until a shopper who began after the kill had an order, seconds.
    sells: f64,
}

/// Runs against the platform that is up, or starts one and stops it afterwards.
pub async fn run(order: Order) -> Outcome {
    let layout = Layout::from_environment()?;
    let platform = Borrowed::take(&layout).await?;
    let result = tokio::select! {
        result = drill(&layout, order) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    };
    platform.give_back().await?;
    result
}

async fn drill(layout: &Layout, order: Order) -> Outcome {
    let seed = order.seed.unwrap_or_else(|| rand::rng().random());
    println!("{} kills in {} minutes, seed {seed}", order.kills, order.minutes);
    let mut dice = StdRng::seed_from_u64(seed);
    let books = invariants::books(layout)?;
    let waiting = invariants::waiting(&books).await?;
    let load = Load::start(&layout.shop_url(), &voucher::make(layout).await?);
    load.sells_after(Instant::now(), SELLS_WITHIN).await?;
    let began = Instant::now();
    let each = Duration::from_mins(order.minutes) / order.kills;
    let mut healing = JoinSet::new();
    for number in 0..order.kills {
        let at = began + each * number + each.mul_f64(dice.random_range(0.0..1.0));
        tokio::time::sleep_until(at.into()).await;
        let (victim, pid) = choose(layout, &mut dice).await?;
        let killed = Instant::now();
        send_signal(pid, Signal::KILL);
        println!("  {:>5.0} s  kill {:>2}: {victim}", began.elapsed().as_secs_f64(), number + 1);
        healing.spawn(heal(layout.clone(), load.clone(), victim, pid, killed));
    }
    let mut healed = Vec::new();
    while let Some(one) = healing.join_next().await {
        healed.push(one.map_err(|e| format!("a look at a killed process failed: {e}"))??);
    }
    whole(layout).await?;
    let orders = load.stop().await;
    print(&healed, load.longest_gap(began));
    println!("what kept shoppers from an order: {:?}", load.failed());
    verdict::check(&books, &orders, waiting).await.map_err(|e| format!("seed {seed}: {e}"))
}

/// Any process that runs at the moment.
async fn choose(layout: &Layout, dice: &mut StdRng) -> Result<(String, u32), String> {
    let running: Vec<(String, u32)> =
        units(layout).await?.into_iter().filter_map(|u| Some((u.name, u.pid?))).collect();
    if running.is_empty() {
        return Err("nothing runs that could be killed".to_owned());
    }
    Ok(running[dice.random_range(0..running.len())].clone())
}

async fn heal(
    layout: Layout,
    load: Load,
    victim: String,
    pid: u32,
    killed: Instant,
) -> Result<Healed, String> {
    let (back, sells) =
        tokio::join!(back(&layout, &victim, pid, killed), load.sells_after(killed, SELLS_WITHIN));
    let sells = sells.map_err(|e| format!("after the kill of {victim}: {e}"))?;
    Ok(Healed { back: back?, sells, victim })
}

/// Waits until another process stands in the killed one's place.
async fn back(layout: &Layout, victim: &str, pid: u32, killed: Instant) -> Result<f64, String> {
    loop {
        let now = units(layout).await?;
        let other = |p: Option<u32>| p.is_some_and(|p| p != pid);
        if now.iter().any(|u| u.name == victim && u.state == State::Ready && other(u.pid)) {
            return Ok(killed.elapsed().as_secs_f64());
        }
        if killed.elapsed() > BACK_WITHIN {
            return Err(format!("{victim} is not back {} s after its kill", BACK_WITHIN.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn whole(layout: &Layout) -> Outcome {
    let until = Instant::now() + WHOLE_WITHIN;
    loop {
        let units = units(layout).await?;
        if super::borrowed::are_ready(&units) {
            return Ok(());
        }
        if Instant::now() > until {
            let not: Vec<String> =
                units.into_iter().filter(|u| u.state != State::Ready).map(|u| u.name).collect();
            return Err(format!("not ready after the last kill: {}", not.join(", ")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn print(healed: &[Healed], gap: f64) {
    let mut by_victim: BTreeMap<&str, Vec<&Healed>> = BTreeMap::new();
    for one in healed {
        by_victim.entry(&one.victim).or_default().push(one);
    }
    println!(
        "\n{:<18} {:>5} {:>10} {:>10} {:>11} {:>11}",
        "process", "kills", "back p50", "back max", "sells p50", "sells max"
    );
    let row = |name: &str, of: &[&Healed]| {
        let back = Spread::of(of.iter().map(|h| h.back));
        let sells = Spread::of(of.iter().map(|h| h.sells));
        println!(
            "{name:<18} {:>5} {:>8.1} s {:>8.1} s {:>9.1} s {:>9.1} s",
            of.len(),
            back.median,
            back.max,
            sells.median,
            sells.max
        );
    };
    for (name, of) in &by_victim {
        row(name, of);
    }
    row("all", &healed.iter().collect::<Vec<_>>());
    println!("longest time without an order: {gap:.1} s");
}

#[derive(Debug, PartialEq)]
struct Spread {
    median: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or_default();
        Self { median: at(values.len() / 2), max: values.last().copied().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_maximum_do_not_depend_on_the_order() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0].into_iter()), Spread { median: 2.0, max: 3.0 });
        assert_eq!(Spread::of([5.0].into_iter()), Spread { median: 5.0, max: 5.0 });
    }
}
