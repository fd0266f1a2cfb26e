//! The continuous archive of Postgres: base backups and every segment of its log in an object store, through pgBackRest.
//!
//! A platform has one where `archive/pgbackrest.conf` lies in its data directory: its nodes then archive as soon as they
//! take writes. The store is not the platform's: it outlives it, and another region restores from it.

pub mod command;
pub mod object_store;
pub mod plan;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sqlx::types::chrono::{DateTime, Utc};

use self::{
    command::STANZA,
    object_store::ObjectStore,
    plan::{Plan, Timeline},
};
use super::{layout::Layout, postgres::binaries, secrets};

/// How pgBackRest reaches a server that runs.
pub struct Server {
    pub options: Vec<String>,
    pub password: String,
}

/// The archive of one platform.
pub struct Archive {
    program: PathBuf,
    file: PathBuf,
}

impl Archive {
    /// The archive of a platform that has one.
    pub fn of(layout: &Layout) -> Result<Option<Self>, String> {
        let file = layout.data.join("archive/pgbackrest.conf");
        if file.is_file() {
            Ok(Some(Self { program: xtask_programs::path("pgbackrest")?, file }))
        } else {
            Ok(None)
        }
    }

    /// Gives a platform the archive that lies in this store.
    pub fn lay(layout: &Layout, store: &ObjectStore) -> Result<Self, String> {
        let dir = layout.data.join("archive");
        let fail = |e: std::io::Error| format!("cannot prepare {}: {e}", dir.display());
        for sub in ["lock", "log", "spool"] {
            std::fs::create_dir_all(dir.join(sub)).map_err(fail)?;
        }
        secrets::write(&dir.join("pgbackrest.conf"), command::configuration(&dir, store).as_bytes())?;
        Self::of(layout)?.ok_or_else(|| format!("{} has no archive", layout.data.display()))
    }

    /// The settings with which a node archives, and fetches what it lacks.
    pub fn settings(&self, node: &Path) -> String {
        let command = |does: &str| {
            let words = [&self.program.display().to_string(), &self.option(), &at(node), &stanza()];
            let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("{} {does}", words.join(" ")).replace('\'', "''")
        };
        format!(
            "archive_mode = on\narchive_timeout = {}s\narchive_command = '{}'\nrestore_command = '{}'\n\
             wal_retrieve_retry_interval = 1s\n",
            command::TIMEOUT.as_secs(),
            command("archive-push %p"),
            command("archive-get %f \"%p\""),
        )
    }

    /// Prepares the store for this cluster; the node takes writes.
    pub fn begin(&self, node: &Path, server: &Server) -> Result<(), String> {
        self.run(Some(node), Some(server), &command::CREATE).map(|_| ())
    }

    /// A base backup of the node, which goes on working.
    pub fn backup(&self, node: &Path, server: &Server) -> Result<(), String> {
        self.run(Some(node), Some(server), &command::BACKUP).map(|_| ())
    }

    /// How a moment is restored: which backup, and along which timeline.
    pub fn plan(&self, moment: DateTime<Utc>) -> Result<Plan, String> {
        let sets = plan::backup_sets(&self.run(None, None, &command::BACKUPS)?)?;
        let mut timelines = vec![Timeline::first()];
        let listing = self.run(None, None, &command::FILES)?;
        for (path, began) in plan::history_files(&listing)? {
            let text = self.run(None, None, &["repo-get", &format!("archive/{STANZA}/{path}")])?;
            timelines.push(Timeline::parse(&path, began, &text)?);
        }
        plan::plan(&sets, &timelines, moment)
    }

    /// Makes the node's directory, which must be empty, what it was at a moment. Its server then stops there and waits,
    /// open to readers.
    pub fn restore_to(&self, node: &Path, plan: &Plan, moment: DateTime<Utc>) -> Result<(), String> {
        let words = command::restore_to(plan, moment);
        self.run(Some(node), None, &words.iter().map(String::as_str).collect::<Vec<_>>()).map(|_| ())
    }

    /// Makes the node's directory, which must be empty, a replica that follows the archive.
    pub fn restore_replica(&self, node: &Path) -> Result<(), String> {
        self.run(Some(node), None, &command::RESTORE_REPLICA).map(|_| ())
    }

    fn option(&self) -> String {
        format!("--config={}", self.file.display())
    }

    /// Runs pgBackRest as the user that Postgres is, and says what is run.
    fn run(&self, node: Option<&Path>, server: Option<&Server>, words: &[&str]) -> Result<String, String> {
        println!("  $ pgbackrest --stanza={STANZA} {}", words.join(" "));
        let (program, before) = binaries::as_user(&self.program, node.unwrap_or(&self.dir()))?;
        let output = Command::new(program)
            .args(before)
            .args([self.option(), stanza()])
            .args(node.map(at))
            .args(server.into_iter().flat_map(|s| &s.options))
            .args(words)
            .envs(server.map(|s| ("PGPASSWORD", &s.password)))
            .env("LC_ALL", "C")
            .output()
            .map_err(|e| format!("cannot run pgbackrest: {e}"))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            return Ok(said(&output.stdout));
        }
        // Its errors go to either.
        let why = [said(&output.stderr), said(&output.stdout)].join("\n");
        Err(format!("pgbackrest {}: {}", words.join(" "), why.trim()))
    }

    fn dir(&self) -> PathBuf {
        self.file.parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

fn at(node: &Path) -> String {
    format!("--pg1-path={}", node.display())
}

fn stanza() -> String {
    format!("--stanza={STANZA}")
}
