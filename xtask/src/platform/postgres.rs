//! A private Postgres primary, one database a service, and a streaming standby.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    layout::Layout,
    process::{Probe, Unit},
    supervisor::Supervisor,
};

const DATABASES: [&str; 6] = ["identity", "catalog", "inventory", "orders", "payments", "notifications"];
const PRIMARY_PORT: u16 = 5432;
const STANDBY_PORT: u16 = 5433;
const SLOT: &str = "standby1";

/// The folder with `postgres`, `initdb`, `psql`: the newest found.
pub fn find_binaries() -> Result<PathBuf, String> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for (parent, suffix) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/usr/pgsql", "bin"),
    ] {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        candidates.extend(entries.filter_map(|e| e.ok().map(|e| e.path().join(suffix))));
    }
    candidates.retain(|d| d.join("initdb").is_file() && d.join("postgres").is_file());
    candidates.sort_by_key(|d| version_of(d));
    candidates.pop().ok_or_else(|| "postgres was not found: run `make setup`".to_owned())
}

fn version_of(dir: &Path) -> u32 {
    let text = dir.to_string_lossy();
    let digits: String = text.chars().rev().skip_while(|c| !c.is_ascii_digit()).collect();
    let number: String = digits.chars().take_while(char::is_ascii_digit).collect();
    number.chars().rev().collect::<String>().parse().unwrap_or_default()
}

/// Postgres refuses to run as root. Root becomes uid 1000 in a user namespace of its own: files keep their owner, and
/// the directory may lie anywhere.
fn as_user(program: &Path) -> (PathBuf, Vec<String>) {
    if !rustix::process::geteuid().is_root() {
        return (program.to_path_buf(), Vec::new());
    }
    let args = ["--user", "--map-user=1000", "--map-group=1000", "--"].map(str::to_owned);
    let mut args = args.to_vec();
    args.push(program.display().to_string());
    (PathBuf::from("unshare"), args)
}

fn run(program: &Path, args: &[&str]) -> Result<String, String> {
    let (first, before) = as_user(program);
    let name = program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let output = Command::new(&first)
        .args(&before)
        .args(args)
        .env("LC_ALL", "C")
        .output()
        .map_err(|e| format!("cannot run {name}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Makes the primary's directory when there is none, and describes its process.
pub fn primary(layout: &Layout) -> Result<Unit, String> {
    let bin = find_binaries()?;
    let dir = layout.data.join("postgres");
    if !dir.join("PG_VERSION").is_file() {
        remove_half_made(&dir)?;
        println!("  making a database cluster (first start only)");
        let dir = dir.display().to_string();
        run(
            &bin.join("initdb"),
            &["-D", &dir, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        )?;
    }
    let settings = format!(
        "listen_addresses = ''\nunix_socket_directories = '{}'\nport = {PRIMARY_PORT}\nwal_level = replica\n\
         max_wal_senders = 5\nmax_replication_slots = 5\nmax_slot_wal_keep_size = 512MB\nhot_standby = on\n\
         max_connections = 160\nshared_buffers = 48MB\nmax_wal_size = 256MB\ncheckpoint_timeout = 5min\n\
         log_min_messages = warning\n",
        layout.sockets.display()
    );
    write_settings(&dir, &settings)?;
    Ok(unit(layout, "postgres", &bin, &dir, PRIMARY_PORT))
}

/// Settings of ours in a file of their own, so that a changed default reaches an existing cluster.
fn write_settings(dir: &Path, settings: &str) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("cannot write Postgres' settings: {e}");
    std::fs::write(dir.join("quarterdeck.conf"), settings).map_err(fail)?;
    let main = dir.join("postgresql.conf");
    let text = std::fs::read_to_string(&main).map_err(fail)?;
    if !text.contains("include_if_exists = 'quarterdeck.conf'") {
        std::fs::write(&main, format!("{text}\ninclude_if_exists = 'quarterdeck.conf'\n")).map_err(fail)?;
    }
    Ok(())
}

/// A directory without `PG_VERSION` is an initialisation that was cut off; it holds nothing.
fn remove_half_made(dir: &Path) -> Result<(), String> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))?;
    }
    Ok(())
}

fn unit(layout: &Layout, name: &str, bin: &Path, dir: &Path, port: u16) -> Unit {
    let (program, mut args) = as_user(&bin.join("postgres"));
    args.extend(["-D".to_owned(), dir.display().to_string()]);
    let mut unit = Unit::new(name, name, program, layout.log_file(name));
    unit.args = args;
    unit.env = vec![("LC_ALL".to_owned(), "C".to_owned())];
    unit.probe = Probe::Postgres { bin: bin.to_path_buf(), sockets: layout.sockets.clone(), port };
    unit.address = format!("{}:{port}", layout.sockets.display());
    // INT is Postgres' fast shutdown: sessions end, nothing is lost.
    unit.stop_signal = Signal::INT;
    unit.stop_within = Duration::from_secs(8);
    unit
}

/// Makes the databases that are missing. The primary must be ready.
pub fn create_databases(layout: &Layout) -> Result<(), String> {
    let bin = find_binaries()?;
    let sockets = layout.sockets.display().to_string();
    let list = "SELECT datname FROM pg_database";
    let present = run(&bin.join("psql"), &["-h", &sockets, "-U", "app", "-d", "postgres", "-qtAc", list])?;
    for database in DATABASES {
        if !present.lines().any(|l| l == database) {
            run(&bin.join("createdb"), &["-h", &sockets, "-U", "app", database])?;
        }
    }
    Ok(())
}

/// Starts the standby, copying the primary when there is no copy yet. A copy that can no longer follow (its slot's
/// log is gone) is made anew.
pub async fn start_standby(layout: &Layout, supervisor: &Supervisor) -> Result<(), String> {
    let bin = find_binaries()?;
    let dir = layout.data.join("standby");
    if !dir.join("PG_VERSION").is_file() || slot_is_lost(layout, &bin) {
        remove_half_made(&dir)?;
        let sockets = layout.sockets.display().to_string();
        let drop_slot = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{SLOT}' AND NOT active"
        );
        run(&bin.join("psql"), &["-h", &sockets, "-U", "app", "-d", "postgres", "-qtAc", &drop_slot])?;
        let target = dir.display().to_string();
        let basebackup = bin.join("pg_basebackup");
        tokio::task::spawn_blocking(move || {
            run(
                &basebackup,
                &[
                    "-h",
                    &sockets,
                    "-U",
                    "app",
                    "-D",
                    &target,
                    "-R",
                    "-X",
                    "stream",
                    "-C",
                    "-S",
                    SLOT,
                    "-c",
                    "fast",
                    "--no-sync",
                ],
            )
        })
        .await
        .map_err(|e| format!("copying the primary was cut off: {e}"))??;
    }
    let settings = std::fs::read_to_string(layout.data.join("postgres/quarterdeck.conf"))
        .map_err(|e| format!("cannot read the primary's settings: {e}"))?
        .replace(&format!("port = {PRIMARY_PORT}"), &format!("port = {STANDBY_PORT}"));
    write_settings(&dir, &settings)?;
    supervisor.start(unit(layout, "postgres-standby", &bin, &dir, STANDBY_PORT), 1)?;
    supervisor.wait_ready("postgres-standby").await
}

fn slot_is_lost(layout: &Layout, bin: &Path) -> bool {
    let sockets = layout.sockets.display().to_string();
    let query = format!("SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    let status = run(&bin.join("psql"), &["-h", &sockets, "-U", "app", "-d", "postgres", "-qtAc", &query]);
    status.map_or(true, |s| s.trim().is_empty() || s.trim() == "lost")
}
