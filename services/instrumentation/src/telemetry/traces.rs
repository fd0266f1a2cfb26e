//! Spans over OTLP/gRPC, from a bounded queue on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use super::tail::KeepEvidence;
use super::{TelemetryConfig, TelemetryError};
use crate::bootstrap::ServiceInfo;
use crate::metrics::Metrics;

/// Spans that wait at most; more are dropped.
const QUEUE_SPANS: usize = 4096;
/// Spans in one export.
const BATCH_SPANS: usize = 512;
/// How long spans wait for company.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last export may take when the process ends.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The provider of this process's spans.
pub(super) fn provider(
    info: &ServiceInfo,
    config: &TelemetryConfig,
    metrics: &Metrics,
) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder_empty()
        .with_service_name(info.service)
        .with_attributes([
            KeyValue::new("service.version", info.version.clone()),
            KeyValue::new("service.instance.id", info.instance.clone()),
            KeyValue::new("deployment.environment.name", info.environment.clone()),
            KeyValue::new("telemetry.sdk.language", "rust"),
        ])
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource).with_sampler(config.sampling.clone());
    let Some(endpoint) = &config.otlp_endpoint else { return Ok(builder.build()) };

    let mut metadata = MetadataMap::new();
    if let Some(token) = &config.token {
        let value = format!("Bearer {}", token.expose()).parse();
        metadata.insert("authorization", value.map_err(|error| TelemetryError::Exporter(Box::new(error)))?);
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .with_metadata(metadata)
        .build()
        .map_err(|error| TelemetryError::Exporter(Box::new(error)))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS)
        .with_max_export_batch_size(BATCH_SPANS)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let exporter = Quiet { inner: exporter, failing: AtomicBool::new(false) };
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let processor = KeepEvidence::new(processor, config.policy.slow, metrics.dropped("traces"));
    Ok(builder.with_span_processor(processor).build())
}

/// The layer that turns tracing's spans into OpenTelemetry's.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("shop-instrumentation"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}

/// Says once that the backend is gone and once that it is back, instead of once a second.
#[derive(Debug)]
struct Quiet<E> {
    inner: E,
    failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Quiet<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        match (&result, self.failing.swap(result.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!(%error, spans, "trace export failing, spans are dropped"),
            (Ok(()), true) => tracing::info!("trace export works again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
