//! Log records to a Loki push API through `tracing-loki`, made safe for a Loki that is away or hangs.
//!
//! `tracing-loki` keeps every record until it is sent and backs off for up to ten minutes. So its layer and task are
//! renewed in *generations*: each takes a bounded number of records and lives for a bounded time, then sends the rest
//! and is dropped, at the latest after [`RETIREMENT`]. At most two generations exist, which bounds memory and the time
//! until a Loki that came back is used again. The task is polled in paced steps, so that records travel in batches.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::task::{JoinHandle, unconstrained};
use tokio_util::sync::CancellationToken;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::metadata::Kind;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_loki::{BackgroundTask, BackgroundTaskController};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use super::{TelemetryConfig, TelemetryError};
use crate::bootstrap::ServiceInfo;
use crate::metrics::{IntCounter, Metrics};

/// Records that one generation takes.
const RECORDS_PER_GENERATION: usize = 8192;
/// Records that wait for the next step; the channel inside `tracing-loki` holds this many.
const RECORDS_PER_STEP: usize = 512;
/// How often the task gets to work.
const STEP: Duration = Duration::from_millis(100);
/// How long a generation takes records.
const LIFETIME: Duration = Duration::from_secs(20);
/// How long a generation may go on sending after that.
const RETIREMENT: Duration = Duration::from_secs(5);

/// The layer, which stays, around `tracing-loki`'s layer, which is renewed.
pub(super) struct LokiLayer {
    shared: Arc<Shared>,
}

/// Handle on the task that renews and drives the generations.
pub(super) struct Shipper {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Shared {
    layer: RwLock<tracing_loki::Layer>,
    in_generation: AtomicUsize,
    in_step: AtomicUsize,
    dropped: IntCounter,
}

struct Generation {
    controller: BackgroundTaskController,
    task: BackgroundTask,
}

/// The layer and its task, when a Loki is configured. Must be called inside a runtime.
pub(super) fn layer(
    info: &ServiceInfo,
    config: &TelemetryConfig,
    metrics: &Metrics,
) -> Result<Option<(LokiLayer, Shipper)>, TelemetryError> {
    let Some(url) = &config.loki_url else { return Ok(None) };
    let mut builder = tracing_loki::builder()
        .label("service_name", info.service)?
        .label("service_instance_id", &info.instance)?;
    if let Some(token) = &config.token {
        builder = builder.http_header("Authorization", format!("Bearer {}", token.expose()))?;
    }
    let (layer, generation) = next_generation(&builder, url)?;
    let shared = Arc::new(Shared {
        layer: RwLock::new(layer),
        in_generation: AtomicUsize::new(0),
        in_step: AtomicUsize::new(0),
        dropped: metrics.dropped("logs"),
    });
    let stop = CancellationToken::new();
    let task = tokio::spawn(drive(shared.clone(), builder, url.clone(), generation, stop.clone()));
    Ok(Some((LokiLayer { shared }, Shipper { stop, task })))
}

impl Shipper {
    /// Sends what waits, for [`RETIREMENT`] at most.
    pub(super) async fn shutdown(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(RETIREMENT, self.task).await;
    }
}

fn next_generation(
    builder: &tracing_loki::Builder,
    url: &Url,
) -> Result<(tracing_loki::Layer, Generation), tracing_loki::Error> {
    let (layer, controller, task) = builder.clone().build_controller_url(url.clone())?;
    Ok((layer, Generation { controller, task }))
}

async fn drive(
    shared: Arc<Shared>,
    builder: tracing_loki::Builder,
    url: Url,
    mut generation: Generation,
    stop: CancellationToken,
) {
    let mut retiring: Option<JoinHandle<()>> = None;
    loop {
        serve_generation(&shared, &mut generation, &stop).await;
        if let Some(older) = retiring.take() {
            let _ = older.await;
        }
        if stop.is_cancelled() {
            retire(shared, generation).await;
            return;
        }
        let Ok((layer, next)) = next_generation(&builder, &url) else { continue };
        *shared.layer.write() = layer;
        shared.in_generation.store(0, Ordering::Relaxed);
        retiring = Some(tokio::spawn(retire(shared.clone(), std::mem::replace(&mut generation, next))));
    }
}

/// Polls the generation's task in steps until its time or its share of records is used up.
async fn serve_generation(shared: &Shared, generation: &mut Generation, stop: &CancellationToken) {
    let mut age = Duration::ZERO;
    loop {
        let _ = futures::poll!(unconstrained(&mut generation.task));
        shared.in_step.store(0, Ordering::Relaxed);
        let taken = shared.in_generation.load(Ordering::Relaxed);
        let is_old = age >= LIFETIME && taken > 0;
        if is_old || taken >= RECORDS_PER_GENERATION || stop.is_cancelled() {
            return;
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(STEP)).await;
        age += STEP;
    }
}

/// Lets a generation send the rest, then drops it with whatever it could not send.
async fn retire(shared: Arc<Shared>, generation: Generation) {
    let Generation { controller, task } = generation;
    let sending = async {
        let mut task = pin!(unconstrained(task));
        while futures::poll!(&mut task).is_pending() {
            shared.in_step.store(0, Ordering::Relaxed);
            tokio::time::sleep(STEP / 4).await;
        }
    };
    let _ = tokio::time::timeout(RETIREMENT, futures::future::join(controller.shutdown(), sending)).await;
}

/// Spans are told to `tracing-loki` with the first record in them: most have none, and it keeps their fields as JSON.
impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for LokiLayer {
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let is_full = self.shared.in_generation.load(Ordering::Relaxed) >= RECORDS_PER_GENERATION
            || self.shared.in_step.fetch_add(1, Ordering::Relaxed) >= RECORDS_PER_STEP;
        if is_full {
            self.shared.dropped.inc();
            return;
        }
        self.shared.in_generation.fetch_add(1, Ordering::Relaxed);
        let layer = self.shared.layer.read();
        if let Some(scope) = ctx.event_scope(event) {
            let outer: Vec<Id> = scope.map(|span| span.id()).collect();
            for id in &outer {
                tell_span(&layer, id, &ctx);
            }
        }
        if event.is_contextual() {
            tag_current_span(&layer, &ctx);
        }
        layer.on_event(event, ctx);
    }
}

