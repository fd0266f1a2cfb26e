//! Start, serve, drain: the life of every service process.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Router, ServiceExt as _};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tikv_jemallocator::Jemalloc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::{self, Auth};
use crate::client::{ClientConfig, ServiceClient};
use crate::config::{ConfigErrors, Env};
use crate::faults::Faults;
use crate::health::{Health, LIVE_PATH, READY_PATH};
use crate::http::front::{Front, ReadyAnswers};
use crate::http::listener::{Close, ClosingListener};
use crate::http::server::{self, ServerConfig};
use crate::metrics::{MetricError, Metrics};
use crate::openapi;
use crate::problem::{Code, Problem, chain};
use crate::telemetry::{self, Telemetry, TelemetryConfig, TelemetryError};

/// A request makes and frees many small things: the system's allocator takes more time for them, and keeps more memory.
/// It stands where every service begins, so that none can be without it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Where the internal listener exposes metrics.
const METRICS_PATH: &str = "/metrics";
/// Threads that run tasks; a service waits more than it computes.
const WORKER_THREADS: usize = 2;
/// Threads for blocking work (password hashing, files).
const BLOCKING_THREADS: usize = 8;

/// Who this process is.
#[derive(Debug, Clone)]
pub struct ServiceInfo {
    /// The service's name.
    pub service: &'static str,
    /// The version that runs.
    pub version: String,
    /// This instance, such as `orders-1`.
    pub instance: String,
    /// `deployment.environment.name`.
    pub environment: String,
}

/// What a service gets to start with.
pub struct Boot {
    /// Configuration; read everything, then call `finish()`.
    pub env: Env,
    /// Who this process is.
    pub info: ServiceInfo,
    /// Metrics, checked against the registry.
    pub metrics: Metrics,
    /// Readiness; add dependencies with `watch_*`.
    pub health: Health,
    /// Faults; declare yours.
    pub faults: Faults,
    /// What this process signs its calls with, and whose calls it takes.
    pub auth: Auth,
    /// Cancelled when the process must stop; every worker listens to it.
    pub shutdown: CancellationToken,
}

