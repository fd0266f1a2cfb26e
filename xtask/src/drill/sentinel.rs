//! Each Redis twice, the second as a replica of the first, under three Sentinels that watch both pairs.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use super::ports::{NODES, Ports};
use crate::platform::{
    layout::Layout,
    probe::Probe,
    process::Unit,
    redis::{self, Store},
    supervisor::Supervisor,
};

/// Sentinels that must agree before a master counts as gone.
const QUORUM: u16 = 2;
const PHASE: usize = 0;
/// Servers of one store.
const SERVERS: std::ops::Range<u16> = 0..2;

/// The servers.
pub struct Sentinels {
    layout: Layout,
    ports: Ports,
}

impl Sentinels {
    pub fn new(layout: &Layout, ports: Ports) -> Self {
        Self { layout: layout.clone(), ports }
    }

    pub async fn start(&self, supervisor: &Supervisor) -> Result<(), String> {
        let mut servers = Vec::new();
        for store in Store::ALL {
            servers.push(self.redis(store, 0, None)?);
            servers.push(self.redis(store, 1, Some(0))?);
        }
        supervisor.start_phase(PHASE, servers).await?;
        let watchers: Result<Vec<Unit>, String> = NODES.map(|n| self.sentinel(n)).collect();
        supervisor.start_phase(PHASE, watchers?).await
    }

    /// What services are given.
    pub fn url(&self, store: Store) -> String {
        let hosts: Vec<String> = NODES.map(|n| format!("127.0.0.1:{}", self.ports.sentinel(n))).collect();
        format!("redis+sentinel://{}/{}", hosts.join(","), store.name())
    }

    /// The server that leads, as the first Sentinel sees it.
    pub fn master(&self, store: Store) -> Result<u16, String> {
        let answer =
            self.ask(self.ports.sentinel(0), &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", store.name()])?;
        let port: Option<u16> = answer.lines().nth(1).and_then(|l| l.trim().parse().ok());
        SERVERS
            .into_iter()
            .find(|n| Some(self.ports.redis(store, *n)) == port)
            .ok_or_else(|| format!("no master of {}: {answer}", store.name()))
    }

    /// Waits until each Sentinel knows each replica and both other Sentinels, without which nobody is elected.
    pub async fn whole(&self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            let missing = self.missing();
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the Sentinels do not know each other and the replicas: {missing}"));
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// What the Sentinels lack; empty when they lack nothing.
    fn missing(&self) -> String {
        for store in Store::ALL {
            for node in NODES {
                let question = ["SENTINEL", "MASTER", store.name()];
                let answer = self.ask(self.ports.sentinel(node), &question).unwrap_or_default();
                let lines: Vec<&str> = answer.lines().map(str::trim).collect();
                let value = |name: &str| {
                    lines.iter().position(|l| *l == name).and_then(|i| lines.get(i + 1)).copied()
                };
                let seen = ["flags", "num-slaves", "num-other-sentinels"].map(value);
                if seen != [Some("master"), Some("1"), Some("2")] {
                    return format!("sentinel-{} of {}: {seen:?}", node + 1, store.name());
                }
            }
            let replica = self.master(store).map(|m| 1 - m);
            let linked = replica.and_then(|r| self.ask(self.ports.redis(store, r), &["INFO", "replication"]));
            if !linked.is_ok_and(|info| info.contains("master_link_status:up")) {
                return format!("the replica of {} does not follow", store.name());
            }
        }
        String::new()
    }

    pub async fn kill(&self, store: Store, server: u16, supervisor: &Supervisor) {
        supervisor.kill(&server_name(store, server)).await;
    }

    /// Starts a killed server as replica of the one that leads now.
    pub fn revive(&self, store: Store, server: u16, supervisor: &Supervisor) -> Result<(), String> {
        let master = self.master(store)?;
        supervisor.start(self.redis(store, server, Some(master))?, PHASE)
    }

    /// Waits until another server than `old` leads.
    pub async fn new_master(&self, store: Store, old: u16, within: Duration) -> Result<u16, String> {
        let until = Instant::now() + within;
        loop {
            if let Ok(master) = self.master(store)
                && master != old
            {
                return Ok(master);
            }
            if Instant::now() > until {
                return Err(format!("{} was not replaced within {} s", store.name(), within.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn ask(&self, port: u16, words: &[&str]) -> Result<String, String> {
        let output = Command::new(xtask_programs::path("redis-cli")?)
            .args(["-p", &port.to_string()])
            .args(words)
            .output()
            .map_err(|e| format!("cannot run redis-cli: {e}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn dir(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.layout.data.join(name);
        std::fs::create_dir_all(&dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
        Ok(dir)
    }

    /// A server as `make up` has it, with a port, and as a replica where there is a master.
    fn redis(&self, store: Store, server: u16, master: Option<u16>) -> Result<Unit, String> {
        let name = server_name(store, server);
        let socket = self.layout.sockets.join(format!("{name}.sock"));
        let mut unit = redis::unit(&self.layout, store)?;
        unit.log = self.layout.log_file(&name);
        // Of two settings the later one counts.
        let mut set = |key: &str, value: String| unit.args.extend([format!("--{key}"), value]);
        set("port", self.ports.redis(store, server).to_string());
        set("bind", "127.0.0.1".to_owned());
        set("unixsocket", socket.display().to_string());
        set("dir", self.dir(&name)?.display().to_string());
        if let Some(master) = master {
            set("replicaof", format!("127.0.0.1 {}", self.ports.redis(store, master)));
        }
        unit.name = name;
        unit.probe = Probe::Redis(socket);
        Ok(unit)
    }

    fn sentinel(&self, node: u16) -> Result<Unit, String> {
        use std::fmt::Write as _;
        let name = format!("sentinel-{}", node + 1);
        let dir = self.dir(&name)?;
        let socket = self.layout.sockets.join(format!("{name}.sock"));
        let file = dir.join("sentinel.conf");
        let mut text = format!(
            "port {}\nbind 127.0.0.1\nunixsocket {}\ndir {}\n",
            self.ports.sentinel(node),
            socket.display(),
            dir.display()
        );
        for store in Store::ALL {
            let (name, master) = (store.name(), self.ports.redis(store, 0));
            let _ = write!(
                text,
                "sentinel monitor {name} 127.0.0.1 {master} {QUORUM}\nsentinel down-after-milliseconds {name} 1500\n\
                 sentinel failover-timeout {name} 10000\nsentinel parallel-syncs {name} 1\n"
            );
        }
        std::fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        let server = xtask_programs::path("redis-server")?;
        let mut unit = Unit::new(&name, "sentinel", server, self.layout.log_file(&name));
        unit.args = vec![file.display().to_string(), "--sentinel".to_owned()];
        unit.probe = Probe::Redis(socket);
        Ok(unit)
    }
}

fn server_name(store: Store, server: u16) -> String {
    format!("{}-{}", store.name(), server + 1)
}
