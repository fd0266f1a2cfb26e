//! Delivery of one due group: what each integration of the receiver must hear, retries, the log, the history.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use console_model::alert::{Alert, AlertState, DeliveryOutcome, Notification};

use crate::{
    dispatch::{Flush, LogEntry, SlackMessage},
    evidence::EvidenceStore,
    metrics::Metrics,
    notify::{
        Attempt, Notice, Prepared,
        email::{self, Mail},
        http, secret,
        slack::{self, Style},
        template, webhook,
    },
    routing::{Integration, Receiver, Route, receiver::Kind},
    state::StateFile,
};

const MAX_BACKOFF_MS: u64 = 30_000;
/// Retries go on for the group interval, and for at least this.
const MIN_RETRY_MS: i64 = 10_000;

/// What delivery needs to know.
#[derive(Clone, Debug)]
pub struct NotifierConfig {
    pub external_url: String,
    /// Relative files of the routing file are beside it.
    pub routing_file: PathBuf,
    pub slack_webhook_url_file: Option<PathBuf>,
    pub evidence_wait: Duration,
    pub http_timeout: Duration,
    pub retry_backoff_ms: u64,
    pub max_history: usize,
}

/// Sends notices. One group is never sent twice at the same time: the dispatcher sees to it.
pub struct Notifier {
    pub(crate) config: NotifierConfig,
    pub(crate) client: reqwest::Client,
    pub(crate) templates: console_template::Template,
    pub(crate) evidence: Arc<EvidenceStore>,
    pub(crate) state: Arc<StateFile>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: fn() -> i64,
}

impl Notifier {
    /// Tells every integration of the receiver that must hear of the group. Answers whether all heard.
    pub async fn flush(&self, flush: &Flush, alerts: Vec<Alert>, route: &Route, receiver: &Receiver) -> bool {
        let wanted: Vec<&Integration> =
            receiver.integrations.iter().filter(|i| self.must_hear(flush, &alerts, route, i)).collect();
        if wanted.is_empty() {
            return true;
        }
        let fingerprints: Vec<String> = alerts.iter().map(|a| a.fingerprint.clone()).collect();
        self.evidence.settle(&fingerprints, self.config.evidence_wait).await;
        let mut notice = Notice {
            receiver: receiver.name.clone(),
            group_key: flush.key.clone(),
            group_labels: flush.group_labels.clone(),
            alerts,
            external_url: self.config.external_url.clone(),
            now_ms: (self.clock)(),
        };
        for alert in &mut notice.alerts {
            let fresh = self.evidence.get(&alert.fingerprint);
            if fresh.trace_id.is_some() || fresh.log_line.is_some() {
                alert.evidence = fresh;
            }
        }
        notice.alerts.sort_by_key(|a| (a.state != AlertState::Firing, std::cmp::Reverse(a.active_at_ms)));
        let all = wanted.into_iter().map(|i| self.tell(flush, &notice, route, i));
        futures::future::join_all(all).await.into_iter().all(|heard| heard)
    }

    fn log_key(flush: &Flush, route: &Route, integration: &Integration) -> String {
        format!("{}|{}/{}[{}]", flush.key, route.receiver, integration.kind.name(), integration.index)
    }

    fn must_hear(&self, flush: &Flush, alerts: &[Alert], route: &Route, integration: &Integration) -> bool {
        let (firing, resolved) = split(alerts);
        let key = Self::log_key(flush, route, integration);
        let now_ms = (self.clock)();
        self.state.with(|s| {
            let resolves = integration.send_resolved();
            s.log.needs_update(&key, &firing, &resolved, resolves, route.repeat_interval_ms, now_ms)
        })
    }

    async fn tell(&self, flush: &Flush, notice: &Notice, route: &Route, integration: &Integration) -> bool {
        let key = Self::log_key(flush, route, integration);
        let (firing, resolved) = split(&notice.alerts);
        let mut entry = LogEntry { at_ms: notice.now_ms, firing, resolved, ..LogEntry::default() };
        let mut told = notice.clone();
        if !integration.send_resolved() {
            told.alerts.retain(|a| a.state == AlertState::Firing);
        }
        if told.alerts.is_empty() {
            // Nothing is sent, but the log must know that the alerts are over.
            self.state.with(|s| s.log.put(key, entry, route.repeat_interval_ms));
            self.save().await;
            return true;
        }
        let before = self.state.with(|s| s.log.get(&key).cloned());
        // A message is edited while its group lives; a group that fires anew gets a new message.
        let edits = before.filter(|e| !e.firing.is_empty()).and_then(|e| e.slack);
        let started = std::time::Instant::now();
        let (prepared, outcome, message) =
            self.send_with_retries(&told, route, integration, edits.as_ref()).await;
        let kind = integration.kind.name();
        self.metrics.notification_seconds.with_label_values(&[kind]).observe(started.elapsed().as_secs_f64());
        let (label, heard) = match &outcome {
            DeliveryOutcome::Delivered => ("delivered", true),
            DeliveryOutcome::NotConfigured => ("not_configured", true),
            DeliveryOutcome::Failed { reason, attempts } => {
                tracing::error!(receiver = %notice.receiver, integration = kind, attempts, reason, "notification failed");
                ("failed", false)
            }
        };
        self.metrics.notifications.with_label_values(&[kind, label]).inc();
        let notification = Notification {
            id: 0,
            at_ms: (self.clock)(),
            receiver: notice.receiver.clone(),
            integration: kind.to_owned(),
            status: told.status().to_owned(),
            group: notice.group_labels.clone(),
            title: prepared.title,
            payload: prepared.payload,
            outcome,
        };
        self.state.with(|s| {
            s.remember(notification, self.config.max_history);
            if heard {
                entry.slack = message.or(edits);
                s.log.put(key, entry, route.repeat_interval_ms);
            }
        });
        self.save().await;
        heard
    }