/// Makes a span known to `tracing-loki`, without fields.
fn tell_span<S>(layer: &tracing_loki::Layer, id: &Id, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    struct Told;
    let Some(span) = ctx.span(id) else { return };
    if span.extensions().get::<Told>().is_some() {
        return;
    }
    let nothing = IDS_METADATA.fields().value_set(&[]);
    layer.on_new_span(&Attributes::new_root(&IDS_METADATA, &nothing), id, ctx.clone());
    span.extensions_mut().insert(Told);
}

/// Gives the current span the fields `trace_id` and `span_id`, which `tracing-loki` then writes into each line.
fn tag_current_span<S>(layer: &tracing_loki::Layer, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    struct Tagged;
    let Some(span) = ctx.lookup_current() else { return };
    if span.extensions().get::<Tagged>().is_some() {
        return;
    }
    let Some((trace_id, span_id)) = super::current_ids() else { return };
    let fields = IDS_METADATA.fields();
    let (Some(trace_field), Some(span_field)) = (fields.field("trace_id"), fields.field("span_id")) else {
        return;
    };
    let (trace_id, span_id) = (trace_id.as_str(), span_id.as_str());
    let values = [(&trace_field, Some(&trace_id as &dyn Value)), (&span_field, Some(&span_id as &dyn Value))];
    layer.on_record(&span.id(), &Record::new(&fields.value_set(&values)), ctx.clone());
    span.extensions_mut().insert(Tagged);
}

/// A call site that owns the two fields; `tracing` wants one for every field.
struct Ids;

static IDS: Ids = Ids;
static IDS_METADATA: Metadata<'static> = Metadata::new(
    "ids",
    module_path!(),
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&["trace_id", "span_id"], Identifier(&IDS)),
    Kind::SPAN,
);

impl Callsite for Ids {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &IDS_METADATA
    }
}
