//! How a process is seen from outside: does it answer at all, and should it get traffic.
//!
//! The two are different questions. A service whose database is away is alive and not ready: to replace it would only
//! cost its connections and what it has in hand.

use std::path::{Path, PathBuf};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

/// Where to look.
#[derive(Clone, Debug)]
pub enum Probe {
    /// Ready when `ready` answers with success, alive when `live` does.
    Http { ready: String, live: String },
    /// A redis server behind this socket. While it loads its data it is alive and not ready.
    Redis(PathBuf),
    /// `pg_isready` in this directory, for this socket directory and port. A server in recovery refuses: it is alive.
    Postgres { bin: PathBuf, sockets: PathBuf, port: u16 },
    /// Running is enough.
    Running,
}

/// What one look told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No answer: hung, or still starting.
    Nothing,
    /// Answers, and wants no traffic now.
    Alive,
    Ready,
}

impl Probe {
    /// Ready and alive by one page.
    pub fn http(url: String) -> Self {
        Self::Http { ready: url.clone(), live: url }
    }

    /// One look. The caller bounds its time through the client and by `tokio::time::timeout`.
    pub async fn look(&self, http: &reqwest::Client) -> Seen {
        match self {
            Self::Http { ready, live } => {
                if succeeds(http, ready).await {
                    Seen::Ready
                } else if succeeds(http, live).await {
                    Seen::Alive
                } else {
                    Seen::Nothing
                }
            }
            Self::Redis(socket) => redis_answer(socket).await,
            Self::Postgres { bin, sockets, port } => postgres_answer(bin, sockets, *port).await,
            Self::Running => Seen::Ready,
        }
    }
}

async fn succeeds(http: &reqwest::Client, url: &str) -> bool {
    http.get(url).send().await.is_ok_and(|r| r.status().is_success())
}

async fn redis_answer(socket: &Path) -> Seen {
    let Ok(mut stream) = UnixStream::connect(socket).await else { return Seen::Nothing };
    let mut answer = [0u8; 7];
    if stream.write_all(b"PING\r\n").await.is_err() || stream.read_exact(&mut answer).await.is_err() {
        return Seen::Nothing;
    }
    if &answer == b"+PONG\r\n" { Seen::Ready } else { Seen::Alive }
}

/// `pg_isready` ends with 0 when connections are taken, 1 when they are refused (starting, recovering), 2 without answer.
async fn postgres_answer(bin: &Path, sockets: &Path, port: u16) -> Seen {
    let status = tokio::process::Command::new(bin.join("pg_isready"))
        .args(["-q", "-t", "1", "-h"])
        .arg(sockets)
        .args(["-p", &port.to_string()])
        .status()
        .await;
    match status.ok().and_then(|s| s.code()) {
        Some(0) => Seen::Ready,
        Some(1) => Seen::Alive,
        _ => Seen::Nothing,
    }
}
