//! How the API server of a cluster is reached: as the service account of the pod, or as a kubeconfig file says.
//!
//! A configuration is read when the console starts, and a wrong one is refused. It is read again for every client, and
//! clients are made anew when a watch is lost: credentials are replaced, and programs that a kubeconfig names for them may
//! need a network that is not there yet.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use console_storage::file::read_text;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{ExecConfig, InClusterError, Kubeconfig, KubeconfigError},
    runtime::watcher,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{answer::BoundAnswers, watch::explain};

const MAX_KUBECONFIG_BYTES: u64 = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server ends a watch after this, and it is begun anew: the longest that a dead connection looks alive.
const WATCH_TIMEOUT_S: u32 = 60;
/// Longer than any watch, so that only a connection over which nothing comes is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Ends what runs for longer than it may: kube waits for the program of a kubeconfig for ever.
const TIMEOUT_PROGRAM: &str = "timeout";
const PROGRAM_TIMEOUT_S: u32 = 60;
/// After this it is killed.
const PROGRAM_ENDS_WITHIN_S: u32 = 5;
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Who the console is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterAccess {
    /// The service account of the pod that it runs in.
    InCluster,
    Kubeconfig {
        file: PathBuf,
        /// None: the file's `current-context`.
        context: Option<String>,
    },
}

impl ClusterAccess {
    /// Reads the configuration anew, and makes a client of it. The error says what is wrong with which file or field.
    pub(super) async fn client(&self) -> Result<Client, String> {
        let access = self.clone();
        let opened = tokio::task::spawn_blocking(move || ClusterConnection::open(&access)).await;
        let connection = opened.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        connection.client().await.map_err(|e| explain(&e))
    }
}

/// The client of all watches of a cluster: where a program is run for credentials, once for all of them.
pub(super) struct SharedClient {
    access: ClusterAccess,
    /// The last one, and when its making began.
    made: Mutex<Option<(Instant, Making)>>,
}

/// Goes on when nobody waits for it any more: a program that hangs is not started once more by each who asks.
type Making = Shared<BoxFuture<'static, Result<Client, String>>>;

impl SharedClient {
    pub fn new(access: ClusterAccess) -> Self {
        Self { access, made: Mutex::default() }
    }

    /// One that is being made or was begun after `lost`, or why that failed.
    pub async fn since(&self, lost: Instant) -> Result<Client, String> {
        self.making(lost).await
    }

    fn making(&self, lost: Instant) -> Making {
        let mut made = self.made.lock();
        if let Some((began, making)) = &*made
            && (*began > lost || making.peek().is_none())
        {
            return making.clone();
        }
        let access = self.access.clone();
        let task = tokio::spawn(async move { access.client().await });
        let making = async move { task.await.unwrap_or_else(|e| Err(e.to_string())) }.boxed().shared();
        *made = Some((Instant::now(), making.clone()));
        making
    }
}

/// What is wrong with how a cluster is to be reached.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct ClusterAccessError {
    /// The file, or the variables of the environment, that say it.
    pub file: String,
    /// The field of the file; none when the file itself cannot be read.
    pub field: Option<&'static str>,
    pub reason: String,
}

impl fmt::Display for ClusterAccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{}: {field}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// A cluster's address with all that it takes to be let in. Cheap to clone.
#[derive(Clone)]
pub struct ClusterConnection {
    config: Config,
}

impl ClusterConnection {
    /// Reads the configuration; nothing is connected yet.
    pub fn open(access: &ClusterAccess) -> Result<Self, ClusterAccessError> {
        Ok(Self::of(match access {
            ClusterAccess::InCluster => Config::incluster().map_err(|e| in_cluster_error(&e))?,
            ClusterAccess::Kubeconfig { file, context } => from_kubeconfig(file, context.as_deref())?,
        }))
    }

    /// With the timeouts that hold for all.
    pub(super) fn of(mut config: Config) -> Self {
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        // Who asks decides when to ask again, and what to say meanwhile.
        config.default_retry = false;
        Self { config }
    }

    /// The address of the API server.
    pub fn address(&self) -> String {
        self.config.cluster_url.to_string().trim_end_matches('/').to_owned()
    }

