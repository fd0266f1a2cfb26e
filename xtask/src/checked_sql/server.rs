//! A Postgres of its own for as long as queries are checked.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::platform::postgres::binaries;

const START_WITHIN: Duration = Duration::from_secs(30);

/// A running server without a password, on a socket that only its owner reaches. Dropping it removes all.
pub struct Server {
    directory: PathBuf,
    process: Option<Child>,
}

impl Server {
    pub async fn start() -> Result<Self, String> {
        // A short path: that of a socket may have 107 bytes.
        let directory = std::env::temp_dir().join(format!("qd-sql-{}", std::process::id()));
        let made = fs::DirBuilder::new().mode(0o700).create(&directory);
        made.map_err(|e| format!("cannot create {}: {e}", directory.display()))?;
        let mut server = Self { directory, process: None };
        server.process = Some(server.launch()?);
        server.wait().await?;
        Ok(server)
    }

    /// Where things may be put that go with the server.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes an empty database. Answers its URL.
    pub async fn create_database(&self, name: &str) -> Result<String, String> {
        let fail = |e: sqlx::Error| format!("cannot make database {name}: {e}");
        let mut admin = PgConnection::connect(&self.url("postgres")).await.map_err(fail)?;
        let statement = format!("CREATE DATABASE \"{name}\"");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.map_err(fail)?;
        admin.close().await.map_err(fail)?;
        Ok(self.url(name))
    }

    fn launch(&self) -> Result<Child, String> {
        let programs = binaries::find_binaries()?;
        let data = self.directory.join("data").display().to_string();
        let arguments = ["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", &data];
        binaries::run(&programs.join("initdb"), &self.directory, &arguments)?;
        let log = fs::File::create(self.log()).map_err(|e| format!("{}: {e}", self.log().display()))?;
        let (program, before) = binaries::as_user(&programs.join("postgres"), &self.directory)?;
        Command::new(program)
            .args(before)
            .args(["-D", &data, "-k", &self.directory.display().to_string()])
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "autovacuum=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("cannot start postgres: {e}"))
    }

    async fn wait(&self) -> Result<(), String> {
        let deadline = Instant::now() + START_WITHIN;
        while let Err(error) = PgConnection::connect(&self.url("postgres")).await {
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                return Err(format!("postgres does not come up: {error}\n{log}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn url(&self, database: &str) -> String {
        let socket = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://app@{socket}:5432/{database}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
            }
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