    async fn save(&self) {
        let state = self.state.clone();
        if tokio::task::spawn_blocking(move || state.save()).await.is_err() {
            tracing::error!("saving the alerting state was interrupted");
        }
    }

    async fn send_with_retries(
        &self,
        notice: &Notice,
        route: &Route,
        integration: &Integration,
        edits: Option<&SlackMessage>,
    ) -> (Prepared, DeliveryOutcome, Option<SlackMessage>) {
        let deadline = tokio::time::Instant::now()
            + Duration::from_millis(route.group_interval_ms.max(MIN_RETRY_MS) as u64);
        let mut pause_ms = self.config.retry_backoff_ms;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (prepared, attempt) = self.attempt(notice, integration, edits).await;
            let reason = match attempt {
                Attempt::Delivered(message) => return (prepared, DeliveryOutcome::Delivered, message),
                Attempt::NotConfigured => return (prepared, DeliveryOutcome::NotConfigured, None),
                Attempt::GiveUp { reason } => {
                    return (prepared, DeliveryOutcome::Failed { reason, attempts }, None);
                }
                Attempt::Retry { reason, after_ms } => {
                    pause_ms = pause_ms.max(after_ms.unwrap_or(0));
                    reason
                }
            };
            let next = tokio::time::Instant::now() + Duration::from_millis(pause_ms);
            if next >= deadline {
                return (prepared, DeliveryOutcome::Failed { reason, attempts }, None);
            }
            tokio::time::sleep_until(next).await;
            pause_ms = (pause_ms * 2).min(MAX_BACKOFF_MS);
        }
    }

    async fn attempt(
        &self,
        notice: &Notice,
        integration: &Integration,
        edits: Option<&SlackMessage>,
    ) -> (Prepared, Attempt) {
        match integration.kind {
            Kind::Slack => self.slack(notice, integration, edits).await,
            Kind::Email => {
                let mail = Mail::compose(notice);
                let file = &self.config.routing_file;
                let attempt = email::send(integration, &mail, file, self.config.http_timeout).await;
                (mail.prepared(), attempt)
            }
            Kind::Webhook => {
                let max = integration.fields.text("max_alerts").and_then(|n| n.parse().ok()).unwrap_or(0);
                let prepared = webhook::compose(notice, max);
                let url = secret::lookup(integration, "url", "", &self.config.routing_file);
                let Some(url) = url else { return (prepared, Attempt::NotConfigured) };
                let token = bearer(integration);
                let sent =
                    http::post_json(&self.client, &url, token.as_deref(), prepared.payload.clone()).await;
                (prepared, sent.map_or_else(|e| e, |_| Attempt::Delivered(None)))
            }
        }
    }

    fn style(&self, notice: &Notice, integration: &Integration) -> Style {
        let text = |name: &str| {
            let template = integration.fields.text(name)?;
            match template::expand(&self.templates, name, &template, notice) {
                Ok(text) => Some(text).filter(|t| !t.trim().is_empty()),
                Err(error) => {
                    tracing::warn!(receiver = %notice.receiver, field = name, %error, "template failed: the built-in text is sent");
                    None
                }
            }
        };
        Style {
            title: text("title"),
            text: text("text"),
            color: text("color"),
            username: text("username"),
            icon_emoji: text("icon_emoji"),
            icon_url: text("icon_url"),
            channel: text("channel"),
        }
    }

    async fn slack(
        &self,
        notice: &Notice,
        integration: &Integration,
        edits: Option<&SlackMessage>,
    ) -> (Prepared, Attempt) {
        let mut prepared = slack::compose(notice, &self.style(notice, integration));
        let file = &self.config.routing_file;
        let target = match self.config.slack_webhook_url_file.as_deref() {
            Some(file) => secret::read(file).map(slack::Target::Webhook),
            None => slack::Target::of(integration, file),
        };
        match target {
            None => (prepared, Attempt::NotConfigured),
            Some(slack::Target::Webhook(url)) => {
                let sent = http::post_json(&self.client, &url, None, prepared.payload.clone()).await;
                (prepared, sent.map_or_else(|e| e, |_| Attempt::Delivered(None)))
            }
            Some(slack::Target::Bot { url, token, edit_in_place }) => {
                let edits = edits.filter(|_| edit_in_place);
                let (url, payload) = slack::bot_call(&url, &prepared.payload, edits);
                prepared.payload.clone_from(&payload);
                let sent = http::post_json(&self.client, &url, Some(&token), payload).await;
                (prepared, sent.map_or_else(|e| e, |answer| slack::bot_answer(&answer)))
            }
        }
    }
}

fn bearer(integration: &Integration) -> Option<String> {
    let http = integration.fields.json("http_config").or_else(|| integration.global.json("http_config"))?;
    http.get("authorization")?.get("credentials")?.as_str().map(str::to_owned)
}

/// Fingerprints of firing and of resolved alerts.
fn split(alerts: &[Alert]) -> (BTreeSet<String>, BTreeSet<String>) {
    let of = |state| alerts.iter().filter(|a| a.state == state).map(|a| a.fingerprint.clone()).collect();
    (of(AlertState::Firing), of(AlertState::Resolved))
}