    /// A client of the API server. May run the program that the kubeconfig names for credentials, and then takes as
    /// long as that takes, without blocking other tasks.
    pub async fn client(&self) -> Result<Client, kube::Error> {
        let config = self.config.clone();
        // Of a runtime that stops, the result is of no use to anybody.
        let made = tokio::task::spawn_blocking(move || {
            Ok(ClientBuilder::try_from(config)?.with_layer(&BoundAnswers).build())
        })
        .await;
        made.unwrap_or_else(|e| Err(kube::Error::Service(Box::new(e))))
    }
}

/// How everything is watched over a client of [`ClusterConnection::client`]: watches end before it gives them up.
pub fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_TIMEOUT_S)
}

fn from_kubeconfig(file: &Path, context: Option<&str>) -> Result<Config, ClusterAccessError> {
    let wrong = |field, reason| ClusterAccessError { file: file.display().to_string(), field, reason };
    read_text(file, MAX_KUBECONFIG_BYTES).map_err(|e| wrong(None, e))?;
    let explain = |error: KubeconfigError| {
        let (field, reason) = kubeconfig_problem(error);
        wrong(field, reason)
    };
    let mut read = Kubeconfig::read_from(file).map_err(explain)?;
    if let Some(context) = context {
        read.current_context = Some(context.to_owned());
    }
    for user in &mut read.auth_infos {
        if let Some(exec) = user.auth_info.as_mut().and_then(|user| user.exec.as_mut()) {
            end_when_it_hangs(exec);
        }
    }
    Config::try_from(read).map_err(explain)
}

fn end_when_it_hangs(exec: &mut ExecConfig) {
    let Some(program) = exec.command.replace(TIMEOUT_PROGRAM.to_owned()) else {
        exec.command = None;
        return;
    };
    let bounds = ["-k".to_owned(), PROGRAM_ENDS_WITHIN_S.to_string(), PROGRAM_TIMEOUT_S.to_string(), program];
    exec.args.get_or_insert_default().splice(..0, bounds);
}

/// What an exit status of the program means, where it is [`TIMEOUT_PROGRAM`]'s (coreutils manual, "timeout invocation").
pub(super) fn program_problem(status: std::process::ExitStatus) -> String {
    match status.code() {
        Some(124 | 137) => format!("it gave no answer within {PROGRAM_TIMEOUT_S} s"),
        Some(126) => "it cannot be run".to_owned(),
        Some(127) => "it is not there".to_owned(),
        _ => status.to_string(),
    }
}

fn kubeconfig_problem(error: KubeconfigError) -> (Option<&'static str>, String) {
    use KubeconfigError as E;
    match error {
        E::CurrentContextNotSet => (Some("current-context"), "is not set, and no other is named".to_owned()),
        E::LoadContext(name) => (Some("contexts"), format!("none is called {name:?}")),
        E::LoadClusterOfContext(name) => (Some("clusters"), format!("none is called {name:?}")),
        E::ReadConfig(error, _) => (None, error.to_string()),
        // The lines after the first show the file, and with it what is secret.
        E::Parse(error) => (None, error.to_string().lines().next().unwrap_or_default().to_owned()),
        E::MissingClusterUrl => (Some("clusters.cluster.server"), "is missing".to_owned()),
        E::ParseClusterUrl(error) => (Some("clusters.cluster.server"), error.to_string()),
        E::ParseProxyUrl(error) => (Some("clusters.cluster.proxy-url"), error.to_string()),
        E::LoadCertificateAuthority(error) => {
            (Some("clusters.cluster.certificate-authority"), error.to_string())
        }
        E::ParseCertificates(error) => (Some("clusters.cluster.certificate-authority"), error.to_string()),
        E::LoadClientCertificate(error) => (Some("users.user.client-certificate"), error.to_string()),
        E::LoadClientKey(error) => (Some("users.user.client-key"), error.to_string()),
        other => (None, other.to_string()),
    }
}

