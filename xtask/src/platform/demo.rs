//! The story that a newcomer sees: gentle shopper traffic, and one scheduled fault in the first two minutes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    faults,
    layout::{Demo, Layout},
    probe::Probe,
    process::Unit,
    supervisor::Supervisor,
};

/// Shown to the newcomer; the payment alert has its own runbook.
const FAULT: &str = "payments.decline";
const FAULT_AFTER: Duration = Duration::from_secs(40);
const FAULT_SECONDS: u64 = 75;

/// Runs traffic and the fault until `stop`.
pub async fn run_until(layout: &Layout, supervisor: &Supervisor, stop: CancellationToken) {
    if layout.demo == Demo::Off {
        stop.cancelled().await;
        return;
    }
    match traffic(layout) {
        Ok(unit) => {
            if let Err(e) = supervisor.start(unit, usize::MAX) {
                println!("  no shopper traffic: {e}");
            }
        }
        Err(e) => println!("  no shopper traffic: {e}"),
    }
    if layout.demo == Demo::Traffic {
        stop.cancelled().await;
        return;
    }
    tokio::select! {
        () = stop.cancelled() => return,
        () = tokio::time::sleep(FAULT_AFTER) => {}
    }
    println!("  a fault is now on for {FAULT_SECONDS} s: {FAULT}; watch {}/alerts", layout.console_url());
    if let Err(e) = faults::switch_on(layout, FAULT, FAULT_SECONDS, 1.0).await {
        println!("  the scheduled fault failed: {e}");
    }
    stop.cancelled().await;
}

fn traffic(layout: &Layout) -> Result<Unit, String> {
    let k6 = xtask_programs::path("k6")?;
    let mut unit = Unit::new("traffic", "traffic", k6, layout.log_file("traffic"));
    unit.args = [
        "run",
        "--quiet",
        "--no-usage-report",
        "--no-color",
        "--log-output=stdout",
        "--no-summary",
        "--address",
        &format!("127.0.0.1:{}", layout.ports.traffic),
    ]
    .map(str::to_owned)
    .to_vec();
    unit.args.push(layout.root.join("loadtests/demo.js").display().to_string());
    unit.env =
        vec![("SHOP_URL".to_owned(), layout.shop_url()), ("GOMEMLIMIT".to_owned(), "96MiB".to_owned())];
    unit.address = format!("127.0.0.1:{}", layout.ports.traffic);
    unit.probe = Probe::Running;
    unit.stop_within = Duration::from_secs(2);
    Ok(unit)
}
