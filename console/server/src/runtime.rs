//! The start-up order, top to bottom, and the end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alerting_engine::{Deps, EngineConfig, LoadError};
use axum::{Router, serve::ListenerExt as _};
use console_app::Backends;
use console_ingest::{Ingest, IngestDeps};
use console_model::clock::now_ms;
use console_query_api::prometheus;
use console_spanmetrics::SpanMetrics;
use console_storage::{source::TargetsSource, traces::SpanAppender};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    about::SelfAbout,
    alerting::Alerting,
    auth::{Attempts, Auth, QueryTokens},
    config::{Config, ConfigError, Secret},
    data_dir::{self, DataDirError},
    flux::FluxEvents,
    liveness::Liveness,
    maintenance,
    metrics::SelfMetrics,
    process, scraping,
    senders::Senders,
    sns::SnsMessages,
    sources::{Sources, SourcesError},
    state,
    stores::{Stores, StoresError},
    web::{self, AssetsError, Parts, Readiness},
};

/// Why the console does not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Assets(#[from] AssetsError),
    #[error("cannot listen on {field} {address}")]
    Listen { field: &'static str, address: SocketAddr, source: std::io::Error },
    #[error("liveness has no thread")]
    Liveness(#[source] std::io::Error),
    #[error("metrics cannot be registered")]
    Metrics(#[from] ::prometheus::Error),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Stores(#[from] StoresError),
    #[error(transparent)]
    Sources(#[from] SourcesError),
    #[error(transparent)]
    SpanMetrics(#[from] console_spanmetrics::StartError),
    #[error(transparent)]
    StateOpen(#[from] console_state::OpenError),
    #[error(transparent)]
    State(#[from] console_state::StateError),
    #[error("{0}")]
    Alerting(#[from] LoadError),
    #[error("{0}")]
    Scrape(String),
    #[error("a server ended by itself: {0}")]
    Server(String),
}

/// Runs until `stop` is cancelled, then drains.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), StartError> {
    let started_at_ms = now_ms();
    let version = config.version.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let assets = web::read_assets(&config.site_dir)?;
    // Bound first: a taken port must not cost the replay of a log.
    let main = listen("listen", config.listen).await?;
    let grpc = listen("otlp_grpc", config.otlp_grpc).await?;
    let otlp = listen("otlp_http", config.otlp_http).await?;
    let senders = Senders::bind(&config).await?;
    let _liveness = match config.health {
        Some(address) => {
            Some(Liveness::start(listen("health", address).await?).map_err(StartError::Liveness)?)
        }
        None => None,
    };

    let _alone = data_dir::lock(&config.data_dir)?;
    let metrics = SelfMetrics::new(&version)?;
    let stores = {
        let (dir, bounds) = (config.data_dir.clone(), config.stores);
        let opened = tokio::task::spawn_blocking(move || Stores::open(&dir, bounds)).await;
        opened.map_err(|e| StartError::Server(format!("opening the stores: {e}")))??
    };
    let sources = Sources::new(&config, &stores)?;
    // A database of other machines may take its time.
    let Some(opened) = stop.run_until_cancelled(state::open(&config)).await else { return Ok(()) };
    let state = Arc::new(opened?);

    let exposed = |tokens: &[Secret]| tokens.iter().map(|t| t.expose().to_owned()).collect::<Vec<_>>();
    let (spans, spanmetrics) = derive_metrics(&config, &stores, &metrics)?;
    let ingest = Ingest::new(IngestDeps {
        spans,
        logs: stores.logs.clone(),
        samples: stores.metrics.clone(),
        registry: &metrics.registry,
        tokens: exposed(&config.tokens.ingest),
        limits: config.ingest.clone(),
    })?;
    let alerting = Alerting::start(
        &config,
        Deps {
            metrics: sources.metrics.clone(),
            logs: sources.logs.clone(),
            traces: sources.traces.clone(),
            appender: stores.metrics.clone(),
            registry: metrics.registry.clone(),
        },
        state.clone(),
        stop.clone(),
    )?;
    let mut tasks = maintenance::start(stores.clone(), state.clone(), stop.clone());
    let scraping = scraping::load(&config)?;
    let process = process::describe(&config, scraping.as_ref(), &version, started_at_ms);
    let targets = scraping.map(|scraping| {
        let (task, targets) = scraping::start(scraping, &config, &stores, ingest.metrics(), stop.clone());
        tasks.push(task);
        targets
    });

    let flux = FluxEvents::new(&config, state.clone())?;
    let sns = SnsMessages::new(&config.sns, alerting.clone(), &metrics.registry)?;
    let backends = Backends {
        metrics: sources.metrics.clone(),
        logs: sources.logs.clone(),
        traces: sources.traces.clone(),
        alerts: alerting.source(),
        deploys: sources.deploys.clone(),
        flux: Arc::new(flux.clone()),
        cluster: sources.cluster.clone(),
        runbooks: sources.runbooks.clone(),
        about: Arc::new(SelfAbout {
            version: version.clone(),
            started_at_ms,
            stores: stores.clone(),
            backends: sources.backends.clone(),
            targets: targets.clone(),
            alerting: alerting.clone(),
            slack: if config.slack.webhook_url_file.is_some() { "configured" } else { "preview only" },
        }),
        clock: now_ms,
    };
    let auth = Auth {
        state: state.clone(),
        tokens: QueryTokens::new(exposed(&config.tokens.query)),
        assets,
        attempts: Attempts::register(&metrics.registry)?,
        is_https: config.external_url.starts_with("https://"),
    };
    let readiness = Readiness::default();
    let prometheus = prometheus::Sources {
        metrics: sources.metrics.clone(),
        alerts: alerting.source(),
        targets: targets.map(|t| Arc::new(t) as Arc<dyn TargetsSource>),
        process: Arc::new(process),
    };
    let router = web::router(Parts {
        auth,
        backends,
        sources,
        prometheus,
        flux,
        sns,
        ingest: ingest.clone(),
        metrics,
        stores: stores.clone(),
        readiness: readiness.clone(),
        state: state.clone(),
        site_dir: config.site_dir.clone(),
    });

    let mut servers = JoinSet::new();
    servers.spawn(serve("pages", main, router, stop.clone()));
    servers.spawn(serve("otlp_http", otlp, ingest.otlp_http_router(), stop.clone()));
    senders.spawn(&mut servers, &ingest, &stop);
    let stopped = stop.clone();
    servers.spawn(async move {
        ingest.serve_grpc(grpc, stopped.cancelled_owned()).await.map_err(|e| format!("otlp_grpc: {e}"))
    });
    readiness.set(true);
    tracing::info!(version, address = %config.listen, took_ms = now_ms() - started_at_ms, "console ready");

    let early = tokio::select! {
        () = stop.cancelled() => None,
        ended = servers.join_next() => ended,
    };
    readiness.set(false);
    stop.cancel();
    let drain = Duration::from_millis(config.drain_ms);
    let drained = tokio::time::timeout(drain, async { while servers.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(
            drain_ms = config.drain_ms,
            "requests were still running at the end of the drain time"
        );
        servers.abort_all();
    }
    alerting.stopped().await;
    for task in tasks {
        let _ = tokio::time::timeout(Duration::from_secs(2), task).await;
    }
    let finish = move || {
        // What it still has to write belongs into the store before that is synced.
        if let Some(derived) = spanmetrics {
            derived.stop();
        }
        stores.sync();
    };
    let _ = tokio::task::spawn_blocking(finish).await;
    let _ = tokio::time::timeout(Duration::from_secs(2), state.close()).await;
    tracing::info!("console stopped");
    match early {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(reason))) => Err(StartError::Server(reason)),
        Some(Err(panic)) => Err(StartError::Server(panic.to_string())),
    }
}

/// Where ingest puts spans, and what counts them on their way, if anything does.
fn derive_metrics(
    config: &Config,
    stores: &Stores,
    metrics: &SelfMetrics,
) -> Result<(Arc<dyn SpanAppender>, Option<SpanMetrics>), StartError> {
    if !config.derives_metrics() {
        return Ok((stores.traces.clone(), None));
    }
    let samples = stores.metrics.clone();
    let derived = SpanMetrics::start(config.spanmetrics.clone(), samples, &metrics.registry, now_ms)?;
    Ok((derived.tap(stores.traces.clone()), Some(derived)))
}

pub(crate) async fn listen(field: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { field, address, source })
}

async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), String> {
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|e| format!("{name}: {e}"))
}

pub(crate) fn engine_config(config: &Config) -> EngineConfig {
    let mut engine = EngineConfig::new(
        config.rule_files.clone(),
        config.routing_file.clone().unwrap_or_default(),
        &config.external_url,
        config.data_dir.join("alerting"),
    );
    engine.slack_webhook_url_file.clone_from(&config.slack.webhook_url_file);
    engine
}
