//! One Postgres server: its directory, settings, access rules and process.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::{binaries, socket};
use crate::platform::{
    archive::{Archive, Server},
    layout::Layout,
    probe::Probe,
    process::Unit,
    secrets,
};

/// The superuser, known to the supervisor only.
pub const SUPERUSER: &str = "app";
const REPLICATION_ROLE: &str = "replication";
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// One of the two servers. Both are alike; who leads is in the cluster's state.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: &'static str,
    pub port: u16,
    pub dir: PathBuf,
    sockets: PathBuf,
    log: PathBuf,
    superuser_password: String,
    replication_password: String,
    /// What it does with its log where there is an archive.
    archiving: String,
}

impl Node {
    /// Both nodes, by their place.
    pub fn pair(layout: &Layout) -> Result<[Self; 2], String> {
        let archive = Archive::of(layout)?;
        let node = |name: &'static str, port| {
            let dir = layout.data.join(name);
            Ok::<_, String>(Self {
                name,
                port,
                archiving: archive.as_ref().map(|archive| archive.settings(&dir)).unwrap_or_default(),
                dir,
                sockets: layout.sockets.clone(),
                log: layout.log_file(name),
                superuser_password: secrets::read(layout, secrets::POSTGRES_SUPERUSER)?,
                replication_password: secrets::read(layout, secrets::POSTGRES_REPLICATION)?,
            })
        };
        let [first, second] = Layout::POSTGRES_PORTS;
        Ok([node("postgres-1", first)?, node("postgres-2", second)?])
    }

    /// Whether there is a server's directory.
    pub fn exists(&self) -> bool {
        self.dir.join("PG_VERSION").is_file()
    }

    /// Makes an empty server.
    pub fn init(&self) -> Result<(), String> {
        let fresh = self.fresh()?;
        println!("  making a database cluster (first start only)");
        let password = self.dir.with_extension("password");
        let _ = std::fs::remove_file(&password);
        secrets::write_new(&password, self.superuser_password.as_bytes())?;
        let result = binaries::run(
            &binaries::find_binaries()?.join("initdb"),
            &fresh,
            &[
                "-D",
                &fresh.display().to_string(),
                "-U",
                SUPERUSER,
                "-A",
                "scram-sha-256",
                "--pwfile",
                &password.display().to_string(),
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        let _ = std::fs::remove_file(&password);
        result?;
        self.put_in_place(&fresh)
    }

    /// Copies another running node into this one's directory, which then follows it.
    pub fn clone_from(&self, primary: &Self) -> Result<(), String> {
        let fresh = self.fresh()?;
        binaries::run(
            &binaries::find_binaries()?.join("pg_basebackup"),
            &fresh,
            &[
                "-d",
                &primary.conninfo(REPLICATION_ROLE, &primary.replication_password),
                "-D",
                &fresh.display().to_string(),
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
                "-C",
                "-S",
                &self.slot(),
            ],
        )?;
        // The copy brings what was set on the primary while it ran, its list of standbys for one.
        let own = fresh.join("postgresql.auto.conf");
        std::fs::write(&own, "").map_err(|e| format!("cannot empty {}: {e}", own.display()))?;
        // Before it stands in its place, so that it never looks like a primary.
        write_signal(&fresh)?;
        self.put_in_place(&fresh)
    }

    /// From its next start on the node follows the other one.
    pub fn follow(&self) -> Result<(), String> {
        write_signal(&self.dir)
    }

    /// New sessions of the services come to this node from now on. It must take writes.
    pub fn lead(&self) -> Result<(), String> {
        socket::point(&self.sockets, self.port)
    }

    /// Whether the directory is a standby's, or one that is being restored: its server does not take writes by itself.
    pub fn is_standby(&self) -> bool {
        ["standby.signal", "recovery.signal"].iter().any(|signal| self.dir.join(signal).is_file())
    }

    /// A superuser's way to this node, whoever leads.
    pub fn url(&self, database: &str) -> String {
        let socket = self.sockets.to_string_lossy().replace('/', "%2F");
        format!("postgres://{SUPERUSER}:{}@{socket}:{}/{database}", self.superuser_password, self.port)
    }

    /// How its server is reached for a backup.
    pub fn server(&self) -> Server {
        Server {
            options: vec![
                format!("--pg1-socket-path={}", self.sockets.display()),
                format!("--pg1-port={}", self.port),
                format!("--pg1-user={SUPERUSER}"),
            ],
            password: self.superuser_password.clone(),
        }
    }

    /// Writes settings and access rules in files of ours, so that a changed default reaches an existing server.
    pub fn configure(&self, other: &Self) -> Result<(), String> {
        let fail =
            |e: std::io::Error| format!("cannot write Postgres' settings in {}: {e}", self.dir.display());
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{sockets}'\nport = {port}\n\
             password_encryption = 'scram-sha-256'\nhba_file = '{access}'\n\
             wal_level = replica\nmax_wal_senders = 6\nmax_replication_slots = 6\nmax_slot_wal_keep_size = 512MB\n\
             hot_standby = on\nprimary_conninfo = '{primary}'\nprimary_slot_name = '{slot}'\n\
             wal_sender_timeout = 5s\nwal_receiver_timeout = 5s\nwal_receiver_status_interval = 1s\n\
             max_connections = 160\nshared_buffers = 48MB\nmax_wal_size = 256MB\ncheckpoint_timeout = 5min\n\
             log_min_messages = warning\n{archiving}",
            archiving = self.archiving,
            access = self.dir.join("quarterdeck_hba.conf").display(),
            sockets = self.sockets.display(),
            port = self.port,
            primary = format!(
                "{} application_name={}",
                other.conninfo(REPLICATION_ROLE, &self.replication_password),
                self.name
            )
            .replace('\'', "''"),
            slot = self.slot(),
        );
        std::fs::write(self.dir.join("quarterdeck.conf"), settings).map_err(fail)?;
        // Everybody shows a password, each role for the one database that bears its name.
        let access = format!(
            "local all {SUPERUSER} scram-sha-256\nlocal replication {REPLICATION_ROLE} scram-sha-256\n\
             local sameuser all scram-sha-256\n"
        );
        std::fs::write(self.dir.join("quarterdeck_hba.conf"), access).map_err(fail)?;
        let main = self.dir.join("postgresql.conf");
        let text = std::fs::read_to_string(&main).map_err(fail)?;
        if !text.contains("include_if_exists = 'quarterdeck.conf'") {
            std::fs::write(&main, format!("{text}\ninclude_if_exists = 'quarterdeck.conf'\n"))
                .map_err(fail)?;
        }
        Ok(())
    }

    /// Its process.
    pub fn unit(&self) -> Result<Unit, String> {
        let bin = binaries::find_binaries()?;
        let (program, mut args) = binaries::as_user(&bin.join("postgres"), &self.dir)?;
        args.extend(["-D".to_owned(), self.dir.display().to_string()]);
        let mut unit = Unit::new(self.name, "postgres", program, self.log.clone());
        unit.args = args;
        unit.env = vec![("LC_ALL".to_owned(), "C".to_owned())];
        unit.probe = Probe::Postgres { bin, sockets: self.sockets.clone(), port: self.port };
        unit.address = format!("{}:{}", self.sockets.display(), self.port);
        // INT is a fast shutdown: sessions end, nothing is lost.
        unit.stop_signal = Signal::INT;
        unit.stop_within = Duration::from_secs(8);
        Ok(unit)
    }

    /// A connection as superuser.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        use sqlx::{ConnectOptions as _, Connection as _};
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(self.port)
            .username(SUPERUSER)
            .password(&self.superuser_password)
            .database(database)
            .application_name("supervisor")
            // What the supervisor writes must not wait for a standby that it is about to start.
            .options([("statement_timeout", "5s"), ("synchronous_commit", "local")])
            .disable_statement_logging();
        match tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(&options)).await {
            Ok(result) => result,
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// The statement that makes the role with which standbys stream.
    pub fn replication_role(&self) -> (&'static str, &str) {
        (REPLICATION_ROLE, &self.replication_password)
    }

    /// Its replication slot on the other node.
    pub fn slot(&self) -> String {
        self.name.replace('-', "_")
    }

    fn conninfo(&self, role: &str, password: &str) -> String {
        format!("host={} port={} user={role} password={password}", self.sockets.display(), self.port)
    }

    /// Where a new directory is made: one that was cut off half-way is never taken for a whole one.
    fn fresh(&self) -> Result<PathBuf, String> {
        let fresh = self.dir.with_extension("new");
        make_empty(&fresh)?;
        Ok(fresh)
    }

    /// An empty directory in its place, for a program that writes a server into it.
    pub fn make_room(&self) -> Result<(), String> {
        make_empty(&self.dir)
    }

    fn put_in_place(&self, fresh: &Path) -> Result<(), String> {
        remove(&self.dir)?;
        std::fs::rename(fresh, &self.dir)
            .map_err(|e| format!("cannot put {} in place: {e}", self.dir.display()))
    }
}

fn make_empty(dir: &Path) -> Result<(), String> {
    remove(dir)?;
    // Postgres starts in no directory that others may read, and pg_basebackup leaves the mode as it finds it.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| format!("cannot make {}: {e}", dir.display()))
}

fn write_signal(dir: &Path) -> Result<(), String> {
    let signal = dir.join("standby.signal");
    std::fs::write(&signal, "").map_err(|e| format!("cannot write {}: {e}", signal.display()))
}

fn remove(dir: &Path) -> Result<(), String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_directory_is_nobody_elses_as_postgres_demands() {
        let dir = std::env::temp_dir().join(format!("qd-node-{}", std::process::id()));
        let node = Node {
            name: "postgres-2",
            port: 5433,
            dir: dir.join("postgres-2"),
            sockets: dir.clone(),
            log: dir.join("log"),
            superuser_password: String::new(),
            replication_password: String::new(),
            archiving: String::new(),
        };
        let fresh = node.fresh().unwrap();
        assert_eq!(fresh.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
