//! The program that a kubeconfig names for credentials: a client-go credential plugin
//! (kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
//!
//! kube would run it itself, for as long as it takes and once more for each part of a client, would read whatever it prints
//! and tell it in errors. Here it has a minute, may print so much, and what it prints is told to nobody: that may be
//! credentials. It is asked again before what it said expires; while that takes, all requests wait for the same run.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use console_model::clock::now_ms;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdout, Command},
    task::JoinError,
};
use tower::{BoxError, filter::AsyncPredicate};

use super::shared_run::{Run, SharedRun};

const TIMEOUT: Duration = Duration::from_mins(1);
/// Between being told to end and being ended.
const GRACE: Duration = Duration::from_secs(5);
const MAX_PRINTED_BYTES: usize = 1 << 20;
/// A program that has ended may have left one running that holds its output open; what it printed itself is there by then.
const AFTER_END: Duration = Duration::from_millis(100);
/// Asked again this long before the credentials expire.
const EXPIRES_SOON: Duration = Duration::from_mins(1);

/// Why there are no credentials. Never says what the program printed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    #[error("the program for credentials ({program}) cannot be started: {reason}")]
    Start { program: String, reason: String },
    #[error("the program for credentials gave no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    #[error("the program for credentials failed: {0}")]
    Failed(ExitStatus),
    #[error("the program for credentials printed more than {MAX_PRINTED_BYTES} bytes")]
    TooLong,
    #[error("what the program for credentials printed cannot be read: {0}")]
    Read(String),
    #[error("what the program for credentials printed is no ExecCredential: {0}")]
    Malformed(&'static str),
}

impl From<JoinError> for ExecError {
    fn from(error: JoinError) -> Self {
        Self::Read(error.to_string())
    }
}

/// The `exec` of a user in a kubeconfig.
#[derive(Clone, Debug)]
pub struct ExecPlugin {
    exec: ExecConfig,
    timeout: Duration,
}

/// What it said.
pub struct Credentials {
    token: Option<HeaderValue>,
    identity: Option<Identity>,
    expires_at: Option<DateTime<Utc>>,
}

/// In PEM.
struct Identity {
    certificate: String,
    key: String,
}

