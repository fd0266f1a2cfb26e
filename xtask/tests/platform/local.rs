//! A platform of its own for the tests: own data, own ports, a capture server in Slack's place.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{Failure, Outcome, slack::SlackCapture};

/// Variable, the usual port, and where it is in a block of ports that `QD_E2E_PORTS` names the first of.
struct Port(&'static str, u16, u16);

const EDGE: Port = Port("QD_EDGE_PORT", 18080, 80);
const CONSOLE: Port = Port("QD_CONSOLE_PORT", 18090, 90);
const OTLP_GRPC: Port = Port("QD_OTLP_GRPC_PORT", 14317, 17);
const OTLP_HTTP: Port = Port("QD_OTLP_HTTP_PORT", 14318, 18);
const TRAFFIC: Port = Port("QD_TRAFFIC_PORT", 16565, 65);
const SUPERVISOR: Port = Port("QD_SUPERVISOR_PORT", 17090, 70);
/// The first of many.
const SERVICES: Port = Port("QD_SERVICES_PORT", 17100, 100);

pub struct Platform {
    supervisor: tokio::sync::Mutex<Child>,
    pub slack: SlackCapture,
    pub http: reqwest::Client,
    pub data: PathBuf,
}

/// The checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the checkout exists")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |d| root().join(d))
}

/// The first port of the block, when two runs on one machine must not meet.
fn block() -> Option<u16> {
    std::env::var("QD_E2E_PORTS").ok().and_then(|first| first.parse().ok())
}

fn data_dir() -> PathBuf {
    root().join(block().map_or_else(|| ".data-e2e".to_owned(), |first| format!(".data-e2e-{first}")))
}

impl Port {
    fn number(&self) -> u16 {
        block().map_or(self.1, |first| first + self.2)
    }
}

/// Where this platform takes OTLP over HTTP.
pub fn otlp_http_port() -> u16 {
    OTLP_HTTP.number()
}

/// Where screenshots of the pages go: never into the repository.
pub fn screenshots() -> PathBuf {
    target().join("screenshots")
}

/// All programs and the client are there.
pub fn programs_are_built() -> Result<(), String> {
    let target = target();
    let needed = ["debug/quarterdeck", "debug/shop-orders", "debug/shop-storefront", "site/manifest.json"];
    match needed.iter().find(|n| !target.join(n).exists()) {
        Some(missing) => Err(format!("{} is not built", target.join(missing).display())),
        None => Ok(()),
    }
}

impl Platform {
    /// Starts everything on fresh data and waits for "all healthy".
    pub async fn start() -> Result<Self, Failure> {
        let data = data_dir();
        let slack = SlackCapture::listen().await?;
        let down = xtask_command(&data).arg("down").output().await?;
        println!("platform: {}", String::from_utf8_lossy(&down.stdout).trim());
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        std::fs::create_dir_all(&data)?;
        let hook = data.join("slack-webhook-url");
        std::fs::write(&hook, slack.url())?;
        let mut supervisor = xtask_command(&data)
            .arg("up")
            .env("SLACK_WEBHOOK_URL_FILE", &hook)
            .env("DEMO", "traffic")
            .stdout(Stdio::piped())
            .kill_on_drop(false)
            .spawn()?;
        let stdout = supervisor.stdout.take().ok_or("the supervisor has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let healthy = tokio::time::timeout(Duration::from_mins(2), async {
            while let Some(line) = lines.next_line().await? {
                println!("platform: {line}");
                if line.contains("make status") {
                    return Ok::<bool, std::io::Error>(true);
                }
            }
            Ok(false)
        })
        .await;
        // Whatever it says later is shown too, and its pipe never fills.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                println!("platform: {line}");
            }
        });
        if !matches!(healthy, Ok(Ok(true))) {
            let _ = xtask_command(&data).arg("down").output().await;
            return Err("not healthy within two minutes".into());
        }
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).no_proxy().build()?;
        Ok(Self { supervisor: tokio::sync::Mutex::new(supervisor), slack, http, data })
    }

    /// A command of `xtask` against this platform.
    pub async fn xtask(&self, args: &[&str]) -> Result<String, Failure> {
        let output = xtask_command(&self.data).args(args).output().await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("xtask {args:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
    }

    pub fn shop(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", EDGE.number())
    }

    pub fn console(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", CONSOLE.number())
    }

    pub fn secret(&self, name: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(self.data.join("secrets").join(name))?.trim().to_owned())
    }

    /// GET on the console's query APIs, as JSON.
    pub async fn query(&self, path: &str) -> Result<Value, Failure> {
        let token = self.secret("telemetry-read-token")?;
        let response = self.http.get(self.console(path)).bearer_auth(token).send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            return Err(format!("{path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// One statement on a service's database, as superuser, on whichever node takes writes.
    pub async fn sql(&self, database: &str, statement: &str) -> Result<String, Failure> {
        let status = self.xtask(&["status"]).await?;
        let nodes =
            status.lines().filter(|l| l.starts_with("postgres-")).filter_map(|l| l.split_whitespace().nth(7));
        let (hosts, ports): (Vec<&str>, Vec<&str>) = nodes.filter_map(|a| a.rsplit_once(':')).unzip();
        let conninfo = format!(
            "host={} port={} user=app dbname={database} target_session_attrs=read-write",
            hosts.join(","),
            ports.join(",")
        );
        let output = Command::new(xtask_programs::path("psql")?)
            .args([&conninfo, "-qtAc", statement])
            .env("PGPASSWORD", self.secret("postgres-superuser")?)
            .env("PGCONNECT_TIMEOUT", "5")
            .output()
            .await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(format!("{statement}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// `name -> (state, pid)` of every process.
    pub async fn processes(&self) -> Result<Vec<(String, String, u32)>, Failure> {
        let status = self.xtask(&["status"]).await?;
        let rows = status.lines().skip(1).filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let pid = fields.get(2)?.parse().unwrap_or_default();
            (fields.len() > 6).then(|| (fields[0].to_owned(), fields[1].to_owned(), pid))
        });
        Ok(rows.collect())
    }

    /// Prints the table of processes: the memory is a figure that the README names.
    pub async fn print_memory(&self) {
        if let Ok(table) = self.xtask(&["status"]).await {
            println!("{table}");
        }
    }

    /// Stops everything as a user would, and sees that the supervisor ends.
    pub async fn stop(&self) -> Outcome {
        self.xtask(&["down"]).await?;
        let mut supervisor = self.supervisor.lock().await;
        let ended = tokio::time::timeout(Duration::from_secs(30), supervisor.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            other => Err(format!("the supervisor did not end well: {other:?}").into()),
        }
    }
}

/// Asks again until the answer is `Some` or the time is over.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut ask: F) -> Result<T, Failure>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>, Failure>>,
{
    let until = Instant::now() + within;
    let mut last = String::new();
    loop {
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(e) => last = format!(" (last error: {e})"),
        }
        if Instant::now() > until {
            return Err(format!("{what}: not within {} s{last}", within.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn xtask_command(data: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.current_dir(root()).env("QD_DATA", data);
    for port in [EDGE, CONSOLE, OTLP_GRPC, OTLP_HTTP, TRAFFIC, SERVICES, SUPERVISOR] {
        command.env(port.0, port.number().to_string());
    }
    command
}
