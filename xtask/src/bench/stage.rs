//! A platform of its own for the measurements: release builds, one instance a service, telemetry to a receiver that
//! throws it away, on ports and in a directory that nobody else uses.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::process::{Child, Command};

use crate::platform::{
    edge,
    layout::{Demo, Layout, Ports, target_dir},
    postgres::{Cluster, node::Node},
    preflight,
    process::Unit,
    redis, roster, secrets,
    supervisor::{Pace, Supervisor, UnitStatus},
};

/// The services that sell. Identity only logs shoppers in.
const SERVICES: [&str; 6] = ["storefront", "catalog", "inventory", "orders", "payments", "notifications"];
/// Where ports are looked for.
const FIRST_PORT: u16 = 26_000;
const PORTS_NEEDED: u16 = 100;

/// How much services tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telemetry {
    /// As in production.
    Default,
    /// Every span and every request.
    Everything,
    /// Nothing but errors on standard output.
    Off,
}

/// The platform.
pub struct Stage {
    pub layout: Layout,
    foundation: Supervisor,
    sink: Child,
}

/// Services that run until they are stopped.
pub struct Services {
    supervisor: Supervisor,
}

impl Stage {
    /// Starts what services stand on.
    pub async fn set() -> Result<Self, String> {
        let layout = layout()?;
        let mut sink = Command::new(program(&layout, "bench-peer")?);
        sink.arg("sink").arg(layout.ports.otlp_grpc.to_string()).arg(layout.ports.otlp_http.to_string());
        let sink = sink.kill_on_drop(true).spawn().map_err(|e| format!("cannot start the sink: {e}"))?;
        roster::secrets(&layout)?;
        let postgres = Cluster::prepare(&layout, 0)?;
        let foundation = Supervisor::with_pace(layout.pids_file(), pace());
        let mut units = vec![postgres.primary()?];
        for store in redis::Store::ALL {
            units.push(redis::unit(&layout, store)?);
        }
        foundation.start_phase(0, units).await?;
        // No standby: commits wait for this machine's disk alone, for the services and for pgbench.
        postgres.open(&layout).await?;
        Ok(Self { layout, foundation, sink })
    }

    /// Starts one instance of every service that is needed.
    pub async fn services(&self, telemetry: Telemetry) -> Result<Services, String> {
        let supervisor = Supervisor::with_pace(self.layout.data.join("services.json"), pace());
        let mut units = Vec::new();
        for service in SERVICES {
            units.push(self.unit(service, telemetry)?);
        }
        let services = Services { supervisor };
        match services.supervisor.start_phase(0, units).await {
            Ok(()) => Ok(services),
            Err(e) => {
                services.stop().await;
                Err(e)
            }
        }
    }

    /// nginx before the storefront.
    pub async fn edge(&self) -> Result<(), String> {
        self.foundation.start_phase(1, vec![edge::unit(&self.layout)?]).await
    }

    fn unit(&self, service: &str, telemetry: Telemetry) -> Result<Unit, String> {
        let layout = &self.layout;
        let mut unit = roster::service_unit(layout, service, 0, "bench")?;
        let mut set = |name: &str, value: String| unit.env.push((name.to_owned(), value));
        for peer in ["identity", "catalog", "inventory", "orders", "payments"] {
            set(&format!("{}_URLS", peer.to_uppercase()), layout.service_urls(peer).remove(0));
        }
        set("LOKI_URL", format!("http://127.0.0.1:{}", layout.ports.otlp_http));
        // Pieces sold stay sold while somebody counts them.
        set("RESTOCK_AFTER_SECONDS", "3600".to_owned());
        match telemetry {
            Telemetry::Default => {
                unit.env.retain(|(name, _)| !matches!(name.as_str(), "OTEL_TRACES_SAMPLER" | "ACCESS_LOG"));
            }
            Telemetry::Everything => {}
            Telemetry::Off => {
                set("OTEL_SDK_DISABLED", "true".to_owned());
                set("RUST_LOG", "error".to_owned());
                set("ACCESS_LOG", "off".to_owned());
            }
        }
        Ok(unit)
    }

    /// A superuser's session in one of the databases.
    pub async fn database(&self, name: &str) -> Result<PgConnection, String> {
        let [node, _] = Node::pair(&self.layout)?;
        node.connect(name).await.map_err(|e| format!("database {name}: {e}"))
    }

    /// The first instance of a service.
    pub fn url(&self, service: &str) -> String {
        self.layout.service_urls(service).remove(0)
    }

    /// A program of the release build.
    pub fn program(&self, name: &str) -> Result<std::path::PathBuf, String> {
        program(&self.layout, name)
    }

    /// Stops everything and forgets its data.
    pub async fn clear(mut self) {
        self.foundation.stop_all().await;
        let _ = self.sink.kill().await;
        let _ = std::fs::remove_dir_all(&self.layout.sockets);
        let _ = std::fs::remove_dir_all(&self.layout.data);
    }
}

impl Services {
    /// What runs, with its memory.
    pub async fn status(&self) -> Vec<UnitStatus> {
        self.supervisor.status().await
    }

    pub async fn stop(self) {
        self.supervisor.stop_all().await;
    }
}

/// Nothing is replaced while it is measured: the load shares the machine with whoever looks.
fn pace() -> Pace {
    Pace { hung_after: Duration::from_hours(1), ..Pace::default() }
}

fn program(layout: &Layout, name: &str) -> Result<std::path::PathBuf, String> {
    let file = layout.binaries.join(name);
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!("{} is missing: `make bench-shop` builds it", file.display()))
    }
}

fn layout() -> Result<Layout, String> {
    let mut layout = Layout::from_environment()?;
    layout.binaries = target_dir(&layout.root).join("release");
    let data = std::env::temp_dir().join(format!("qd-bench-{}", std::process::id()));
    std::fs::create_dir_all(&data).map_err(|e| format!("cannot create {}: {e}", data.display()))?;
    layout.data = data;
    layout.sockets = std::env::temp_dir().join(format!("qd-bs-{}", std::process::id()));
    layout.demo = Demo::Off;
    let starts = (FIRST_PORT..u16::MAX - PORTS_NEEDED).step_by(usize::from(PORTS_NEEDED));
    for first in starts.take(50) {
        layout.ports = Ports {
            edge: first,
            console: first + 1,
            otlp_grpc: first + 2,
            otlp_http: first + 3,
            supervisor: first + 4,
            traffic: first + 5,
            services: first + 20,
        };
        if preflight::check(&layout).is_ok() {
            return Ok(layout);
        }
    }
    Err("no free ports were found".to_owned())
}

/// Waits until a page answers with success.
pub async fn answers(url: &str) -> Result<reqwest::Response, String> {
    let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
    let mut last = String::new();
    for _ in 0..200 {
        match http.get(url).send().await.and_then(reqwest::Response::error_for_status) {
            Ok(response) => return Ok(response),
            Err(e) => last = e.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("{url} does not answer: {last}"))
}

/// The secret keys of services, for whoever speaks in their name.
pub fn auth_key(layout: &Layout, service: &str) -> std::path::PathBuf {
    secrets::path(layout, "service-auth").join(format!("{service}.pem"))
}
