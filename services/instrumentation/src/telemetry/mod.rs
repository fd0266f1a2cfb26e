//! Traces, logs and their identity. Set up once at start by [`crate::bootstrap::run`].
//!
//! What must always hold: the service works the same with every backend away. Spans wait in a bounded queue, log records
//! in another; what does not fit is dropped and counted, never waited for.

#[cfg(test)]
pub(crate) mod exported;
mod json;
mod loki;
mod policy;
pub mod remote;
mod sampling;
mod stdout;
mod tail;
mod traces;

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

pub(crate) use self::policy::policy;
pub use self::policy::{AccessLog, Policy};
pub use self::sampling::Sampling;
use crate::bootstrap::ServiceInfo;
use crate::config::{Env, Secret};
use crate::metrics::Metrics;

/// Libraries whose own messages would drown the service's.
const NOISY: &str = "hyper=warn,hyper_util=warn,h2=warn,tonic=warn,reqwest=warn,sqlx=warn,tower=warn,\
                     opentelemetry=warn,opentelemetry_sdk=error,opentelemetry-otlp=error,rustls=warn";

/// The target of the access log. It says what the span says already, so it is no event of the span.
pub(crate) const ACCESS: &str = "access";
/// How long records may take to be written when the process ends or panics.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

static STDOUT: OnceLock<stdout::Writer> = OnceLock::new();
static RATIO: OnceLock<f64> = OnceLock::new();

/// Where telemetry goes, and how much of it.
#[derive(Debug, Clone, Default)]
pub struct TelemetryConfig {
    /// OTLP over gRPC; nothing means that spans are made (logs still carry ids) but not sent.
    pub otlp_endpoint: Option<String>,
    /// Base URL of a Loki push API; nothing means stdout only.
    pub loki_url: Option<url::Url>,
    /// Sent as bearer token to both.
    pub token: Option<Secret>,
    /// Filter of log records: `level` and `target=level`, with commas between.
    pub filter: Option<String>,
    /// Which traces are sampled.
    pub sampling: Sampling,
    /// Which requests are told.
    pub policy: Policy,
    /// No spans are made, and nothing but standard output is written to.
    pub is_disabled: bool,
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
    /// The thread that writes log records cannot be started.
    #[error("standard output")]
    Stdout(#[source] std::io::Error),
    /// Something else has set the subscriber before.
    #[error("a subscriber is already set")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Handle on what must be flushed at the end.
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    shipper: Option<loki::Shipper>,
}

impl TelemetryConfig {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`, `OTEL_SDK_DISABLED`,
    /// `LOKI_URL`, `TELEMETRY_TOKEN`, `RUST_LOG`, `ACCESS_LOG` and `SLOW_REQUEST_MS`.
    pub fn from_env(env: &mut Env) -> Self {
        let is_disabled = env.optional("OTEL_SDK_DISABLED", false);
        Self {
            sampling: Sampling::from_env(env),
            policy: Policy::from_env(env),
            is_disabled,
            otlp_endpoint: env.maybe("OTEL_EXPORTER_OTLP_ENDPOINT"),
            loki_url: env.maybe("LOKI_URL").filter(|_| !is_disabled),
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
        config.policy.choose();
        let _ = RATIO.set(if config.is_disabled { 0.0 } else { config.sampling.ratio() });
        let started = stdout::Writer::start(std::io::stdout(), metrics.dropped("stdout"));
        let stdout = STDOUT.get_or_init({
            let started = started.map_err(TelemetryError::Stdout)?;
            || started
        });
        let tracer = if config.is_disabled { None } else { Some(traces::provider(info, config, metrics)?) };
        if let Some(tracer) = &tracer {
            // For spans that were measured elsewhere, see `remote`.
            opentelemetry::global::set_tracer_provider(tracer.clone());
        }
        let (loki_layer, shipper) = loki::layer(info, config, metrics)?.unzip();
        let spans = Targets::new().with_default(LevelFilter::INFO).with_targets(
            ["hyper", "hyper_util", "h2", "tonic", "tower", "reqwest", ACCESS]
                .map(|name| (name, LevelFilter::OFF)),
        );
        let shippable = log_filter(config)?.and(filter_fn(is_shippable));
        let shipped = loki_layer.map(|layer| layer.with_filter(shippable));
        Registry::default()
            .with(tracer.as_ref().map(|tracer| traces::layer(tracer).with_filter(spans)))
            .with(json::JsonLayer::new(info, stdout.clone()).with_filter(log_filter(config)?))
            .with(shipped)
            .try_init()?;
        Ok(Self { tracer, shipper })
    }

    /// Sends what is still queued, for a few seconds at most.
    pub async fn shutdown(self) {
        if let Some(shipper) = self.shipper {
            shipper.shutdown().await;
        }
        if let Some(tracer) = self.tracer {
            let flush =
                tokio::task::spawn_blocking(move || tracer.shutdown_with_timeout(traces::FLUSH_TIMEOUT));
            let _ = flush.await;
        }
        let _ = tokio::task::spawn_blocking(write_out).await;
    }
}

/// Waits a moment for log records to be written: for panics, after which the process may be gone.
pub(crate) fn write_out() {
    if let Some(stdout) = STDOUT.get() {
        stdout.flush(WRITE_LIMIT);
    }
}

/// Draws whether a trace that begins now is sampled.
pub(crate) fn is_drawn() -> bool {
    match RATIO.get().copied().unwrap_or_default() {
        ratio if ratio >= 1.0 => true,
        ratio => ratio > 0.0 && crate::ids::random_share() < ratio,
    }
}

/// The trace in which the caller runs, as 32 hex digits.
pub fn current_trace_id() -> Option<String> {
    current_span().map(|span| span.trace_id().to_string())
}

/// Trace and span in which the caller runs, as hex.
pub fn current_ids() -> Option<(String, String)> {
    current_span().map(|span| (span.trace_id().to_string(), span.span_id().to_string()))
}

/// The span in which the caller runs.
pub(crate) fn current_span() -> Option<SpanContext> {
    opentelemetry::Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.clone())
    })
}

/// Makes a span, which must have no parent yet, go on with the current trace as a local root of its own: for work that
/// may outlive the request that began it. Whether the request is kept as evidence is judged when it ends, and whether
/// this work is, when this span does.
pub fn local_root(span: Span) -> Span {
    if let Some(current) = current_span() {
        let remote = SpanContext::new(
            current.trace_id(),
            current.span_id(),
            current.trace_flags(),
            true,
            current.trace_state().clone(),
        );
        if let Err(error) = span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote)) {
            tracing::debug!(%error, "trace context not continued");
        }
    }
    span
}

/// By target and level only: a filter that knows spans costs several look-ups with every one of them.
fn log_filter(config: &TelemetryConfig) -> Result<Targets, TelemetryError> {
    let chosen = config.filter.as_deref().unwrap_or("info");
    Ok(format!("{NOISY},{chosen}").parse()?)
}

/// The shipper's own complaints must not be shipped: they would queue up behind what they complain about.
fn is_shippable(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("tracing_loki")
}
