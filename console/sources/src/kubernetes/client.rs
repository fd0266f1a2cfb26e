//! How the API server of a cluster is reached: as the service account of the pod, or as a kubeconfig file says.
//!
//! A configuration is read when the console starts, and a wrong one is refused. It is read again for every client, and
//! clients are made anew when a watch is lost: credentials are replaced, and programs that a kubeconfig names for them may
//! need a network that is not there yet.

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use console_storage::file;
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{AuthInfo, InClusterError, Kubeconfig, KubeconfigError},
    runtime::watcher,
};
use tokio::{task::JoinError, time::Instant};
use tower::{buffer::BufferLayer, filter::AsyncFilterLayer};

use super::{
    answer::BoundAnswers,
    exec::{AddToken, ExecPlugin},
    shared_run::SharedRun,
    watch::explain,
};

const MAX_KUBECONFIG_BYTES: u64 = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server ends a watch after this, and it is begun anew: the longest that a dead connection looks alive.
const WATCH_TIMEOUT_S: u32 = 60;
/// Longer than any watch, so that only a connection over which nothing comes is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Requests that have their token and wait for the connection; no more than a console has watches and pages.
const MAX_WAITING: usize = 1024;
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
        connection.client().await
    }
}

/// The client of all watches of a cluster: where a program is run for credentials, once for all of them.
pub(super) struct SharedClient {
    access: ClusterAccess,
    making: SharedRun<Client, NoClient>,
}

/// Why there is none.
#[derive(Clone)]
struct NoClient(String);

impl From<JoinError> for NoClient {
    fn from(error: JoinError) -> Self {
        Self(error.to_string())
    }
}

impl SharedClient {
    pub fn new(access: ClusterAccess) -> Self {
        Self { access, making: SharedRun::new() }
    }

    /// One that is being made or was begun after `lost`, or why that failed.
    pub async fn since(&self, lost: Instant) -> Result<Client, String> {
        let access = self.access.clone();
        let start = || async move { access.client().await.map_err(NoClient) };
        self.making.get(|began, _| began <= lost, start).await.map_err(|NoClient(reason)| reason)
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
    plugin: Option<ExecPlugin>,
}

impl ClusterConnection {
    /// Reads the configuration; nothing is connected yet.
    pub fn open(access: &ClusterAccess) -> Result<Self, ClusterAccessError> {
        match access {
            ClusterAccess::InCluster => Ok(Self::of(Config::incluster().map_err(|e| in_cluster_error(&e))?)),
            ClusterAccess::Kubeconfig { file, context } => from_kubeconfig(file, context.as_deref()),
        }
    }

    /// With the timeouts that hold for all.
    pub(super) fn of(mut config: Config) -> Self {
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(READ_TIMEOUT);
        config.reset_reader_on_write = true;
        // Who asks decides when to ask again, and what to say meanwhile.
        config.default_retry = false;
        Self { config, plugin: None }
    }

    /// The address of the API server.
    pub fn address(&self) -> String {
        self.config.cluster_url.to_string().trim_end_matches('/').to_owned()
    }

    /// A client of the API server. May run the program that the kubeconfig names for credentials, and then takes as
    /// long as that takes, without blocking other tasks.
    /// The error says why there is none.
    pub async fn client(&self) -> Result<Client, String> {
        let mut config = self.config.clone();
        let mut add_token = None;
        if let Some(plugin) = &self.plugin {
            let credentials = plugin.run().await.map_err(|e| e.to_string())?;
            credentials.identify(&mut config.auth_info);
            add_token = Some(AddToken::new(plugin.clone(), credentials));
        }
        // It reads files.
        let made = tokio::task::spawn_blocking(move || {
            let builder = ClientBuilder::try_from(config)?.with_layer(&BoundAnswers);
            Ok(match add_token {
                Some(add_token) => {
                    let filter = AsyncFilterLayer::new(add_token);
                    builder.with_layer(&BufferLayer::new(MAX_WAITING)).with_layer(&filter).build()
                }
                None => builder.build(),
            })
        });
        // Of a runtime that stops, the result is of no use to anybody.
        made.await.map_err(|e| e.to_string())?.map_err(|e| explain(&e))
    }
}

/// How everything is watched over a client of [`ClusterConnection::client`]: watches end before it gives them up.
pub fn watch_config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_TIMEOUT_S)
}

