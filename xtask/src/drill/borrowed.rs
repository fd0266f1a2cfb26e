//! The platform that a command works on: the one that is up, or one of its own for as long as the command takes.

use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::platform::{
    Outcome, control,
    layout::Layout,
    supervisor::{State, UnitStatus},
};

const STARTS_WITHIN: Duration = Duration::from_mins(3);

/// A running platform, and the process of it where it is the command's own.
pub struct Borrowed(Option<Child>);

impl Borrowed {
    /// Takes the platform that is up, or starts one without traffic and waits until it is healthy.
    pub async fn take(layout: &Layout) -> Result<Self, String> {
        if control::is_running(layout).await {
            return Ok(Self(None));
        }
        let program = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let mut platform = Command::new(program)
            .arg("up")
            .env("DEMO", "0")
            .process_group(0)
            .spawn()
            .map_err(|e| format!("cannot start the platform: {e}"))?;
        let began = Instant::now();
        while !units(layout).await.is_ok_and(|units| are_ready(&units)) {
            if let Ok(Some(status)) = platform.try_wait() {
                return Err(format!("the platform ended at its start: {status}"));
            }
            if began.elapsed() > STARTS_WITHIN {
                crate::platform::down().await?;
                return Err(format!("the platform is not healthy after {} s", STARTS_WITHIN.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(Self(Some(platform)))
    }

    /// Stops the platform if it is the command's own.
    pub async fn give_back(self) -> Outcome {
        let Some(mut platform) = self.0 else { return Ok(()) };
        crate::platform::down().await?;
        platform.wait().await.map_err(|e| format!("the platform did not end: {e}"))?;
        Ok(())
    }
}

/// All processes of the running platform.
pub async fn units(layout: &Layout) -> Result<Vec<UnitStatus>, String> {
    match control::call(layout, &control::Request::Status).await? {
        control::Reply::Status { units } => Ok(units),
        other => Err(format!("unexpected answer: {other:?}")),
    }
}

/// Whether every process is ready: both Postgres nodes, and the edge, which starts last, among them.
pub fn are_ready(units: &[UnitStatus]) -> bool {
    let count = |service: &str| units.iter().filter(|u| u.service == service).count();
    count("edge") == 1
        && count("postgres") == 2
        && units.iter().all(|u| u.pid.is_some() && u.state == State::Ready)
}
