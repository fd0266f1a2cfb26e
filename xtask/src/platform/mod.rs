//! The local platform: Postgres with a standby, two Redis, the edge, every service twice, the console, shopper traffic.
//!
//! One supervisor process owns everything (`up`); the other commands talk to it over a unix socket. All state lies
//! under the data directory; sockets lie in a short directory of their own, because their paths are limited to 107
//! bytes. Everything listens on loopback only.

pub mod age_limits;
pub mod archive;
pub mod control;
mod demo;
pub mod edge;
mod faults;
pub mod layout;
mod logs;
pub mod memory;
mod metrics;
pub mod postgres;
pub mod preflight;
pub mod probe;
pub mod process;
pub mod redis;
pub mod roster;
pub mod secrets;
mod service_auth;
mod slowdown;
mod status;
pub mod supervisor;

use std::time::{Duration, Instant};

pub use faults::Order as FaultOrder;
use layout::Layout;
use tokio_util::sync::CancellationToken;

/// What a command answers: nothing, or one message for a human.
pub type Outcome = Result<(), String>;

/// Starts everything and stays until Ctrl-C, SIGTERM or `down`.
pub async fn up() -> Outcome {
    let started = Instant::now();
    let layout = Layout::from_environment()?;
    if control::is_running(&layout).await {
        println!("Quarterdeck is already running.");
        print_addresses(&layout)?;
        return Ok(());
    }
    preflight::stop_leftovers(&layout)?;
    preflight::check(&layout)?;
    let stop = CancellationToken::new();
    let supervisor = supervisor::Supervisor::new(&layout);
    let control = control::serve(&layout, supervisor.clone(), stop.clone())?;
    watch_signals(stop.clone())?;
    let guard_stop = CancellationToken::new();

    let result = tokio::select! {
        result = start_all(&layout, &supervisor, started, &guard_stop) => result,
        () = stop.cancelled() => Err("stopped before everything was healthy".to_owned()),
    };
    if result.is_ok() {
        demo::run_until(&layout, &supervisor, stop.clone()).await;
        println!("\nstopping");
    }
    // The guard must not take what stops for what died.
    guard_stop.cancel();
    let result = match result {
        Ok(guard) => guard.await.map_err(|e| format!("the guard of Postgres failed: {e}")),
        Err(e) => Err(e),
    };
    supervisor.stop_all().await;
    control.abort();
    let _ = std::fs::remove_file(layout.control_socket());
    let _ = std::fs::remove_dir_all(&layout.sockets);
    let _ = std::fs::remove_file(layout.pids_file());
    result
}

/// Answers with the task that guards Postgres until `guard_stop`.
async fn start_all(
    layout: &Layout,
    supervisor: &supervisor::Supervisor,
    started: Instant,
    guard_stop: &CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, String> {
    println!("starting Quarterdeck in {}", layout.data.display());
    let roster = roster::Roster::prepare(layout)?;
    supervisor.start_phase(roster::FOUNDATION, roster.foundation).await?;
    roster.postgres.open(layout).await?;
    // The standby copies the primary while the services start.
    let (report, guard) = roster.postgres.guard(supervisor, guard_stop.clone());
    metrics::serve(layout, supervisor.clone(), report).await?;
    supervisor.start_phase(1, roster.services).await?;
    supervisor.start_phase(2, vec![roster.edge]).await?;
    println!("\nall healthy after {:.1} s", started.elapsed().as_secs_f64());
    print_addresses(layout)?;
    Ok(guard)
}

fn print_addresses(layout: &Layout) -> Outcome {
    println!("\n  shop     http://127.0.0.1:{}", layout.ports.edge);
    println!("  console  http://127.0.0.1:{}", layout.ports.console);
    println!("           log in as admin with {}", secrets::read(layout, secrets::ADMIN_PASSWORD)?);
    println!("  staff    http://127.0.0.1:{}/staff", layout.ports.edge);
    println!("           log in as staff with {}", secrets::read(layout, secrets::STAFF_PASSWORD)?);
    println!("\n  make status · make logs S=orders · make fault F=payments.decline · make down\n");
    Ok(())
}

fn watch_signals(stop: CancellationToken) -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let fail = |e: std::io::Error| format!("cannot listen for signals: {e}");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fail)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Stops a running platform; also what a killed supervisor left behind.
pub async fn down() -> Outcome {
    let layout = Layout::from_environment()?;
    if control::is_running(&layout).await {
        control::call(&layout, &control::Request::Stop).await?;
        let deadline = Instant::now() + Duration::from_mins(1);
        while control::is_running(&layout).await {
            if Instant::now() > deadline {
                return Err("the platform did not stop within a minute; see `make status`".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("stopped");
    } else if preflight::stop_leftovers(&layout)? == 0 {
        println!("nothing is running");
    }
    Ok(())
}

/// Prints the table of processes.
pub async fn status() -> Outcome {
    let layout = Layout::from_environment()?;
    match control::call(&layout, &control::Request::Status).await? {
        control::Reply::Status { units } => {
            status::print(&units);
            Ok(())
        }
        other => Err(format!("unexpected answer: {other:?}")),
    }
}

/// Follows log files.
pub async fn logs(service: Option<&str>) -> Outcome {
    logs::follow(&Layout::from_environment()?, service).await
}

/// Replaces the instances of a service one after the other; the old one drains before the next goes.
pub async fn deploy(service: &str) -> Outcome {
    let layout = Layout::from_environment()?;
    match control::call(&layout, &control::Request::Deploy { service: service.to_owned() }).await? {
        control::Reply::Done { message } => {
            println!("{message}");
            Ok(())
        }
        other => Err(format!("unexpected answer: {other:?}")),
    }
}

/// Switches a fault, or lists all of them.
pub async fn fault(order: &FaultOrder) -> Outcome {
    faults::obey(&Layout::from_environment()?, order).await
}
