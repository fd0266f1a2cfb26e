//! Private local servers from the machine's own binaries, each under a small shell that outlives nobody.
//!
//! The shell holds the read end of a pipe whose write end is in the test process. When that process ends, in whatever
//! way, the pipe closes; the shell then kills its server and removes the server's directory. No signal handler, no
//! cleaning on exit, no orphan after `kill -9`.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use shop_instrumentation::config::Env;

/// How long a server may take to take connections.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// `$1` is the server's directory; the rest is its command line.
const KEEPER: &str = r#"
directory=$1; shift
"$@" >"$directory/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null; kill -TERM $server 2>/dev/null
wait $server 2>/dev/null
rm -rf "$directory"
"#;

/// A server that ends with this value, and with the test process at the latest.
#[derive(Debug)]
pub(crate) struct LocalServer {
    keeper: Child,
    /// Its directory, with socket and data; removed at the end.
    pub(crate) directory: PathBuf,
}

impl LocalServer {
    /// Starts a command in a directory that it then owns.
    fn start(directory: PathBuf, command: &[String]) -> Self {
        let keeper = Command::new(listed("sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&directory)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its own group: Ctrl-C ends the tests first, and the closing pipe ends this.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        Self { keeper, directory }
    }

    fn wait_for_socket(&self, socket: &Path) {
        let deadline = Instant::now() + START_TIMEOUT;
        while UnixStream::connect(socket).is_err() {
            let log = || fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{} does not come up:\n{}", socket.display(), log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for_port(&self, port: u16) {
        let deadline = Instant::now() + START_TIMEOUT;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "nothing listens on {port}:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The Postgres of this test process, started when first asked for. Returns its socket directory.
pub(crate) fn postgres() -> &'static Path {
    static SERVER: OnceLock<LocalServer> = OnceLock::new();
    &SERVER.get_or_init(start_postgres).directory
}

/// A new Redis on a socket of its own. Returns it with the socket's path.
pub(crate) fn start_redis() -> (LocalServer, PathBuf) {
    let directory = short_directory();
    let socket = directory.join("redis.sock");
    let arguments = ["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"].map(str::to_owned);
    let mut command = vec![listed("redis-server").display().to_string()];
    command.extend(arguments);
    command.extend([socket.display().to_string(), "--dir".to_owned(), directory.display().to_string()]);
    let server = LocalServer::start(directory, &command);
    server.wait_for_socket(&socket);
    (server, socket)
}

/// A Redis on a port of loopback, a replica of another one where there is one.
pub(crate) fn start_redis_at(port: u16, master: Option<u16>) -> LocalServer {
    let directory = short_directory();
    let mut command = vec![listed("redis-server").display().to_string()];
    command
        .extend(["--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0"].map(str::to_owned));
    command.extend([
        "--port".to_owned(),
        port.to_string(),
        "--dir".to_owned(),
        directory.display().to_string(),
    ]);
    if let Some(master) = master {
        command.extend(["--replicaof".to_owned(), format!("127.0.0.1 {master}")]);
    }
    let server = LocalServer::start(directory, &command);
    server.wait_for_port(port);
    server
}

/// A Sentinel on a port of loopback that watches `master` under the name `shop`.
pub(crate) fn start_sentinel(port: u16, master: u16) -> LocalServer {
    let directory = short_directory();
    let file = directory.join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {master} 2\n\
         sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 3000\n",
        directory.display()
    );
    fs::write(&file, text).expect("the directory can be written");
    let server = listed("redis-server").display().to_string();
    let command = [server, file.display().to_string(), "--sentinel".to_owned()];
    let server = LocalServer::start(directory, &command);
    server.wait_for_port(port);
    server
}

/// Waits until a Sentinel knows one replica and so many other Sentinels, without which nobody is elected.
pub(crate) fn wait_for_sentinel(port: u16, others: usize) {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("the URL is well formed");
    let deadline = Instant::now() + START_TIMEOUT;
    let (replicas, others) = ("1".to_owned(), others.to_string());
    loop {
        let mut seen = Vec::new();
        if let Ok(mut connection) = client.get_connection() {
            let mut question = redis::cmd("SENTINEL");
            seen =
                question.arg("MASTER").arg("shop").query::<Vec<String>>(&mut connection).unwrap_or_default();
        }
        let value = |name: &str| seen.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| &pair[1]);
        if value("num-slaves") == Some(&replicas) && value("num-other-sentinels") == Some(&others) {
            return;
        }
        assert!(Instant::now() < deadline, "the Sentinel at {port} is not complete: {seen:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start_postgres() -> LocalServer {
    let directory = cluster_directory();
    run_postgres(
        directory,
        &["wal_level=minimal", "max_wal_senders=0", "max_connections=200"].map(str::to_owned),
    )
}

/// A primary and a standby that follows it.
pub(crate) fn start_pair() -> (LocalServer, LocalServer) {
    // Copies of one cluster that never ran: the one is as good a base backup of the other as any.
    let (first, second) = (cluster_directory(), cluster_directory());
    fs::write(second.join("data/standby.signal"), "").expect("the cluster can be written");
    let common = ["wal_level=replica", "max_wal_senders=10", "wal_keep_size=64MB", "max_connections=100"];
    let mut settings = common.map(str::to_owned).to_vec();
    let follows = format!("primary_conninfo=host={} port=5432 user=app", first.display());
    let primary = run_postgres(first, &settings);
    settings.push(follows);
    (primary, run_postgres(second, &settings))
}

/// A new directory with a cluster in `data`.
fn cluster_directory() -> PathBuf {
    let template = template(&postgres_binaries());
    let directory = short_directory();
    let copied = Command::new(listed("cp")).arg("-a").arg(&template).arg(directory.join("data")).status();
    assert!(copied.is_ok_and(|status| status.success()), "the template cluster can be copied");
    directory
}

fn run_postgres(directory: PathBuf, settings: &[String]) -> LocalServer {
    let data = directory.join("data");
    let mut command = unprivileged(&directory);
    command.push(postgres_binaries().join("postgres").display().to_string());
    command.extend(["-D".to_owned(), data.display().to_string()]);
    command.extend(["-k".to_owned(), directory.display().to_string()]);
    let common = [
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "shared_buffers=32MB",
        "autovacuum=off",
    ];
    for setting in common.into_iter().chain(settings.iter().map(String::as_str)) {
        command.extend(["-c".to_owned(), setting.to_owned()]);
    }
    let server = LocalServer::start(directory, &command);
    server.wait_for_socket(&server.directory.join(".s.PGSQL.5432"));
    server
}

/// A directory with a path short enough for a socket (107 bytes at most).
fn short_directory() -> PathBuf {
    let directory = tempfile::Builder::new().prefix("qdt-").rand_bytes(8).tempdir_in("/tmp");
    directory.expect("a directory can be made under /tmp").keep()
}

/// A freshly initialised cluster, made once for this user and Postgres version, then copied.
fn template(binaries: &Path) -> PathBuf {
    let mut env = Env::from_process();
    let home = env.optional("HOME", "/tmp".to_owned());
    let cache =
        PathBuf::from(env.optional("XDG_CACHE_HOME", format!("{home}/.cache"))).join("quarterdeck-testkit");
    let version = Command::new(binaries.join("postgres")).arg("--version").output();
    let version = version.expect("postgres says its version").stdout;
    let version: String = String::from_utf8_lossy(&version)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    fs::create_dir_all(&cache).expect("the cache directory can be made");
    let lock = File::create(cache.join("lock")).expect("the cache directory can be written");
    lock.lock().expect("the lock can be taken");
    let ready = cache.join(&version);
    if !ready.join("PG_VERSION").exists() {
        let building = short_directory();
        let cluster = building.join("cluster");
        let mut command = unprivileged(&building);
        command.push(binaries.join("initdb").display().to_string());
        let made = Command::new(&command[0])
            .args(&command[1..])
            .args(["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&cluster)
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let moved = Command::new(listed("cp")).arg("-a").arg(&cluster).arg(&ready).status();
        assert!(moved.is_ok_and(|status| status.success()), "the template cluster can be stored");
        let _ = fs::remove_dir_all(&building);
    }
    ready
}

/// What goes before a command of Postgres that works in the directory.
fn unprivileged(directory: &Path) -> Vec<String> {
    xtask_programs::unprivileged(directory).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The directory of `postgres` and `initdb`.
fn postgres_binaries() -> PathBuf {
    let postgres = listed("postgres");
    postgres.parent().expect("a program lies in a directory").to_owned()
}

/// A program of the repository's list: one that is absent ends the test, naming its package.
fn listed(program: &str) -> PathBuf {
    xtask_programs::path(program).unwrap_or_else(|missing| panic!("{missing}"))
}