/// What a service is: its routes and its background work.
pub struct App {
    router: Router,
    server: ServerConfig,
    workers: Vec<(&'static str, JoinHandle<()>)>,
    document: Option<fn() -> String>,
    ready: Option<Arc<dyn ReadyAnswers>>,
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A metric is not declared.
    #[error("metrics")]
    Metrics(#[from] MetricError),
    /// Telemetry cannot be set up.
    #[error("telemetry")]
    Telemetry(#[from] TelemetryError),
    /// The database cannot be used.
    #[error("database")]
    Database(#[from] sqlx::Error),
    /// The database cannot be migrated.
    #[error("migrations")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Redis cannot be used.
    #[error("redis")]
    Redis(#[from] redis::RedisError),
    /// The address cannot be bound, or another system call failed.
    #[error("{0}")]
    Io(String, #[source] std::io::Error),
    /// Anything else that the service itself found.
    #[error("{0}")]
    Other(String),
    /// A client of another service cannot be made.
    #[error(transparent)]
    Client(#[from] crate::client::CallError),
}

impl App {
    /// An app with these routes.
    pub fn new(router: Router) -> Self {
        Self { router, server: ServerConfig::default(), workers: Vec::new(), document: None, ready: None }
    }

    /// Adds background work. It must end soon after the shutdown token is cancelled; if it ends earlier, the process
    /// stops with a failure so that it gets replaced.
    pub fn worker(mut self, name: &'static str, handle: JoinHandle<()>) -> Self {
        self.workers.push((name, handle));
        self
    }

    /// Shows this OpenAPI document at the internal listener.
    pub fn openapi(mut self, document: fn() -> String) -> Self {
        self.document = Some(document);
        self
    }

    /// Asks for answers that are ready before a request goes to the routes.
    pub fn ready(mut self, answers: Arc<dyn ReadyAnswers>) -> Self {
        self.ready = Some(answers);
        self
    }

    /// Other server limits than the default ones.
    pub fn server(mut self, config: ServerConfig) -> Self {
        self.server = config;
        self
    }
}

/// Runs a service until it is told to stop. `main` returns what this returns. With `--environment` it prints which
/// variables the service reads and where it is watched, as JSON, and ends.
pub fn run<F, Fut>(service: &'static str, version: &'static str, start: F) -> ExitCode
where
    F: FnOnce(Boot) -> Fut,
    Fut: Future<Output = Result<App, StartError>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    let result = runtime.map_err(|error| StartError::Io("runtime".to_owned(), error)).and_then(|runtime| {
        let asked = std::env::args().nth(1).is_some_and(|argument| argument == "--environment");
        if asked {
            runtime.block_on(describe(service, version, start))
        } else {
            runtime.block_on(live(service, version, start))
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{service}: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The routes of a service with every layer, callers checked: what [`run`] serves at `HTTP_ADDR`.
pub fn service_router(app_router: Router, config: ServerConfig, boot: &BootParts) -> Router {
    let guarded = auth::guarded(app_router, &boot.auth, &boot.metrics);
    server::layered(boot.faults.around(guarded), &boot.metrics, config)
}

/// Health, metrics and faults: what [`run`] serves at `INTERNAL_ADDR`, which nothing outside the platform reaches.
pub fn internal_router(boot: &BootParts) -> Router {
    let exposition = Router::new()
        .route(METRICS_PATH, get(expose))
        .with_state((boot.metrics.clone(), boot.faults.clone()));
    boot.health.router().merge(boot.faults.router()).merge(exposition)
}

/// Both on one router and callers not checked, for the tests of a service: they call it without a socket.
pub fn open_router(app_router: Router, config: ServerConfig, boot: &BootParts) -> Router {
    server::layered(boot.faults.around(app_router), &boot.metrics, config).merge(internal_router(boot))
}

/// The parts of [`Boot`] that the routers need.
#[derive(Clone)]
pub struct BootParts {
    /// Metrics to expose.
    pub metrics: Metrics,
    /// Readiness to report.
    pub health: Health,
    /// Faults to list and switch.
    pub faults: Faults,
    /// Whose calls are taken.
    pub auth: Auth,
}

impl Boot {
    /// A boot for tests: environment from pairs, no telemetry backends, faults switchable with the token `test`.
    pub fn for_tests(service: &'static str, env: Env) -> Result<Self, MetricError> {
        let metrics = Metrics::new(service, "0.0.0-test")?;
        let faults = Faults::new(Some(crate::config::Secret::new("test")), metrics.clone());
        let info = ServiceInfo {
            service,
            version: "0.0.0-test".to_owned(),
            instance: format!("{service}-test"),
            environment: "test".to_owned(),
        };
        let auth = auth::testing::auth(service);
        let shutdown = CancellationToken::new();
        Ok(Self { env, info, metrics, health: Health::default(), faults, auth, shutdown })
    }

    /// The parts that the routers need.
    pub fn parts(&self) -> BootParts {
        BootParts {
            metrics: self.metrics.clone(),
            health: self.health.clone(),
            faults: self.faults.clone(),
            auth: self.auth.clone(),
        }
    }

    /// A client of another service, such as `boot.client("orders", urls, ClientConfig::default())`. Its calls bear this
    /// service's token; without a key to sign with, that is noted as a problem of the configuration.
    pub fn client(
        &self,
        peer: &'static str,
        urls: Vec<String>,
        config: ClientConfig,
    ) -> Result<ServiceClient, StartError> {
        let signer = self.auth.signer().cloned();
        if signer.is_none() {
            let what = "the private key with which calls of other services are signed";
            self.env.clone().require("SERVICE_AUTH_KEY_FILE", what);
        }
        Ok(ServiceClient::signed(peer, urls, self.metrics.clone(), config, signer)?)
    }
}

/// What every service reads of its environment before its own part does.
struct Process {
    info: ServiceInfo,
    addresses: Addresses,
    auth: Auth,
    drain: Duration,
    telemetry: TelemetryConfig,
    faults_token: Option<crate::config::Secret>,
}

impl Process {
    fn from_env(service: &'static str, version: &'static str, env: &mut Env) -> Self {
        Self {
            info: ServiceInfo {
                service,
                version: env.optional("SERVICE_VERSION", version.to_owned()),
                instance: env.optional("SERVICE_INSTANCE", format!("{service}-1")),
                environment: env.optional("DEPLOYMENT_ENVIRONMENT", "local".to_owned()),
            },
            addresses: Addresses::from_env(env),
            auth: Auth::from_env(service, env),
            drain: Duration::from_secs(env.optional("DRAIN_SECONDS", 10)),
            telemetry: TelemetryConfig::from_env(env),
            faults_token: env.secret("FAULTS_TOKEN"),
        }
    }
}

/// What the internal listener serves to whoever watches the process.
#[derive(serde::Serialize)]
struct Description {
    service: &'static str,
    #[serde(flatten)]
    environment: crate::config::Asked,
    live: &'static str,
    ready: &'static str,
    metrics: &'static str,
}

/// Starts a service without any configuration, which ends once it has read all of it, and tells what it asked for.
async fn describe<F, Fut>(service: &'static str, version: &'static str, start: F) -> Result<(), StartError>
where
    F: FnOnce(Boot) -> Fut,
    Fut: Future<Output = Result<App, StartError>>,
{
    let mut env = Env::from_pairs::<String, String>([]);
    let Process { info, auth, faults_token, .. } = Process::from_env(service, version, &mut env);
    let metrics = Metrics::new(service, version)?;
    let boot = Boot {
        env: env.clone(),
        info,
        faults: Faults::new(faults_token, metrics.clone()),
        metrics,
        health: Health::default(),
        auth,
        shutdown: CancellationToken::new(),
    };
    match start(boot).await {
        Err(StartError::Config(_)) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(StartError::Other("it starts without any configuration".to_owned())),
    }
    let description = Description {
        service,
        environment: env.asked(),
        live: LIVE_PATH,
        ready: READY_PATH,
        metrics: METRICS_PATH,
    };
    println!("{}", serde_json::json!(description));
    Ok(())
}

async fn live<F, Fut>(service: &'static str, version: &'static str, start: F) -> Result<(), StartError>
where
    F: FnOnce(Boot) -> Fut,
    Fut: Future<Output = Result<App, StartError>>,
{
    let mut env = Env::from_process();
    let Process { info, addresses, auth, drain, telemetry: telemetry_config, faults_token } =
        Process::from_env(service, version, &mut env);

    let metrics = Metrics::new(service, &info.version)?;
    let telemetry = Telemetry::init(&info, &telemetry_config, &metrics)?;
    install_panic_hook();
    tracing::info!(version = info.version, "starting");
    let result = live_observed(env, info, metrics, faults_token, auth, addresses, drain, start).await;
    if let Err(error) = &result {
        tracing::error!(error = chain(error), "service failed");
    }
    telemetry.shutdown().await;
    result
}

async fn live_observed<F, Fut>(
    env: Env,
    info: ServiceInfo,
    metrics: Metrics,
    faults_token: Option<crate::config::Secret>,
    auth: Auth,
    addresses: Addresses,
    drain: Duration,
    start: F,
) -> Result<(), StartError>
where
    F: FnOnce(Boot) -> Fut,
    Fut: Future<Output = Result<App, StartError>>,
{
    let health = Health::default();
    let faults = Faults::new(faults_token, metrics.clone());
    faults.install();
    health.watch_configuration();
    let shutdown = CancellationToken::new();
    let boot = Boot {
        env: env.clone(),
        info,
        metrics: metrics.clone(),
        health: health.clone(),
        faults: faults.clone(),
        auth,
        shutdown: shutdown.clone(),
    };
    let parts = boot.parts();
    let stop_asked = stop_signals()?;
    let app = tokio::select! {
        started = start(boot) => started?,
        () = stop_asked.clone().cancelled_owned() => return Ok(()),
    };
    env.finish()?;
    if let Some(wrong) = faults.disagreements().into_iter().next() {
        return Err(StartError::Other(wrong));
    }
    let listener = listen(addresses.public).await?;
    let internal_listener = listen(addresses.internal).await?;

    health.probe_all().await;
    health.set_started();
    tokio::spawn(health.clone().run(shutdown.clone()));
    tokio::spawn(faults.run(shutdown.clone()));
    tracing::info!(public = ?addresses.public, internal = ?addresses.internal, "serving");

    let router = service_router(app.router, app.server, &parts);
    let close = Close::default();
    let listener = ClosingListener::new(listener, close.clone());
    let listener = listener.map_err(|error| StartError::Io("public address".to_owned(), error))?;
    let listener = listener.tap_io(|connection| connection.set_nodelay());
    // Not drained: whoever watches the process wants answers to the end. It ends with the process.
    let internal_routes = internal_router(&parts).merge(openapi::router(app.document));
    let internal = axum::serve(internal_listener, internal_routes);
    let mut internal = tokio::spawn(async move { internal.await });
    let accept_until = CancellationToken::new();
    let service = Front::new(router, app.ready, telemetry::policy())
        .into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(accept_until.clone().cancelled_owned());
    let mut server = tokio::spawn(async move { server.await });

    let mut workers: FuturesUnordered<_> =
        app.workers.into_iter().map(|(name, handle)| async move { (name, handle.await) }).collect();
    let failure = tokio::select! {
        () = stop_asked.cancelled() => None,
        Some((name, ended)) = workers.next(), if !workers.is_empty() => {
            Some(StartError::Other(format!("worker '{name}' ended early: {ended:?}")))
        }
        ended = &mut server => Some(StartError::Other(format!("server ended early: {ended:?}"))),
        ended = &mut internal => Some(StartError::Other(format!("internal server ended early: {ended:?}"))),
    };

    tracing::info!(drain_seconds = drain.as_secs(), "draining");
    health.set_draining();
    shutdown.cancel();
    let finish = async {
        if !server.is_finished() {
            close.close().await;
            accept_until.cancel();
            let _ = (&mut server).await;
        }
        while workers.next().await.is_some() {}
    };
    if tokio::time::timeout(drain, finish).await.is_err() {
        tracing::warn!("drain time is over, work in progress is cut");
    }
    tracing::info!("stopped");
    failure.map_or(Ok(()), Err)
}

/// Where the process listens.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    public: Option<SocketAddr>,
    internal: Option<SocketAddr>,
}

impl Addresses {
    /// `HTTP_ADDR` and `INTERNAL_ADDR`, both required and apart: what is served at the one must not be at the other.
    fn from_env(env: &mut Env) -> Self {
        let mut address = |name, what| {
            let found: Option<String> = env.maybe(name);
            match found {
                None => env.require(name, what),
                Some(_) => return env.maybe::<SocketAddr>(name),
            }
            None
        };
        let public = address("HTTP_ADDR", "address and port of the service's routes");
        let internal = address("INTERNAL_ADDR", "address and port of health, metrics and faults");
        if public.is_some_and(|address| address.port() != 0) && public == internal {
            env.note("INTERNAL_ADDR must not be HTTP_ADDR");
        }
        Self { public, internal }
    }
}

async fn listen(address: Option<SocketAddr>) -> Result<TcpListener, StartError> {
    let address =
        address.ok_or_else(|| StartError::Other("an address to listen on is missing".to_owned()))?;
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| StartError::Io(format!("cannot listen on {address}"), error))
}

/// A token that SIGTERM or SIGINT cancels; a second signal ends the process at once.
fn stop_signals() -> Result<CancellationToken, StartError> {
    let failed = |error| StartError::Io("signal handler".to_owned(), error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let asked = CancellationToken::new();
    let token = asked.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(asked)
}

/// A panic becomes a log record with place and message, instead of text on standard error.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, panic = message, "panic");
        telemetry::write_out();
    }));
}

async fn expose(State((metrics, faults)): State<(Metrics, Faults)>) -> Response {
    // Ends expired faults, so that the gauge is right even if nobody asked for them.
    faults.list();
    match metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be rendered");
            Problem::new(Code::Internal, "metrics cannot be rendered").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;

    fn boot() -> Boot {
        Boot::for_tests("orders", Env::from_pairs::<String, String>([])).unwrap()
    }

    async fn status(router: &Router, path: &str) -> StatusCode {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn what_operators_need_is_at_the_internal_listener_alone() {
        let parts = boot().parts();
        let public = service_router(Router::new(), ServerConfig::default(), &parts);
        let internal = internal_router(&parts);
        for path in ["/healthz", "/metrics", "/faults"] {
            assert_eq!(status(&public, path).await, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(status(&internal, path).await, StatusCode::OK, "{path}");
        }
        assert_eq!(status(&public, "/readyz").await, StatusCode::NOT_FOUND);
    }

    #[test]
    fn both_addresses_are_required_and_differ() {
        let mut env = Env::from_pairs([("HTTP_ADDR", "127.0.0.1:7000")]);
        Addresses::from_env(&mut env);
        assert!(env.finish().unwrap_err().to_string().contains("INTERNAL_ADDR is required"));
        let mut env = Env::from_pairs([("HTTP_ADDR", "127.0.0.1:7000"), ("INTERNAL_ADDR", "127.0.0.1:7000")]);
        Addresses::from_env(&mut env);
        assert!(env.finish().unwrap_err().to_string().contains("must not be HTTP_ADDR"));
    }

    #[test]
    fn a_client_without_a_key_is_a_problem_of_the_configuration() {
        let boot = boot();
        boot.client("payments", vec!["http://127.0.0.1:1".to_owned()], ClientConfig::default()).unwrap();
        boot.env.finish().unwrap();
        let keyless = Boot {
            auth: Auth::new("orders", None, auth::Verifier::trusting_nobody("orders")),
            ..self::boot()
        };
        keyless.client("payments", Vec::new(), ClientConfig::default()).unwrap();
        assert!(keyless.env.finish().unwrap_err().to_string().contains("SERVICE_AUTH_KEY_FILE is required"));
    }
}
