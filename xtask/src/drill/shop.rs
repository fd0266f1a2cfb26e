//! A whole platform of a drill's own, which the drill may break and mend: what `make up` runs, in other places.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::platform::{
    layout::{Demo, Layout},
    postgres::{Cluster, guard::Report},
    process::Unit,
    roster::{FOUNDATION, Roster},
    supervisor::Supervisor,
};

/// One region's platform.
pub struct Shop {
    pub layout: Layout,
    pub supervisor: Supervisor,
    /// Where mails are files. The world outside has them: they outlive the region.
    pub mails: PathBuf,
    guard: Mutex<Option<Guarded>>,
}

struct Guarded {
    stop: CancellationToken,
    task: JoinHandle<()>,
    report: Arc<Mutex<Report>>,
}

/// A platform whose foundation stands, and what comes next.
pub struct Opening {
    pub cluster: Cluster,
    services: Vec<Unit>,
    edge: Unit,
}

/// Data and ports beside those of `make up`; what an earlier drill left is removed.
pub fn own_layout(name: &str, first_port: u16) -> Result<Layout, String> {
    let mut layout = own_data(name)?;
    layout.ports.edge = first_port;
    layout.ports.console = first_port + 1;
    layout.ports.otlp_grpc = first_port + 2;
    layout.ports.otlp_http = first_port + 3;
    layout.ports.services = first_port + 10;
    Ok(layout)
}

/// Data and sockets beside those of `make up`; what an earlier drill left is removed.
pub fn own_data(name: &str) -> Result<Layout, String> {
    let mut layout = Layout::from_environment()?;
    layout.data = layout.data.join(name);
    layout.sockets = PathBuf::from(format!("{}-{}", layout.sockets.display(), name.replace('/', "-")));
    layout.demo = Demo::Off;
    for dir in [&layout.data, &layout.sockets] {
        let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
        if dir.exists() {
            std::fs::remove_dir_all(dir).map_err(fail)?;
        }
        std::fs::create_dir_all(dir).map_err(fail)?;
    }
    Ok(layout)
}

impl Shop {
    pub fn new(layout: Layout) -> Self {
        let supervisor = Supervisor::new(&layout);
        let mails = layout.data.join("mail");
        Self { layout, supervisor, mails, guard: Mutex::new(None) }
    }

    /// Starts what services stand on, but for what runs already.
    pub async fn foundation(&self) -> Result<Opening, String> {
        let roster = Roster::prepare(&self.layout)?;
        let mut units = roster.foundation;
        units.retain(|unit| !self.supervisor.is_ready(&unit.name));
        self.supervisor.start_phase(FOUNDATION, units).await?;
        let mut services = roster.services;
        let mails = self.mails.display().to_string();
        for (_, value) in services.iter_mut().flat_map(|u| &mut u.env).filter(|(name, _)| name == "MAIL_DIR")
        {
            value.clone_from(&mails);
        }
        Ok(Opening { cluster: roster.postgres, services, edge: roster.edge })
    }

    /// Starts the rest, on a cluster that takes writes.
    pub async fn open(&self, opening: Opening) -> Result<(), String> {
        opening.cluster.lead(&self.layout).await?;
        self.guard(opening.cluster);
        self.supervisor.start_phase(1, opening.services).await?;
        self.supervisor.start_phase(2, vec![opening.edge]).await
    }

    /// Guards the cluster from now on; the standby is copied from its primary.
    pub fn guard(&self, cluster: Cluster) {
        let stop = CancellationToken::new();
        let (report, task) = cluster.guard(&self.supervisor, stop.clone());
        *self.lock() = Some(Guarded { stop, task, report });
    }

    /// Nobody promotes or copies any more.
    pub async fn stop_guard(&self) -> Result<(), String> {
        let Some(guarded) = self.lock().take() else { return Ok(()) };
        guarded.stop.cancel();
        guarded.task.await.map_err(|e| format!("the guard of Postgres failed: {e}"))
    }

    /// Waits until commits wait for the standby.
    pub async fn whole(&self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        while !self.is_synchronous() {
            if Instant::now() > until {
                return Err(format!("Postgres has no standby after {} s", within.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    fn is_synchronous(&self) -> bool {
        let guard = self.lock();
        guard.as_ref().is_some_and(|g| g.report.lock().unwrap_or_else(PoisonError::into_inner).synchronous)
    }

    /// Ends every process of the region at once, as losing it does.
    pub async fn lose(&self) {
        if let Some(guarded) = self.lock().take() {
            // What guards it is lost with it.
            guarded.stop.cancel();
            guarded.task.abort();
        }
        let names: Vec<String> = self.supervisor.status().await.into_iter().map(|unit| unit.name).collect();
        let mut kills = JoinSet::new();
        for name in names {
            let supervisor = self.supervisor.clone();
            kills.spawn(async move { supervisor.kill(&name).await });
        }
        kills.join_all().await;
    }

    /// Stops what still runs.
    pub async fn stop(&self) {
        let _ = self.stop_guard().await;
        self.supervisor.stop_all().await;
        let _ = std::fs::remove_dir_all(&self.layout.sockets);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Guarded>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
