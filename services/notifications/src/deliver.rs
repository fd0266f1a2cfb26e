//! The use case: one entry of the stream, one mail.

use std::sync::Arc;
use std::time::Duration;

use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::streams;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::compose::Composer;
use crate::event::{Event, MailKind};
use crate::event_stream::{Entry, EventStream, GROUP};
use crate::lease::Lease;
use crate::mailers::{MailError, Mailer};
use crate::quota::Quota;
use crate::storage::postgres::{Claim, PgDeliveries};
use crate::telemetry::{ERRORS, LATENCY, NotificationMetrics};

/// Longest time for handing one mail over.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// After so many tries an entry that is no event, or a mail that is refused, is put aside.
pub const MAX_TRIES: u32 = 5;
/// Tries to remember that a mail is out, for that is the one thing that must not be forgotten.
const REMEMBER_TRIES: u32 = 5;
const REMEMBER_PAUSE: Duration = Duration::from_millis(200);

/// Everything that is needed to handle an entry of one stream.
#[derive(Clone)]
pub struct Notifications {
    pub events: EventStream,
    pub deliveries: PgDeliveries,
    pub lease: Lease,
    pub composer: Composer,
    pub mailer: Arc<dyn Mailer>,
    pub metrics: NotificationMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
    pub quota: Quota,
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
        let stream = self.events.topic().stream();
        let span = tracing::info_span!(
            "process event",
            otel.name = format!("process {stream}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            messaging.system = "redis",
            messaging.operation.type = "process",
            messaging.destination.name = stream,
            messaging.consumer.group.name = GROUP,
            messaging.message.id = entry.id,
            shop.order.id = Empty,
            error.type = Empty,
        );
        streams::continue_trace(&span, streams::extract_context(entry.trace_context()));
        self.settle(entry).instrument(span).await;
    }

    async fn settle(&self, entry: Entry) {
        let kind = entry.text("type").and_then(|name| self.events.topic().mail_about(name));
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
        self.events.dead_letter(entry, reason).await?;
        self.metrics.dead_lettered.with_label_values(&[reason]).inc();
        if let Some(kind) = kind {
            self.count(kind, "dead_lettered");
        }
        tracing::error!(entry = entry.id, reason, "event put aside, nobody was told");
        Ok(())
    }

    async fn deliver(&self, entry: &Entry) -> Outcome {
        let event = match entry.event(self.events.topic()) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(entry = entry.id, %error, "entry is no event");
                // Another version of this service, running beside this one in a deploy, may understand it.
                let tries = self.events.deliveries(entry).await.ok().flatten().unwrap_or(0);
                return give_up(tries >= u64::from(MAX_TRIES), "unreadable");
            }
        };
        if let Some(order) = event.order() {
            Span::current().record("shop.order.id", order.to_string());
        }
        let Some(kind) = event.mail() else { return Outcome::Finished };
        let now = self.clock.now();
        match self.deliveries.claim(event.id(), event.order(), kind, now, now + self.lease.length).await {
            Ok(Claim::Granted { attempt }) => self.attempt(&event, kind, attempt).await,
            Ok(Claim::Sent) => Outcome::Finished,
            Ok(Claim::Busy) => Outcome::Again,
            Err(error) => {
                tracing::warn!(%error, "deliveries cannot be read");
                Outcome::Again
            }
        }
    }

    async fn attempt(&self, event: &Event, kind: MailKind, attempt: i32) -> Outcome {
        match self.quota.is_used_up(kind, event, self.clock.now()).await {
            Ok(false) => {}
            Ok(true) => return self.withhold(event, kind).await,
            Err(error) => tracing::warn!(%error, "mails of a mailbox cannot be counted"),
        }
        let keep_lease = || self.lease.keep(&self.deliveries, &self.clock, event.id(), attempt);
        let sent = tokio::select! {
            sent = self.send(event, kind) => sent,
            () = keep_lease() => {
                tracing::warn!(event = %event.id(), attempt, "lease lost, the mail is left to whoever has it");
                return Outcome::Again;
            }
        };
        match sent {
            Ok(()) => {
                self.count(kind, "sent");
                tracing::info!(event = %event.id(), kind = kind.as_str(), attempt, "mail sent");
                tokio::select! {
                    outcome = self.remember(event) => outcome,
                    // Remembering goes on without it: the mail is out.
                    () = async { keep_lease().await; std::future::pending().await } => Outcome::Again,
                }
            }
            Err(error) => {
                self.count(kind, "failed");
                tracing::warn!(event = %event.id(), kind = kind.as_str(), attempt, %error, "mail not sent");
                let now = self.clock.now();
                if let Err(error) = self.deliveries.release(event.id(), attempt, now).await {
                    tracing::debug!(%error, "lease runs out by itself");
                }
                match error {
                    MailError::Refused(_) => give_up(attempt >= MAX_TRIES as i32, "refused"),
                    MailError::NotNow(_) => {
                        give_up(now - event.occurred_at() > kind.worth_sending_for(), "expired")
                    }
                }
            }
        }
    }

    /// The mailbox had enough of these: the event is over without a mail.
    async fn withhold(&self, event: &Event, kind: MailKind) -> Outcome {
        if let Err(error) = self.deliveries.mark_withheld(event.id(), self.clock.now()).await {
            tracing::warn!(%error, "withheld mail could not be remembered");
            return Outcome::Again;
        }
        self.count(kind, "withheld");
        tracing::warn!(event = %event.id(), kind = kind.as_str(), "mail withheld, its mailbox had enough of them");
        Outcome::Finished
    }

    async fn send(&self, event: &Event, kind: MailKind) -> Result<(), MailError> {
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

    async fn remember(&self, event: &Event) -> Outcome {
        for attempt in 1..=REMEMBER_TRIES {
            match self.deliveries.mark_sent(event.id(), self.clock.now()).await {
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
