//! Three Postgres nodes under Patroni, with etcd as their arbiter.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection},
};

use super::{
    cable::Cable,
    ports::{NODES, Ports},
};
use crate::platform::{
    layout::Layout,
    postgres::{binaries, fence::Fence, node::SUPERUSER},
    probe::Probe,
    process::Unit,
    secrets,
    supervisor::Supervisor,
};

/// How the nodes and etcd are stopped: after the services.
const PHASE: usize = 0;

/// The three nodes.
pub struct Patroni {
    data: PathBuf,
    logs: Layout,
    ports: Ports,
    cables: Vec<Cable>,
    program: PathBuf,
    superuser_password: String,
    replication_password: String,
    http: reqwest::Client,
}

impl Patroni {
    /// Lays the cables. `layout` is the drill's own.
    pub async fn new(layout: &Layout, ports: Ports, program: PathBuf) -> Result<Self, String> {
        let mut cables = Vec::new();
        for node in NODES {
            let cable = Cable::new();
            cable.carry(ports.postgres_cable(node), ports.postgres(node)).await?;
            cable.carry(ports.patroni_cable(node), ports.patroni(node)).await?;
            cable.carry(ports.etcd_cable(node), ports.etcd()).await?;
            cables.push(cable);
        }
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .map_err(|e| format!("cannot build an HTTP client: {e}"))?;
        Ok(Self {
            data: layout.data.clone(),
            logs: layout.clone(),
            ports,
            cables,
            program,
            superuser_password: secrets::read(layout, secrets::POSTGRES_SUPERUSER)?,
            replication_password: secrets::read(layout, secrets::POSTGRES_REPLICATION)?,
            http,
        })
    }

    /// Starts etcd and the nodes, and waits until one leads and the others follow.
    pub async fn start(&self, supervisor: &Supervisor) -> Result<(), String> {
        supervisor.start_phase(PHASE, vec![self.etcd()?]).await?;
        let units: Result<Vec<Unit>, String> = NODES.map(|node| self.unit(node)).collect();
        supervisor.start_phase(PHASE, units?).await?;
        self.whole(Duration::from_mins(3)).await
    }

    /// What services are given: every node, through its cable.
    pub fn url(&self, service: &str, password: &str) -> String {
        let hosts: Vec<String> =
            NODES.map(|node| format!("127.0.0.1:{}", self.ports.postgres_cable(node))).collect();
        let hosts = hosts.join(",");
        format!("postgres://{service}:{password}@{hosts}/{service}?target_session_attrs=read-write")
    }

    /// What a reader of the books is given: the superuser's way to each node, past the cables.
    pub fn node_urls(&self, database: &str) -> Vec<String> {
        let password = &self.superuser_password;
        NODES
            .map(|n| {
                format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{}/{database}", self.ports.postgres(n))
            })
            .collect()
    }

