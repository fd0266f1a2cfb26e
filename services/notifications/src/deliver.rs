//! The use case: one entry of the stream, one mail.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use shop_contracts::events::{ORDERS_STREAM, OrderEvent, OrderEventKind};
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::streams;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::compose::{Composer, MailKind};
use crate::event_stream::{Entry, EventStream, GROUP};
use crate::mailers::{MailError, Mailer};
use crate::storage::postgres::{Claim, PgDeliveries};
use crate::telemetry::{ERRORS, LATENCY, NotificationMetrics};

/// Longest time for handing one mail over.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nobody else touches an event that is being sent; longer than sending can take.
pub const LEASE: Duration = Duration::from_secs(15);
/// After so many tries an entry that is no event, or a mail that is refused, is put aside.
pub const MAX_TRIES: u32 = 5;
/// A mail that the other side always wants to have later is put aside when its event is so old.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// Tries to remember that a mail is out, for that is the one thing that must not be forgotten.
const REMEMBER_TRIES: u32 = 5;
const REMEMBER_PAUSE: Duration = Duration::from_millis(200);

/// Everything that is needed to handle an entry.
#[derive(Clone)]
pub struct Notifications {
    pub events: EventStream,
    pub deliveries: PgDeliveries,
    pub composer: Composer,
    pub mailer: Arc<dyn Mailer>,
    pub metrics: NotificationMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing is left to do.
    Finished,
    /// It stays pending and comes again.
    Again,
    /// It is put aside.
    Hopeless { reason: &'static str },
}

impl Notifications {
    /// Handles an entry in the trace that it came with. Whatever fails, the entry stays pending and comes again.
    pub async fn handle(&self, entry: Entry) {
        let span = tracing::info_span!(
            "process event",
            otel.name = format!("process {ORDERS_STREAM}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            messaging.system = "redis",
            messaging.operation.type = "process",
            messaging.destination.name = ORDERS_STREAM,
            messaging.consumer.group.name = GROUP,
            messaging.message.id = entry.id,
            shop.order.id = Empty,
            error.type = Empty,
        );
        streams::continue_trace(&span, streams::extract_context(entry.trace_context()));
        self.settle(entry).instrument(span).await;
    }

    async fn settle(&self, entry: Entry) {
        let kind = entry.text("type").and_then(kind_of);
        let done = match self.deliver(&entry).await {
            Outcome::Finished => self.events.acknowledge(&entry).await,
            Outcome::Again => {
                Span::current().record("otel.status_code", "ERROR");
                return;
            }
            Outcome::Hopeless { reason } => {
                Span::current().record("otel.status_code", "ERROR");
                Span::current().record("error.type", reason);
                self.put_aside(&entry, kind, reason).await
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "entry stays pending");
        }
    }

    async fn put_aside(
        &self,
        entry: &Entry,
        kind: Option<MailKind>,
        reason: &'static str,
    ) -> Result<(), redis::RedisError> {
        self.events.bury(entry, reason).await?;
        self.metrics.dead_lettered.with_label_values(&[reason]).inc();
        if let Some(kind) = kind {
            self.count(kind, "dead_lettered");
        }
        tracing::error!(entry = entry.id, reason, "event put aside, nobody was told");
        Ok(())
    }

    async fn deliver(&self, entry: &Entry) -> Outcome {
        let event = match entry.event() {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(entry = entry.id, %error, "entry is no event");
                // Another version of this service, running beside this one in a deploy, may understand it.
                let tries = self.events.deliveries(entry).await.ok().flatten().unwrap_or(0);
                return give_up(tries >= u64::from(MAX_TRIES), "unreadable");
            }
        };
        Span::current().record("shop.order.id", event.order_id.to_string());
        let Some(kind) = MailKind::of(event.kind) else { return Outcome::Finished };
        let now = self.clock.now();
        match self.deliveries.claim(event.id, event.order_id, kind, now, now + LEASE).await {
            Ok(Claim::Granted { attempt }) => self.attempt(&event, kind, attempt).await,
            Ok(Claim::Sent) => Outcome::Finished,
            Ok(Claim::Busy) => Outcome::Again,
            Err(error) => {
                tracing::warn!(%error, "deliveries cannot be read");
                Outcome::Again
            }
        }
    }

    async fn attempt(&self, event: &OrderEvent, kind: MailKind, attempt: i32) -> Outcome {
        match self.send(event, kind).await {
            Ok(()) => {
                self.count(kind, "sent");
                tracing::info!(order_id = %event.order_id, kind = kind.as_str(), attempt, "mail sent");
                self.remember(event).await
            }
            Err(error) => {
                self.count(kind, "failed");
                tracing::warn!(order_id = %event.order_id, kind = kind.as_str(), attempt, %error, "mail not sent");
                if let Err(error) = self.deliveries.release(event.id, self.clock.now()).await {
                    tracing::debug!(%error, "lease runs out by itself");
                }
                match error {
                    MailError::Refused(_) => give_up(attempt >= MAX_TRIES as i32, "refused"),
                    MailError::NotNow(_) => {
                        give_up(self.clock.now() - event.occurred_at > GIVE_UP_AFTER, "expired")
                    }
                }
            }
        }
    }

    async fn send(&self, event: &OrderEvent, kind: MailKind) -> Result<(), MailError> {
        let mail = self.composer.compose(kind, event).map_err(|e| MailError::Refused(e.to_string()))?;
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            return Err(MailError::NotNow("an injected fault".to_owned()));
        }
        let span = tracing::info_span!("send mail", otel.kind = "client", shop.mail.kind = kind.as_str());
        tokio::time::timeout(SEND_TIMEOUT, self.mailer.send(&mail).instrument(span))
            .await
            .unwrap_or_else(|_| Err(MailError::NotNow("the mail was not taken in time".to_owned())))
    }

    async fn remember(&self, event: &OrderEvent) -> Outcome {
        for attempt in 1..=REMEMBER_TRIES {
            match self.deliveries.mark_sent(event.id, self.clock.now()).await {
                Ok(()) => return Outcome::Finished,
                Err(error) => tracing::warn!(%error, attempt, "sent mail could not be remembered"),
            }
            tokio::time::sleep(REMEMBER_PAUSE).await;
        }
        Outcome::Again
    }

    fn count(&self, kind: MailKind, outcome: &str) {
        self.metrics.notifications.with_label_values(&[kind.as_str(), outcome]).inc();
    }
}

fn give_up(hopeless: bool, reason: &'static str) -> Outcome {
    if hopeless { Outcome::Hopeless { reason } } else { Outcome::Again }
}

/// By the field `type`, which can be read when the payload cannot.
fn kind_of(name: &str) -> Option<MailKind> {
    [OrderEventKind::Confirmed, OrderEventKind::Declined, OrderEventKind::Failed]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .and_then(MailKind::of)
}
