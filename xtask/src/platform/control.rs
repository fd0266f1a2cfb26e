//! The supervisor's socket: one JSON line in, one JSON line out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    layout::Layout,
    slowdown::Row,
    supervisor::{Supervisor, UnitStatus},
};

/// Longest request line. The socket is the user's own, but a bound costs nothing.
const MAX_REQUEST_BYTES: u64 = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    Status,
    Deploy {
        service: String,
    },
    Stop,
    /// Faults of processes that are not services.
    Faults,
    Fault {
        name: String,
        seconds: u64,
        ratio: f64,
    },
    FaultOff {
        name: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    Status { units: Vec<UnitStatus> },
    Faults { rows: Vec<Row> },
    Done { message: String },
    Failed { message: String },
}

/// Whether a supervisor answers for this data directory.
pub async fn is_running(layout: &Layout) -> bool {
    UnixStream::connect(layout.control_socket()).await.is_ok()
}

/// Asks the running supervisor. A refusal becomes the error.
pub async fn call(layout: &Layout, request: &Request) -> Result<Reply, String> {
    let stream = UnixStream::connect(layout.control_socket())
        .await
        .map_err(|_| "Quarterdeck is not running here: start it with `make up`".to_owned())?;
    let fail = |e: std::io::Error| format!("the supervisor does not answer: {e}");
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(request).map_err(|e| format!("cannot write the request: {e}"))?;
    line.push('\n');
    write.write_all(line.as_bytes()).await.map_err(fail)?;
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_mins(3), BufReader::new(read).read_line(&mut answer))
        .await
        .map_err(|_| "the supervisor did not answer within three minutes".to_owned())?
        .map_err(fail)?;
    match serde_json::from_str(&answer)
        .map_err(|e| format!("the supervisor's answer is not understood: {e}"))?
    {
        Reply::Failed { message } => Err(message),
        reply => Ok(reply),
    }
}

/// Listens until aborted.
pub fn serve(
    layout: &Layout,
    supervisor: Supervisor,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, String> {
    let socket = layout.control_socket();
    let _ = std::fs::remove_file(&socket);
    let listener =
        UnixListener::bind(&socket).map_err(|e| format!("cannot listen on {}: {e}", socket.display()))?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, supervisor.clone(), stop.clone()));
        }
    }))
}

async fn answer(stream: UnixStream, supervisor: Supervisor, stop: CancellationToken) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    if BufReader::new(read.take(MAX_REQUEST_BYTES)).read_line(&mut line).await.is_err() || line.is_empty() {
        return;
    }
    let reply = match serde_json::from_str(&line) {
        Ok(Request::Status) => Reply::Status { units: supervisor.status().await },
        Ok(Request::Deploy { service }) => match supervisor.deploy(&service).await {
            Ok(message) => Reply::Done { message },
            Err(message) => Reply::Failed { message },
        },
        Ok(Request::Faults) => Reply::Faults { rows: supervisor.slowdowns().rows() },
        Ok(Request::Fault { name, seconds, ratio }) => {
            done(supervisor.slowdowns().switch_on(&supervisor, &name, seconds, ratio))
        }
        Ok(Request::FaultOff { name }) => done(supervisor.slowdowns().switch_off(&name)),
        Ok(Request::Stop) => {
            stop.cancel();
            Reply::Done { message: "stopping".to_owned() }
        }
        Err(e) => Reply::Failed { message: format!("request not understood: {e}") },
    };
    if let Ok(mut text) = serde_json::to_string(&reply) {
        text.push('\n');
        let _ = write.write_all(text.as_bytes()).await;
    }
}

fn done(result: Result<(), String>) -> Reply {
    match result {
        Ok(()) => Reply::Done { message: "done".to_owned() },
        Err(message) => Reply::Failed { message },
    }
}