    /// A superuser's session on the leader.
    pub async fn session(&self) -> Result<PgConnection, String> {
        let leader = self.leader().await?.ok_or("no node leads")?;
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.ports.postgres(leader))
            .username(SUPERUSER)
            .password(&self.superuser_password)
            .database("postgres")
            .disable_statement_logging();
        PgConnection::connect_with(&options).await.map_err(|e| format!("node {leader}: {e}"))
    }

    /// The node that leads, as those that can be reached say.
    pub async fn leader(&self) -> Result<Option<u16>, String> {
        for node in NODES {
            if self.cables[node as usize].is_pulled() {
                continue;
            }
            let Ok(members) = self.members(node).await else { continue };
            let leads = |m: &Value| m["role"] == "leader" && m["state"] == "running";
            let name = members.iter().find(|m| leads(m)).and_then(|m| m["name"].as_str());
            if let Some(name) = name {
                return Ok(NODES.into_iter().find(|n| node_name(*n) == name));
            }
        }
        Ok(None)
    }

    /// Waits until another node than `old` leads; answers it.
    pub async fn new_leader(&self, old: u16, within: Duration) -> Result<u16, String> {
        let until = Instant::now() + within;
        loop {
            if let Some(leader) = self.leader().await?.filter(|l| *l != old) {
                return Ok(leader);
            }
            if Instant::now() > until {
                return Err(format!("node {old} was not replaced within {} s", within.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until one node leads and all others stream, one of them waited for by commits.
    pub async fn whole(&self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            let members = self.members(NODES.start).await.unwrap_or_default();
            let streaming = members.iter().filter(|m| m["state"] == "streaming").count();
            let synchronous =
                members.iter().any(|m| m["role"] == "sync_standby" || m["role"] == "quorum_standby");
            if self.leader().await?.is_some() && streaming == NODES.len() - 1 && synchronous {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the cluster is not whole: {}", Value::from(members)));
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Ends a node at once: Patroni and its Postgres.
    pub async fn kill(&self, node: u16, supervisor: &Supervisor) -> Result<(), String> {
        let fence = Fence::around(&self.database(node));
        supervisor.kill(&node_name(node)).await;
        fence.close(Duration::from_secs(5)).await
    }

    /// Starts a node that was killed.
    pub fn revive(&self, node: u16, supervisor: &Supervisor) -> Result<(), String> {
        supervisor.start(self.unit(node)?, PHASE)
    }

    /// Nobody reaches the node and it reaches nobody.
    pub fn pull(&self, node: u16) {
        self.cables[node as usize].pull();
    }

    pub fn plug_in(&self, node: u16) {
        self.cables[node as usize].plug_in();
    }

    /// Hands the lead over as planned; Patroni picks the standby that has everything.
    pub async fn switch_over(&self, leader: u16) -> Result<(), String> {
        let url = format!("http://127.0.0.1:{}/switchover", self.ports.patroni(leader));
        let request = self.http.post(url).json(&json!({ "leader": node_name(leader) }));
        let answer = request.send().await.map_err(|e| format!("node {leader} does not answer: {e}"))?;
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        if status.is_success() { Ok(()) } else { Err(format!("switch-over refused: {status} {text}")) }
    }

    async fn members(&self, ask: u16) -> Result<Vec<Value>, String> {
        let url = format!("http://127.0.0.1:{}/cluster", self.ports.patroni(ask));
        let answer = self.http.get(url).send().await.map_err(|e| e.to_string())?;
        let cluster: Value = answer.json().await.map_err(|e| e.to_string())?;
        Ok(cluster["members"].as_array().cloned().unwrap_or_default())
    }

    /// Everything of one node.
    fn dir(&self, node: u16) -> PathBuf {
        self.data.join(node_name(node))
    }

    /// Where its Postgres works.
    fn database(&self, node: u16) -> PathBuf {
        self.dir(node).join("data")
    }

    fn etcd(&self) -> Result<Unit, String> {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let (client, peer) = (url(self.ports.etcd()), url(self.ports.etcd_peer()));
        let mut unit = Unit::new("etcd", "etcd", xtask_programs::path("etcd")?, self.logs.log_file("etcd"));
        unit.args = [
            "--name=drill",
            &format!("--data-dir={}", self.data.join("etcd").display()),
            &format!("--listen-client-urls={client}"),
            &format!("--advertise-client-urls={client}"),
            &format!("--listen-peer-urls={peer}"),
            &format!("--initial-advertise-peer-urls={peer}"),
            &format!("--initial-cluster=drill={peer}"),
        ]
        .map(str::to_owned)
        .to_vec();
        unit.probe = Probe::http(format!("{client}/health"));
        Ok(unit)
    }

    fn unit(&self, node: u16) -> Result<Unit, String> {
        let (name, dir) = (node_name(node), self.dir(node));
        std::fs::create_dir_all(&dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
        let file = dir.join("patroni.json");
        // YAML takes JSON as it is.
        let text = self.configuration(node)?.to_string();
        let _ = std::fs::remove_file(&file);
        secrets::write_new(&file, text.as_bytes())?;
        // Patroni refuses to run as root for the same reason as Postgres, which it starts.
        let (program, mut args) = binaries::as_user(&self.program, &dir)?;
        args.push(file.display().to_string());
        let mut unit = Unit::new(&name, "patroni", program, self.logs.log_file(&name));
        unit.args = args;
        unit.env = vec![("LC_ALL".to_owned(), "C".to_owned())];
        let rest = format!("http://127.0.0.1:{}", self.ports.patroni(node));
        unit.probe = Probe::Http { ready: format!("{rest}/health"), live: format!("{rest}/liveness") };
        unit.ready_within = Duration::from_mins(2);
        unit.stop_within = Duration::from_secs(30);
        Ok(unit)
    }

    fn configuration(&self, node: u16) -> Result<Value, String> {
        let loopback = |port: u16| format!("127.0.0.1:{port}");
        Ok(json!({
            "scope": "shop",
            "name": node_name(node),
            "log": { "level": "INFO" },
            "restapi": {
                "listen": loopback(self.ports.patroni(node)),
                "connect_address": loopback(self.ports.patroni_cable(node)),
            },
            // As a proxy, so that the node never learns a way around its cable.
            "etcd3": { "hosts": [loopback(self.ports.etcd_cable(node))], "use_proxies": true },
            "bootstrap": {
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 4,
                    "retry_timeout": 4,
                    "primary_start_timeout": 0,
                    "synchronous_mode": true,
                    "postgresql": {
                        "use_pg_rewind": true,
                        "use_slots": true,
                        "parameters": {
                            "max_connections": 160,
                            "shared_buffers": "32MB",
                            "max_wal_size": "256MB",
                            "wal_log_hints": "on",
                            "password_encryption": "scram-sha-256",
                        },
                    },
                },
                "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, "no-sync"],
            },
            "postgresql": {
                "listen": loopback(self.ports.postgres(node)),
                "connect_address": loopback(self.ports.postgres_cable(node)),
                "data_dir": self.database(node),
                "bin_dir": binaries::find_binaries()?,
                "pgpass": self.dir(node).join("pgpass"),
                "authentication": {
                    "superuser": { "username": SUPERUSER, "password": self.superuser_password },
                    "replication": { "username": "replication", "password": self.replication_password },
                },
                // Over loopback only: a socket would be a way around the cable.
                "parameters": { "unix_socket_directories": "" },
                "pg_hba": [
                    format!("host all {SUPERUSER} 127.0.0.1/32 scram-sha-256"),
                    "host replication replication 127.0.0.1/32 scram-sha-256",
                    "host sameuser all 127.0.0.1/32 scram-sha-256",
                ],
            },
        }))
    }
}

fn node_name(node: u16) -> String {
    format!("node-{}", node + 1)
}
