//! Traces, logs and their identity. Set up once at start by [`crate::bootstrap::run`].
//!
//! What must always hold: the service works the same with every backend away. Spans wait in a bounded queue, log records
//! in another; what does not fit is dropped and counted, never waited for.

mod json;
mod loki;
mod traces;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Metadata;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::bootstrap::ServiceInfo;
use crate::config::{Env, Secret};
use crate::metrics::Metrics;

/// Libraries whose own messages would drown the service's.
const NOISY: &str = "hyper=warn,hyper_util=warn,h2=warn,tonic=warn,reqwest=warn,sqlx=warn,tower=warn,\
                     opentelemetry=warn,opentelemetry_sdk=error,opentelemetry-otlp=error,rustls=warn";

/// Where telemetry goes.
#[derive(Debug, Clone, Default)]
pub struct TelemetryConfig {
    /// OTLP over gRPC; nothing means that spans are made (logs still carry ids) but not sent.
    pub otlp_endpoint: Option<String>,
    /// Base URL of a Loki push API; nothing means stdout only.
    pub loki_url: Option<url::Url>,
    /// Sent as bearer token to both.
    pub token: Option<Secret>,
    /// Filter of log records, in the syntax of `RUST_LOG`.
    pub filter: Option<String>,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The trace exporter refused its settings.
    #[error("trace exporter")]
    Exporter(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The log shipper refused its settings.
    #[error("log shipper")]
    Loki(#[from] tracing_loki::Error),
    /// The filter does not parse.
    #[error("RUST_LOG is not a valid filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else has set the subscriber before.
    #[error("a subscriber is already set")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Handle on what must be flushed at the end.
pub struct Telemetry {
    tracer: SdkTracerProvider,
    shipper: Option<loki::Shipper>,
}

impl TelemetryConfig {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, `LOKI_URL`, `TELEMETRY_TOKEN` and `RUST_LOG`.
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            otlp_endpoint: env.maybe("OTEL_EXPORTER_OTLP_ENDPOINT"),
            loki_url: env.maybe("LOKI_URL"),
            token: env.secret("TELEMETRY_TOKEN"),
            filter: env.maybe("RUST_LOG"),
        }
    }
}

impl Telemetry {
    /// Sets up this process's telemetry. Must be called inside a runtime.
    pub fn init(
        info: &ServiceInfo,
        config: &TelemetryConfig,
        metrics: &Metrics,
    ) -> Result<Self, TelemetryError> {
        let tracer = traces::provider(info, config)?;
        let (loki_layer, shipper) = loki::layer(info, config, metrics)?.unzip();
        let spans = Targets::new().with_default(LevelFilter::INFO).with_targets(
            ["hyper", "hyper_util", "h2", "tonic", "tower", "reqwest"].map(|name| (name, LevelFilter::OFF)),
        );
        let shippable = log_filter(config)?.and(filter_fn(is_shippable));
        let shipped = loki_layer.map(|layer| layer.with_filter(shippable));
        Registry::default()
            .with(traces::layer(&tracer).with_filter(spans))
            .with(json::JsonLayer::new(info).with_filter(log_filter(config)?))
            .with(shipped)
            .try_init()?;
        Ok(Self { tracer, shipper })
    }

    /// Sends what is still queued, for a few seconds at most.
    pub async fn shutdown(self) {
        if let Some(shipper) = self.shipper {
            shipper.shutdown().await;
        }
        let tracer = self.tracer;
        let flush = tokio::task::spawn_blocking(move || tracer.shutdown_with_timeout(traces::FLUSH_TIMEOUT));
        let _ = flush.await;
    }
}

/// The trace in which the caller runs, as 32 hex digits.
pub fn current_trace_id() -> Option<String> {
    current_ids().map(|(trace_id, _)| trace_id)
}

/// Trace and span in which the caller runs, as hex.
pub fn current_ids() -> Option<(String, String)> {
    let context = opentelemetry::Context::current();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
}

fn log_filter(config: &TelemetryConfig) -> Result<EnvFilter, TelemetryError> {
    let chosen = config.filter.as_deref().unwrap_or("info");
    Ok(EnvFilter::try_new(format!("{NOISY},{chosen}"))?)
}

/// The shipper's own complaints must not be shipped: they would queue up behind what they complain about.
fn is_shippable(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("tracing_loki")
}
