//! pgbench with the statements of an order: one process a database, all at a time, on the Postgres that the services use.

use std::process::Stdio;
use std::time::Instant;

use tokio::process::Command;

use super::{record::Recording, stage::Stage};
use crate::platform::{layout::Layout, secrets};

/// Orders' worth of statements in each database.
const ORDERS: u32 = 4_000;
const SESSIONS: u32 = 8;

/// What pgbench reached.
#[derive(Debug)]
pub struct Reached {
    /// Orders' worth of statements a second, over all databases.
    pub per_second: f64,
    pub parts: Vec<Part>,
}

/// One database's share.
#[derive(Debug)]
pub struct Part {
    pub database: String,
    pub statements: usize,
    pub per_second: f64,
}

/// Replays a recording [`ORDERS`] times.
pub async fn run(stage: &Stage, recording: &Recording) -> Result<Reached, String> {
    let mut runs = Vec::new();
    let started = Instant::now();
    for database in recording.databases() {
        let script = stage.layout.data.join(format!("{database}.pgbench"));
        std::fs::write(&script, recording.script(database))
            .map_err(|e| format!("cannot write {}: {e}", script.display()))?;
        runs.push(one(&stage.layout, database.to_owned(), script));
    }
    let mut parts = Vec::new();
    for run in futures(runs).await {
        let (database, per_second) = run?;
        parts.push(Part { statements: recording.statements(&database), database, per_second });
    }
    let per_second = f64::from(ORDERS) / started.elapsed().as_secs_f64();
    Ok(Reached { per_second, parts })
}

/// All at a time.
async fn futures<T: Send + 'static>(work: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        if let Ok(value) = task.await {
            done.push(value);
        }
    }
    done
}

fn one(
    layout: &Layout,
    database: String,
    script: std::path::PathBuf,
) -> impl Future<Output = Result<(String, f64), String>> + Send + 'static {
    let sockets = layout.sockets.clone();
    let password = secrets::read(layout, &secrets::database_password(&database));
    async move {
        let output = Command::new(xtask_programs::path("pgbench")?)
            .args(["-n", "-M", "simple", "-D", "ready=0", "-j", "1"])
            .arg(format!("-c{SESSIONS}"))
            .arg(format!("-t{}", ORDERS / SESSIONS))
            .arg("-h")
            .arg(sockets)
            .args(["-p", &Layout::POSTGRES_PORTS[0].to_string(), "-U", &database, "-f"])
            .arg(script)
            .arg(&database)
            .env("PGPASSWORD", password?)
            .stderr(Stdio::piped())
            .output()
            .await
            .map_err(|e| format!("cannot run pgbench: {e}"))?;
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() || errors.contains("ERROR") {
            return Err(format!("pgbench in {database}:\n{errors}"));
        }
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        Ok((database, tps.ok_or_else(|| format!("pgbench printed no figure:\n{text}"))?))
    }
}