fn in_cluster_error(error: &InClusterError) -> ClusterAccessError {
    use InClusterError as E;
    let of = |name: &str| format!("{SERVICE_ACCOUNT}/{name}");
    let environment = || "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT".to_owned();
    let (file, reason) = match error {
        E::ReadDefaultNamespace(e) => (of("namespace"), e.to_string()),
        E::ReadCertificateBundle(e) => (of("ca.crt"), e.to_string()),
        E::ParseCertificates(e) => (of("ca.crt"), e.to_string()),
        E::ReadEnvironmentVariable(e) => (environment(), format!("{e}: this is no pod of a cluster")),
        E::ParseClusterPort(e) => (environment(), e.to_string()),
        E::ParseClusterUrl(e) => (environment(), e.to_string()),
    };
    ClusterAccessError { file, field: None, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
        clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:6443/', insecure-skip-tls-verify: true } }]\n\
        users: [{ name: u, user: { token: t } }]\n\
        contexts: [{ name: here, context: { cluster: c, user: u } }, { name: lost, context: { cluster: gone, user: u } }]\n";

    fn open(text: &str, context: Option<&str>) -> Result<ClusterConnection, ClusterAccessError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        std::fs::write(&file, text).unwrap();
        ClusterConnection::open(&ClusterAccess::Kubeconfig { file, context: context.map(str::to_owned) })
    }

    fn refused(text: &str, context: Option<&str>) -> String {
        open(text, context).err().expect("refused").to_string()
    }

    #[test]
    fn a_context_leads_to_its_server() {
        assert_eq!(open(GOOD, None).unwrap().address(), "https://127.0.0.1:6443");
        assert_eq!(open(GOOD, Some("here")).unwrap().address(), "https://127.0.0.1:6443");
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_field() {
        let cases = [
            (GOOD.to_owned(), Some("there"), "kubeconfig: contexts: none is called \"there\""),
            (GOOD.to_owned(), Some("lost"), "kubeconfig: clusters: none is called \"gone\""),
            (GOOD.replace("current-context: here\n", ""), None, "kubeconfig: current-context: is not set"),
            (
                GOOD.replace("server: 'https://127.0.0.1:6443/', ", ""),
                None,
                "clusters.cluster.server: is missing",
            ),
            (GOOD.replace("https://127.0.0.1:6443/", "http://[::1"), None, "clusters.cluster.server: "),
            (
                GOOD.replace("insecure-skip-tls-verify: true", "certificate-authority: /nowhere/ca.crt"),
                None,
                "clusters.cluster.certificate-authority: ",
            ),
            (GOOD.replace("users: [", "users: [["), None, "line 6 column 9"),
        ];
        for (text, context, expected) in cases {
            let error = refused(&text, context);
            assert!(error.contains(expected), "{expected:?} in {error}");
        }
        let large = format!("{GOOD}# {}", "x".repeat(MAX_KUBECONFIG_BYTES as usize));
        assert!(refused(&large, None).contains("larger than 1048576"));
        let file = PathBuf::from("/nowhere/kubeconfig");
        let error =
            ClusterConnection::open(&ClusterAccess::Kubeconfig { file, context: None }).err().unwrap();
        assert!(error.to_string().starts_with("/nowhere/kubeconfig: "), "{error}");
    }

    #[test]
    fn outside_of_a_cluster_there_is_no_service_account() {
        let error =
            in_cluster_error(&InClusterError::ReadEnvironmentVariable(std::env::VarError::NotPresent));
        assert!(error.to_string().contains("KUBERNETES_SERVICE_HOST"), "{error}");
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = in_cluster_error(&InClusterError::ReadCertificateBundle(missing)).to_string();
        assert!(error.starts_with("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt: "), "{error}");
    }

    #[test]
    fn a_program_for_credentials_is_ended_when_it_hangs() {
        let mut exec: ExecConfig =
            serde_saphyr::from_str("{ command: /bin/aws, args: [eks, get-token], interactiveMode: Never }")
                .unwrap();
        end_when_it_hangs(&mut exec);
        assert_eq!(exec.command.as_deref(), Some("timeout"));
        assert_eq!(exec.args.unwrap(), ["-k", "5", "60", "/bin/aws", "eks", "get-token"]);
        let run = |args: &[&str]| {
            let mut program = std::process::Command::new(xtask_programs::path(TIMEOUT_PROGRAM).unwrap());
            program_problem(program.args(args).status().unwrap())
        };
        assert_eq!(run(&["-k", "5", "0.05", "sleep", "60"]), "it gave no answer within 60 s");
        assert_eq!(run(&["-k", "5", "60", "/nowhere/aws"]), "it is not there");
        assert_eq!(run(&["-k", "5", "60", "/"]), "it cannot be run");
        assert_eq!(run(&["-k", "5", "60", "false"]), "exit status: 1");
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let access = ClusterAccess::Kubeconfig { file: "/dev/zero".into(), context: None };
        assert_eq!(ClusterConnection::open(&access).err().unwrap().to_string(), "/dev/zero: not a file");
    }

    #[tokio::test]
    async fn a_client_is_made_without_a_server() {
        assert!(open(GOOD, None).unwrap().client().await.is_ok());
    }
}
