//! The whole platform, driven as its users do and broken as the world does. Starts once, runs the scenarios in order,
//! stops everything. `cargo test -p xtask --test platform -- WORD` runs the scenarios whose name contains WORD.

#![expect(clippy::disallowed_methods, reason = "a test program: it reads its environment")]

mod audit;
#[path = "../../src/back_office.rs"]
mod back_office;
mod bad_input;
mod books;
mod border;
mod browser;
#[path = "../../src/buyer.rs"]
mod buyer;
mod buying;
mod clerk;
mod engineer;
mod failover;
mod fault_effects;
mod faults;
mod finding;
mod kills;
mod local;
mod mailbox;
mod member;
mod pages;
mod privacy;
mod rolling_deploy;
mod rum;
mod shopper;
mod shopper_life;
mod slack;

use std::{future::Future, pin::Pin, time::Instant};

use local::Platform;

/// Any failure, with the story of what was expected.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What a scenario answers.
pub type Outcome = Result<(), Failure>;

/// Goes on if it `is` so, and fails with the story otherwise.
pub fn ensure(is: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if is { Ok(()) } else { Err(otherwise().into()) }
}

/// The word that asks for no scenario at all: `make bench-up` starts the platform, stops it, and no more.
const NOTHING: &str = "start-and-stop-only";

type Scenario = for<'a> fn(&'a Platform) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

macro_rules! scenarios {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$((stringify!($name), (|p| Box::pin($module::$name(p))) as Scenario)),*]
    };
}

fn main() -> std::process::ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if std::env::args().any(|a| a == "--list") {
        return std::process::ExitCode::SUCCESS;
    }
    if std::env::var_os("QD_E2E").is_none() {
        println!("skipped: `make e2e` builds the platform and runs its scenarios");
        return std::process::ExitCode::SUCCESS;
    }
    if let Err(missing) = local::programs_are_built() {
        println!("{missing}: `make build` does that");
        return std::process::ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let failed = runtime.block_on(run(&wanted));
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

async fn run(wanted: &[String]) -> usize {
    let scenarios = scenarios![
        shopper::a_shopper_finds_a_product_and_buys_it,
        shopper_life::a_shopper_s_whole_life_from_registering_to_the_deleted_account,
        clerk::a_clerk_s_day_from_log_in_to_log_out,
        finding::a_shopper_finds_things_by_keyboard_and_narrows_them_down,
        rum::what_a_browser_measured_joins_the_trace_of_its_page,
        engineer::wrong_passwords_are_refused_and_throttled,
        engineer::a_fault_reaches_slack_and_the_engineer_finds_trace_and_log,
        pages::every_page_is_clean_in_dark_and_light_wide_and_narrow,
        bad_input::garbage_is_refused_in_each_protocol_s_own_words,
        border::the_edge_shows_nothing_but_the_shop,
        border::a_burst_of_503_takes_no_other_page_with_it,
        privacy::planted_secrets_and_personal_data_stay_out_of_telemetry,
        faults::every_fault_shows_itself_ends_and_leaves_a_healthy_shop,
        rolling_deploy::every_service_is_replaced_under_load_without_a_failed_request,
        failover::a_lost_database_node_is_replaced_and_the_shop_sells_again,
        kills::any_killed_process_comes_back_and_nothing_acknowledged_is_lost,
    ];
    let started = Instant::now();
    let platform = match Platform::start().await {
        Ok(platform) => platform,
        Err(e) => {
            println!("the platform does not start: {e}");
            println!("0 passed, 1 failed");
            return 1;
        }
    };
    println!("platform: healthy after {:.1} s", started.elapsed().as_secs_f64());
    let (mut passed, mut failed, mut chosen) = (0, 0, 0);
    for (name, scenario) in scenarios {
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        chosen += 1;
        let started = Instant::now();
        match scenario(&platform).await {
            Ok(()) => {
                passed += 1;
                println!("test {name} ... ok ({:.1} s)", started.elapsed().as_secs_f64());
            }
            Err(e) => {
                failed += 1;
                println!("test {name} ... FAILED: {e}");
            }
        }
    }
    // Whatever ran: it was done to a shop whose books must agree afterwards.
    let books = if chosen == 0 { Ok(()) } else { books::agree(&platform).await };
    match books {
        Ok(()) => passed += 1,
        Err(e) => {
            failed += 1;
            println!("test all_books_agree_at_the_end ... FAILED: {e}");
        }
    }
    platform.print_memory().await;
    if let Err(e) = platform.stop().await {
        failed += 1;
        println!("test the_platform_stops_cleanly ... FAILED: {e}");
    }
    if chosen == 0 && !wanted.iter().any(|word| word == NOTHING) {
        failed += 1;
        println!("no scenario has one of {wanted:?} in its name ... FAILED ({NOTHING} runs none)");
    }
    println!("{passed} passed, {failed} failed");
    failed
}