fn from_kubeconfig(path: &Path, context: Option<&str>) -> Result<ClusterConnection, ClusterAccessError> {
    let wrong = |field, reason| ClusterAccessError { file: path.display().to_string(), field, reason };
    file::check(path, MAX_KUBECONFIG_BYTES).map_err(|e| wrong(None, e.to_string()))?;
    let explain = |error: KubeconfigError| {
        let (field, reason) = kubeconfig_problem(error);
        wrong(field, reason)
    };
    let mut read = Kubeconfig::read_from(path).map_err(explain)?;
    if let Some(context) = context {
        read.current_context = Some(context.to_owned());
    }
    check_named_files(&read).map_err(|(field, reason)| wrong(Some(field), reason))?;
    let mut config = Config::try_from(read).map_err(explain)?;
    let refused = |(field, reason)| wrong(Some(field), reason);
    check_provider(&config.auth_info).map_err(refused)?;
    let plugin = ExecPlugin::take(&mut config.auth_info).map_err(refused)?;
    Ok(ClusterConnection { plugin, ..ClusterConnection::of(config) })
}

/// kube reads what a kubeconfig names whole.
fn check_named_files(read: &Kubeconfig) -> Result<(), (&'static str, String)> {
    let clusters = read.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let of_clusters =
        clusters.map(|c| ("clusters.cluster.certificate-authority", c.certificate_authority.as_ref()));
    let users = read.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let of_users = users.flat_map(|u| {
        [
            ("users.user.client-certificate", u.client_certificate.as_ref()),
            ("users.user.client-key", u.client_key.as_ref()),
            ("users.user.tokenFile", u.token_file.as_ref()),
        ]
    });
    for (field, named) in of_clusters.chain(of_users) {
        let Some(named) = named else { continue };
        match file::check(Path::new(named), file::MAX_SECRET_BYTES) {
            // One of another context may be elsewhere; kube tells of the one that it needs.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err((field, format!("{named}: {error}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// kube runs the program of a provider for as long as it takes, and tells what it prints.
fn check_provider(user: &AuthInfo) -> Result<(), (&'static str, String)> {
    match &user.auth_provider {
        Some(provider) if provider.config.contains_key("cmd-path") => Err((
            "users.user.auth-provider.config.cmd-path",
            "is not run: name the program in `exec`".to_owned(),
        )),
        _ => Ok(()),
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
    fn what_is_no_file_is_not_read() {
        let access = ClusterAccess::Kubeconfig { file: "/dev/zero".into(), context: None };
        assert_eq!(ClusterConnection::open(&access).err().unwrap().to_string(), "/dev/zero: not a file");
        for (cluster, user, field) in [
            ("certificate-authority: /dev/zero", "token: t", "clusters.cluster.certificate-authority"),
            ("insecure-skip-tls-verify: true", "tokenFile: /dev/zero", "users.user.tokenFile"),
            (
                "insecure-skip-tls-verify: true",
                "client-certificate: /dev/zero",
                "users.user.client-certificate",
            ),
            ("insecure-skip-tls-verify: true", "client-key: /dev/zero", "users.user.client-key"),
        ] {
            let text = GOOD
                .replace("insecure-skip-tls-verify: true", cluster)
                .replace("user: { token: t }", &format!("user: {{ {user} }}"));
            let error = refused(&text, None);
            assert!(error.ends_with(&format!("kubeconfig: {field}: /dev/zero: not a file")), "{error}");
        }
    }

    #[test]
    fn a_file_may_be_what_powershell_writes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        let utf16: Vec<u8> =
            [0xFEFF].into_iter().chain(GOOD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(&file, utf16).unwrap();
        let access = ClusterAccess::Kubeconfig { file, context: None };
        assert_eq!(ClusterConnection::open(&access).unwrap().address(), "https://127.0.0.1:6443");
    }

    #[test]
    fn programs_are_run_under_bounds_or_not_at_all() {
        let with = |user: &str| GOOD.replace("user: { token: t }", &format!("user: {user}"));
        let connection = open(&with("{ exec: { command: aws } }"), None).unwrap();
        assert!(connection.plugin.is_some() && connection.config.auth_info.exec.is_none());
        for (user, told) in [
            (
                "{ auth-provider: { name: gcp, config: { cmd-path: gcloud } } }",
                "users.user.auth-provider.config.cmd-path: is not run: name the program in `exec`",
            ),
            ("{ exec: { args: [a] } }", "users.user.exec.command: is missing"),
        ] {
            let error = refused(&with(user), None);
            assert!(error.ends_with(told), "{error}");
        }
    }

    #[tokio::test]
    async fn a_client_is_made_without_a_server() {
        assert!(open(GOOD, None).unwrap().client().await.is_ok());
    }
}