#[derive(Deserialize)]
struct Printed {
    status: Option<PrintedStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrintedStatus {
    expiration_timestamp: Option<DateTime<Utc>>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl ExecPlugin {
    /// Takes it out of what kube would do for a user. None where there is none, or a credential that comes before it. The
    /// error is a field and what is wrong with it.
    pub fn take(user: &mut AuthInfo) -> Result<Option<Self>, (&'static str, String)> {
        let Some(exec) = user.exec.take() else { return Ok(None) };
        let is_basic = user.username.is_some() && user.password.is_some();
        if is_basic || user.token.is_some() || user.token_file.is_some() || user.auth_provider.is_some() {
            return Ok(None);
        }
        if exec.command.is_none() {
            return Err(("users.user.exec.command", "is missing".to_owned()));
        }
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let reason = "Always: nobody is there whom the program could ask".to_owned();
            return Err(("users.user.exec.interactiveMode", reason));
        }
        Ok(Some(Self { exec, timeout: TIMEOUT }))
    }

    /// Runs it once.
    pub async fn run(&self) -> Result<Credentials, ExecError> {
        let (mut child, stdout) = self.start()?;
        // Its own group, so that what it starts ends with it.
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        match tokio::time::timeout(self.timeout, output(&mut child, stdout)).await {
            Ok(Ok((status, printed))) => {
                group.leave();
                if status.success() { read(&printed) } else { Err(ExecError::Failed(status)) }
            }
            Ok(Err(error)) => {
                group.end(&mut child).await;
                Err(error)
            }
            Err(_) => {
                group.end(&mut child).await;
                Err(ExecError::Late(self.timeout))
            }
        }
    }

    fn start(&self) -> Result<(Child, ChildStdout), ExecError> {
        let program = self.exec.command.as_deref().unwrap_or_default();
        let mut command = Command::new(program);
        command.args(self.exec.args.iter().flatten()).env("KUBERNETES_EXEC_INFO", self.info());
        for variable in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        // Nobody answers its questions, and what it complains of may be credentials too.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let cannot = |reason: String| ExecError::Start { program: program.to_owned(), reason };
        let mut child =
            command.process_group(0).kill_on_drop(true).spawn().map_err(|e| cannot(e.to_string()))?;
        let stdout = child.stdout.take().ok_or_else(|| cannot("it has no output".to_owned()))?;
        Ok((child, stdout))
    }

    fn info(&self) -> String {
        let mut spec = serde_json::json!({"interactive": false});
        if let Some(cluster) = self.exec.cluster.as_ref().filter(|_| self.exec.provide_cluster_info) {
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        serde_json::json!({"apiVersion": self.exec.api_version, "kind": "ExecCredential", "spec": spec})
            .to_string()
    }
}

/// The group of processes that a program leads; ended when nobody waits for the program any more.
struct Group(Option<Pid>);

impl Group {
    /// The leader has ended by itself: what it left running may stay.
    fn leave(mut self) {
        self.0 = None;
    }

    /// Tells all of it to end, and ends what has not after a while.
    async fn end(self, leader: &mut Child) {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(GRACE, leader.wait()).await;
        // Its number stays the group's while anybody is in it, and an empty one's is not given away again at once.
        self.signal(Signal::KILL);
        if ended.is_err() {
            let _ = leader.wait().await;
        }
        self.leave();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Until the program has ended and what it printed is read.
async fn output(child: &mut Child, mut stdout: ChildStdout) -> Result<(ExitStatus, Vec<u8>), ExecError> {
    let failed = |e: std::io::Error| ExecError::Read(e.to_string());
    let (mut printed, mut ended) = (Vec::with_capacity(8 << 10), None);
    loop {
        tokio::select! {
            biased;
            read = stdout.read_buf(&mut printed) => match read.map_err(failed)? {
                0 => break,
                _ if printed.len() > MAX_PRINTED_BYTES => return Err(ExecError::TooLong),
                _ => {}
            },
            status = child.wait(), if ended.is_none() => ended = Some(status.map_err(failed)?),
            () = tokio::time::sleep(AFTER_END), if ended.is_some() => break,
        }
    }
    let status = match ended {
        Some(status) => status,
        None => child.wait().await.map_err(failed)?,
    };
    Ok((status, printed))
}

/// JSON, or YAML as client-go takes it too.
fn read(printed: &[u8]) -> Result<Credentials, ExecError> {
    // What is wrong with it is not told: the message would show it.
    let printed: Printed =
        serde_saphyr::from_slice(printed).map_err(|_| ExecError::Malformed("it has another form"))?;
    let status = printed.status.ok_or(ExecError::Malformed("status is missing"))?;
    let token = status.token.map(|token| -> Result<_, ExecError> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| ExecError::Malformed("status.token cannot be sent in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    });
    let identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => {
            return Err(ExecError::Malformed("status has one of clientCertificateData and clientKeyData"));
        }
    };
    let token = token.transpose()?;
    if token.is_none() && identity.is_none() {
        return Err(ExecError::Malformed("status has no token and no certificate"));
    }
    Ok(Credentials { token, identity, expires_at: status.expiration_timestamp })
}

impl Credentials {
    /// Gives the certificate, if there is one, to whoever makes connections.
    pub fn identify(&self, user: &mut AuthInfo) {
        if let Some(Identity { certificate, key }) = &self.identity {
            user.client_certificate_data = Some(STANDARD.encode(certificate));
            user.client_key_data = Some(STANDARD.encode(key).into());
        }
    }

    fn expires_soon(&self) -> bool {
        self.expires_at.is_some_and(|at| at.timestamp_millis() - now_ms() <= EXPIRES_SOON.as_millis() as i64)
    }
}

/// Puts the token into each request, and asks for another one before it expires.
#[derive(Clone)]
pub struct AddToken {
    plugin: ExecPlugin,
    run: Arc<SharedRun<Arc<Credentials>, ExecError>>,
}

impl AddToken {
    pub fn new(plugin: ExecPlugin, first: Credentials) -> Self {
        Self { plugin, run: Arc::new(SharedRun::done(Arc::new(first))) }
    }

    fn credentials(&self) -> Run<Arc<Credentials>, ExecError> {
        let plugin = self.plugin.clone();
        let start = || async move { plugin.run().await.map(Arc::new) };
        self.run.get(|_, last| last.as_ref().map_or(true, |c| c.expires_soon()), start)
    }
}

impl<B: Send + 'static> AsyncPredicate<Request<B>> for AddToken {
    type Future = BoxFuture<'static, Result<Request<B>, BoxError>>;
    type Request = Request<B>;

    fn check(&mut self, mut request: Request<B>) -> Self::Future {
        let credentials = self.credentials();
        async move {
            if let Some(token) = &credentials.await?.token {
                request.headers_mut().insert(AUTHORIZATION, token.clone());
            }
            Ok(request)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Instant};

    use super::*;

    fn plugin(script: &str, timeout: Duration) -> ExecPlugin {
        let exec = serde_json::json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
            "args": ["-c", script], "env": [{"name": "PLANTED", "value": "of the file"}]});
        ExecPlugin { exec: serde_json::from_value(exec).unwrap(), timeout }
    }

    async fn run(script: &str) -> Result<Credentials, ExecError> {
        plugin(script, Duration::from_secs(20)).run().await
    }

    fn token(credentials: &Credentials) -> &str {
        credentials.token.as_ref().unwrap().to_str().unwrap()
    }

    #[tokio::test]
    async fn what_it_prints_is_taken_and_it_is_told_who_asks() {
        let said =
            run("echo \"{status: {token: t, expirationTimestamp: '2020-01-01T00:00:00Z'}}\"").await.unwrap();
        assert_eq!(token(&said), "Bearer t");
        assert!(said.expires_soon());
        let said =
            run(r#"echo "{\"status\":{\"token\":\"$PLANTED $(echo $KUBERNETES_EXEC_INFO | tr -d '\"')\"}}""#);
        let said = said.await.unwrap();
        assert_eq!(
            token(&said),
            "Bearer of the file {apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,spec:{interactive:false}}"
        );
        assert!(!said.expires_soon());
        let mut user = AuthInfo::default();
        let said = run("echo '{status: {clientCertificateData: c, clientKeyData: k}}'").await.unwrap();
        said.identify(&mut user);
        assert_eq!(user.client_certificate_data.as_deref(), Some("Yw=="));
        assert!(user.client_key_data.is_some() && said.token.is_none());
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_without_what_it_printed() {
        for (script, told) in [
            ("echo planted; exit 3", "failed: exit status: 3"),
            ("kill -9 $$", "failed: signal: 9 (SIGKILL)"),
            ("exit 137", "failed: exit status: 137"),
            ("echo planted", "is no ExecCredential: it has another form"),
            ("echo '{kind: planted}'", "is no ExecCredential: status is missing"),
            ("echo '{status: {token: planted, expirationTimestamp: planted}}'", "it has another form"),
            ("echo '{status: {}}'", "status has no token and no certificate"),
            ("echo '{status: {clientKeyData: planted}}'", "one of clientCertificateData and clientKeyData"),
            ("printf %s '{status: {token: \"planted\\n\"}}'", "status.token cannot be sent in a header"),
            ("while :; do echo planted-planted-planted-planted; done", "printed more than 1048576 bytes"),
        ] {
            let error = run(script).await.err().unwrap_or_else(|| panic!("{script}: no error")).to_string();
            assert!(error.contains(told) && !error.contains("planted"), "{script}: {error}");
        }
        let mut missing = plugin("", TIMEOUT);
        missing.exec.command = Some("/nowhere/aws".to_owned());
        let error = missing.run().await.err().unwrap().to_string();
        assert!(error.contains("(/nowhere/aws) cannot be started: No such file"), "{error}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let lives = dir.path().join("lives");
        let began = Instant::now();
        let error =
            plugin(&one_that_starts_another(&lives), Duration::from_secs(2)).run().await.err().unwrap();
        assert_eq!(error.to_string(), "the program for credentials gave no answer within 2 s");
        assert!(began.elapsed() < Duration::from_secs(2) + GRACE, "it ends when it is told to");
        assert_has_ended(&lives).await;
    }

    #[tokio::test]
    async fn one_that_nobody_waits_for_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let lives = dir.path().join("lives");
        let plugin = plugin(&one_that_starts_another(&lives), TIMEOUT);
        let run = tokio::spawn(async move { plugin.run().await });
        let began = Instant::now();
        while !lives.exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        run.abort();
        assert!(run.await.is_err_and(|e| e.is_cancelled()));
        assert_has_ended(&lives).await;
    }

    /// Another one that writes down every now and then that it lives.
    fn one_that_starts_another(lives: &Path) -> String {
        format!("(while :; do echo >> '{}'; sleep 0.02; done) & wait", lives.display())
    }

    /// It was there, and writes no more.
    async fn assert_has_ended(lives: &Path) {
        let len = || std::fs::metadata(lives).unwrap().len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let then = len();
        assert!(then > 0);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(len(), then, "what it had started goes on");
    }

    #[tokio::test]
    async fn one_that_does_not_end_when_it_is_told_to_is_killed() {
        let error =
            plugin("trap '' TERM; while :; do sleep 0.05; done", Duration::from_millis(100)).run().await;
        assert_eq!(error.err().unwrap(), ExecError::Late(Duration::from_millis(100)));
    }

    #[tokio::test]
    async fn what_it_leaves_running_does_not_hold_it_up() {
        let began = Instant::now();
        let said = run("sleep 5 & echo '{status: {token: t}}'").await.unwrap();
        assert_eq!(token(&said), "Bearer t");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_token_is_replaced_before_it_expires_by_one_run_for_all_who_ask() {
        let dir = tempfile::tempdir().unwrap();
        let runs = dir.path().join("runs");
        let plugin = plugin(
            &format!("echo >> '{}'; sleep 0.2; echo '{{status: {{token: second}}}}'", runs.display()),
            TIMEOUT,
        );
        let first = read(b"{status: {token: first, expirationTimestamp: '2020-01-01T00:00:00Z'}}").unwrap();
        let add = AddToken::new(plugin, first);
        let ask = |mut add: AddToken| async move {
            let request = add.check(Request::new(())).await.unwrap();
            request.headers()[AUTHORIZATION].to_str().unwrap().to_owned()
        };
        let all = futures::future::join_all((0..4).map(|_| ask(add.clone()))).await;
        assert!(all.iter().all(|t| t == "Bearer second"), "{all:?}");
        ask(add).await;
        assert_eq!(std::fs::read_to_string(&runs).unwrap().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_replaced_is_told_and_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let fine = dir.path().join("fine");
        let script = format!(
            "[ -e '{}' ] || {{ echo planted; exit 1; }}; echo '{{status: {{token: second}}}}'",
            fine.display()
        );
        let first = read(b"{status: {token: first, expirationTimestamp: '2020-01-01T00:00:00Z'}}").unwrap();
        let mut add = AddToken::new(plugin(&script, TIMEOUT), first);
        let error = add.check(Request::new(())).await.unwrap_err().to_string();
        assert_eq!(error, "the program for credentials failed: exit status: 1");
        std::fs::write(&fine, "").unwrap();
        assert!(add.check(Request::new(())).await.is_ok());
    }

    #[test]
    fn it_is_taken_where_no_other_credential_comes_before_it() {
        let user = |json: serde_json::Value| serde_json::from_value::<AuthInfo>(json).unwrap();
        let exec = serde_json::json!({"command": "aws"});
        let mut alone = user(serde_json::json!({"exec": exec}));
        assert!(ExecPlugin::take(&mut alone).unwrap().is_some());
        assert!(alone.exec.is_none(), "kube does not run it");
        let mut beside = user(serde_json::json!({"exec": exec, "token": "t"}));
        assert!(ExecPlugin::take(&mut beside).unwrap().is_none());
        for (exec, field) in [
            (serde_json::json!({}), "users.user.exec.command"),
            (
                serde_json::json!({"command": "aws", "interactiveMode": "Always"}),
                "users.user.exec.interactiveMode",
            ),
        ] {
            assert_eq!(
                ExecPlugin::take(&mut user(serde_json::json!({"exec": exec}))).err().unwrap().0,
                field
            );
        }
    }
}
