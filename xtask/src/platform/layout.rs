//! Where everything lies and listens.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The services, in the order of their ports. Each runs twice.
pub const SERVICES: [&str; 7] =
    ["storefront", "identity", "catalog", "inventory", "orders", "payments", "notifications"];

/// Instances of each service.
pub const INSTANCES: u16 = 2;

/// From an instance's public port to its internal one.
pub const INTERNAL_OFFSET: u16 = 5;

/// Ports on loopback.
#[derive(Clone, Debug)]
pub struct Ports {
    pub edge: u16,
    pub console: u16,
    pub otlp_grpc: u16,
    pub otlp_http: u16,
    pub traffic: u16,
    /// Service `i`, instance `j` (from 0) listens on `services + 10 * i + j`; probes, metrics and faults are 5 further.
    /// Behind all of them the console's liveness is.
    pub services: u16,
    /// Where the supervisor tells its metrics.
    pub supervisor: u16,
}

/// What moves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// `DEMO=0`
    Off,
    /// `DEMO=traffic`: shopper traffic only.
    Traffic,
    /// Shopper traffic and one scheduled fault.
    Story,
}

/// Paths, ports and switches of one platform.
#[derive(Clone, Debug)]
pub struct Layout {
    pub root: PathBuf,
    pub data: PathBuf,
    pub binaries: PathBuf,
    /// Built client assets.
    pub site: PathBuf,
    /// Short directory for unix sockets.
    pub sockets: PathBuf,
    pub ports: Ports,
    pub demo: Demo,
}

impl Layout {
    /// What the two Postgres nodes call their sockets.
    pub const POSTGRES_PORTS: [u16; 2] = [5432, 5433];

    /// Below the directory of sockets: the one that leads to the node that takes writes.
    pub const PRIMARY_DIR: &str = "primary";

    /// Reads `QD_DATA`, `QD_*_PORT`, `DEMO`, `CARGO_TARGET_DIR`.
    pub fn from_environment() -> Result<Self, String> {
        let root = repository_root()?;
        let data = std::env::var_os("QD_DATA").map_or_else(|| root.join(".data"), PathBuf::from);
        std::fs::create_dir_all(&data).map_err(|e| format!("cannot create {}: {e}", data.display()))?;
        let data = data.canonicalize().map_err(|e| format!("cannot resolve {}: {e}", data.display()))?;
        let target = target_dir(&root);
        let digest = hex::encode(Sha256::digest(data.to_string_lossy().as_bytes()));
        Ok(Self {
            binaries: target.join("debug"),
            site: target.join("site"),
            sockets: PathBuf::from(format!("/tmp/qd-{}", &digest[..10])),
            ports: Ports {
                edge: port("QD_EDGE_PORT", 8080)?,
                console: port("QD_CONSOLE_PORT", 8090)?,
                otlp_grpc: port("QD_OTLP_GRPC_PORT", 4317)?,
                otlp_http: port("QD_OTLP_HTTP_PORT", 4318)?,
                traffic: port("QD_TRAFFIC_PORT", 6565)?,
                services: port("QD_SERVICES_PORT", 7100)?,
                supervisor: port("QD_SUPERVISOR_PORT", 7090)?,
            },
            demo: match std::env::var("DEMO").as_deref() {
                Ok("0") => Demo::Off,
                Ok("traffic") => Demo::Traffic,
                _ => Demo::Story,
            },
            root,
            data,
        })
    }

    pub fn service_port(&self, service: &str, instance: u16) -> Option<u16> {
        let index = SERVICES.iter().position(|s| *s == service)?;
        Some(self.ports.services + 10 * index as u16 + instance)
    }

    /// Base URLs of all instances of a service.
    pub fn service_urls(&self, service: &str) -> Vec<String> {
        self.instance_urls(service, 0)
    }

    /// Where all instances of a service answer probes, scrapes and switches of faults.
    pub fn internal_urls(&self, service: &str) -> Vec<String> {
        self.instance_urls(service, INTERNAL_OFFSET)
    }

    fn instance_urls(&self, service: &str, offset: u16) -> Vec<String> {
        (0..INSTANCES)
            .filter_map(|i| self.service_port(service, i))
            .map(|p| format!("http://127.0.0.1:{}", p + offset))
            .collect()
    }

    pub fn console_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.console)
    }

    /// Where the console's liveness is asked.
    pub fn console_health_port(&self) -> u16 {
        self.ports.services + 10 * SERVICES.len() as u16 + INTERNAL_OFFSET
    }

    pub fn shop_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.edge)
    }

    pub fn log_file(&self, unit: &str) -> PathBuf {
        self.data.join("logs").join(format!("{unit}.log"))
    }

    pub fn control_socket(&self) -> PathBuf {
        self.sockets.join("control.sock")
    }

    pub fn pids_file(&self) -> PathBuf {
        self.data.join("pids.json")
    }

    /// A service's way into its database, through the socket that leads to whichever node takes writes.
    pub fn database_url(&self, service: &str, password: &str) -> String {
        self.database_url_as(service, password, service)
    }

    /// The same way for another role.
    pub fn database_url_as(&self, role: &str, password: &str, database: &str) -> String {
        let socket = self.sockets.join(Self::PRIMARY_DIR).to_string_lossy().replace('/', "%2F");
        format!("postgres://{role}:{password}@{socket}:{}/{database}", Self::POSTGRES_PORTS[0])
    }
}

/// The directory that cargo builds into.
pub fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// The checkout: the nearest folder upwards with a workspace manifest and `gitops/`.
pub fn repository_root() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|e| format!("no current directory: {e}"))?;
    here.ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file() && dir.join("gitops").is_dir())
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not inside a Quarterdeck checkout", here.display()))
}

fn port(name: &str, default: u16) -> Result<u16, String> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(text) => text.parse().map_err(|_| format!("{name} must be a port number, got {text:?}")),
    }
}
