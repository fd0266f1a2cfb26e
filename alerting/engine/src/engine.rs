//! The engine at work: one task a rule group, one task that dispatches.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use console_model::{
    alert::{Alert, AlertState, RuleGroupStatus},
    clock::now_ms,
    fingerprint,
};
use console_storage::{
    metrics::SampleAppender,
    source::{LogsSource, MetricsSource, TracesSource},
};
use console_template::Template;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::EngineConfig,
    dispatch::{Dispatcher, Flush},
    error::LoadError,
    evidence::EvidenceStore,
    external::{ExternalAlert, ExternalError},
    glob,
    metrics::Metrics,
    notify::{Notifier, NotifierConfig, template},
    routing::RoutingConfig,
    rules::{ActiveAlert, AlertRule, GroupSpec, RuleGroup, expand::ExternalData, file, group::Evaluation},
    state::StateFile,
};

/// Batches of alerts that may wait for the dispatcher.
const QUEUE: usize = 256;
const SAVE_EVERY: Duration = Duration::from_secs(1);
const IDLE_MS: i64 = 60_000;

/// What the engine reads and writes.
#[derive(Clone)]
pub struct Deps {
    pub metrics: Arc<dyn MetricsSource>,
    pub logs: Arc<dyn LogsSource>,
    pub traces: Arc<dyn TracesSource>,
    pub appender: Arc<dyn SampleAppender>,
    pub registry: prometheus::Registry,
}

/// What a group last published.
struct View {
    group: RuleGroupStatus,
    alerts: Vec<Alert>,
}

/// Runs until its token is cancelled; implements `AlertsSource`.
pub struct Engine {
    pub(crate) config: EngineConfig,
    deps: Deps,
    metrics: Metrics,
    pub(crate) evidence: Arc<EvidenceStore>,
    pub(crate) state: Arc<StateFile>,
    external: ExternalData,
    views: Vec<parking_lot::RwLock<View>>,
    /// To the dispatcher.
    alerts: mpsc::Sender<Vec<Alert>>,
    tasks: TaskTracker,
}

impl Engine {
    /// Loads and checks every file, then starts. Must be called inside a Tokio runtime.
    pub fn start(
        config: EngineConfig,
        deps: Deps,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>, LoadError> {
        let (groups, routing, templates) = read_files(&config)?;
        let state = Arc::new(StateFile::open(&config.data_dir)?);
        let metrics = Metrics::register(&deps.registry)
            .map_err(|e| LoadError::of_file(&config.data_dir, format!("metrics: {e}")))?;
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(config.http_timeout_ms))
            .build()
            .map_err(|e| LoadError::of_file(&config.routing_file, format!("http client: {e}")))?;
        let evidence = EvidenceStore::new(deps.traces.clone(), deps.logs.clone(), config.evidence);
        let notifier = Arc::new(Notifier {
            config: NotifierConfig {
                external_url: config.external_url.clone(),
                routing_file: config.routing_file.clone(),
                slack_webhook_url_file: config.slack_webhook_url_file.clone(),
                evidence_wait: Duration::from_millis(config.evidence_wait_ms),
                http_timeout: Duration::from_millis(config.http_timeout_ms),
                retry_backoff_ms: config.retry_backoff_ms,
                max_history: config.max_history,
            },
            client,
            templates,
            evidence: evidence.clone(),
            state: state.clone(),
            metrics: metrics.clone(),
            clock: now_ms,
        });
        let external = ExternalData { url: config.external_url.clone(), ..ExternalData::default() };
        let (alerts, inbox) = mpsc::channel(QUEUE);
        let engine = Arc::new(Self {
            alerts: alerts.clone(),
            views: groups.iter().map(|spec| first_view(spec, &config)).collect(),
            config,
            deps,
            metrics,
            evidence,
            state,
            external,
            tasks: TaskTracker::new(),
        });
        let (mut orphans, external) = engine.state.with(|s| {
            let of_rules = s.firing.iter().filter(|a| !s.external.holds(&a.fingerprint)).cloned();
            (of_rules.collect::<Vec<_>>(), s.external.told(now_ms()))
        });
        // The queue is empty: there is room.
        if !external.is_empty() && alerts.try_send(external).is_err() {
            tracing::warn!("alerts of others were not taken up again");
        }
        for (i, spec) in groups.into_iter().enumerate() {
            let mine = |a: &Alert| spec.rules.iter().any(|r| r.name == a.name);
            let (own, others) = orphans.into_iter().partition(mine);
            orphans = others;
            engine.tasks.spawn(engine.clone().run_group(i, spec, own, alerts.clone(), shutdown.clone()));
        }
        // Their rules are gone: nothing will ever resolve them otherwise.
        let gone: Vec<Alert> = orphans.into_iter().map(|a| resolved(a, now_ms())).collect();
        if !gone.is_empty() && alerts.try_send(gone).is_err() {
            tracing::warn!("alerts of removed rules were not resolved");
        }
        let dispatcher = Dispatcher::new(routing, engine.config.max_groups);
        engine.tasks.spawn(engine.clone().run_dispatch(dispatcher, notifier, inbox, shutdown));
        engine.tasks.close();
        Ok(engine)
    }

    /// Takes an alert that somebody else decides. When this answers, the alert is on disk.
    pub async fn tell(&self, told: ExternalAlert) -> Result<(), ExternalError> {
        // The place first: from here to the dispatcher nothing waits, so that a dropped call cannot lose it on the way.
        let place = self.alerts.reserve().await.ok();
        let limit = self.config.max_external;
        self.state.with(|s| {
            let batch = s.external.take(told, now_ms(), limit)?;
            // Under the lock, so that the dispatcher hears the older first. Without a place the engine is stopping: the
            // next start takes it up.
            if let (Some(place), false) = (place, batch.is_empty()) {
                place.send(batch);
            }
            Ok::<(), ExternalError>(())
        })?;
        let state = self.state.clone();
        let written = tokio::task::spawn_blocking(move || state.write()).await;
        written.map_err(std::io::Error::other).flatten().map_err(|e| ExternalError::Unwritable(e.to_string()))
    }

    /// Returns when every task has ended after the token was cancelled, and the state is on disk.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }

    async fn run_group(
        self: Arc<Self>,
        index: usize,
        spec: GroupSpec,
        mut orphans: Vec<Alert>,
        out: mpsc::Sender<Vec<Alert>>,
        shutdown: CancellationToken,
    ) {
        let interval_ms = interval_ms(&spec, &self.config);
        let mut ticker = tokio::time::interval(Duration::from_millis(interval_ms as u64));
        ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let started_ms = now_ms();
        let mut group = RuleGroup::new(spec);
        let mut told_resolved: HashMap<String, i64> = HashMap::new();
        let mut evaluations = 0_u64;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticker.tick() => {}
            }
            let now = now_ms();
            self.evaluate(&mut group, now).await;
            evaluations += 1;
            if evaluations == 2 {
                // The first evaluation may come before the first scrape: only now are the alerts of before known again.
                group.restore(&*self.deps.metrics, now, self.config.restore).await;
            }
            let alerts: Vec<Alert> =
                group.alert_rules().flat_map(|r| r.active().map(|a| to_alert(r, a))).collect();
            for alert in alerts.iter().filter(|a| matches!(a.state, AlertState::Pending | AlertState::Firing))
            {
                self.evidence.observe(alert, now);
            }
            let mut batch: Vec<Alert> = alerts
                .iter()
                .filter(|a| match (a.state, a.resolved_at_ms) {
                    (AlertState::Firing, _) => true,
                    (AlertState::Resolved, Some(at)) => {
                        told_resolved.insert(a.fingerprint.clone(), at) != Some(at)
                    }
                    _ => false,
                })
                .cloned()
                .collect();
            told_resolved.retain(|fp, _| alerts.iter().any(|a| a.fingerprint == *fp));
            orphans.retain(|o| {
                !alerts.iter().any(|a| a.fingerprint == o.fingerprint && a.state == AlertState::Firing)
            });
            if evaluations > 2 && now - started_ms >= self.config.restart_grace_ms {
                batch.extend(orphans.drain(..).map(|o| resolved(o, now)));
            }
            *self.views[index].write() = View { group: group.status(interval_ms), alerts };
            if !batch.is_empty() && out.send(batch).await.is_err() {
                return;
            }
        }
    }

    async fn evaluate(&self, group: &mut RuleGroup, now: i64) {
        let started = std::time::Instant::now();
        let with = Evaluation {
            metrics: &*self.deps.metrics,
            appender: &*self.deps.appender,
            external: &self.external,
            query_timeout: Duration::from_millis(self.config.query_timeout_ms),
        };
        let failures = group.evaluate(now, &with).await;
        let good = group.spec.rules.len() - failures;
        self.metrics
            .evaluation_seconds
            .with_label_values(&[&group.spec.name])
            .observe(started.elapsed().as_secs_f64());
        self.metrics.evaluations.with_label_values(&["success"]).inc_by(good as u64);
        self.metrics.evaluations.with_label_values(&["failure"]).inc_by(failures as u64);
    }

    async fn run_dispatch(
        self: Arc<Self>,
        mut dispatcher: Dispatcher,
        notifier: Arc<Notifier>,
        mut inbox: mpsc::Receiver<Vec<Alert>>,
        shutdown: CancellationToken,
    ) {
        let (done, mut finished) = mpsc::channel::<(Flush, bool)>(QUEUE);
        let slots = Arc::new(Semaphore::new(self.config.max_concurrent_notifications.max(1)));
        let mut firing: BTreeMap<String, Alert> =
            self.state.with(|s| s.firing.iter().map(|a| (a.fingerprint.clone(), a.clone())).collect());
        let mut saver = tokio::time::interval(SAVE_EVERY);
        let mut dirty = false;
        loop {
            let now = now_ms();
            let wait_ms = dispatcher.next_deadline_ms().map_or(IDLE_MS, |at| (at - now).clamp(0, IDLE_MS));
            tokio::select! {
                () = shutdown.cancelled() => break,
                batch = inbox.recv() => {
                    let Some(batch) = batch else { break };
                    for alert in batch {
                        if let Err(error) = dispatcher.put(&alert, now) {
                            tracing::error!(%error, "alert dropped");
                            self.metrics.dropped.inc();
                        }
                        dirty |= note(&mut firing, alert);
                    }
                }
                Some((flush, heard)) = finished.recv() => dispatcher.done(&flush, heard),
                () = tokio::time::sleep(Duration::from_millis(wait_ms as u64)) => {}
                _ = saver.tick() => {
                    self.housekeeping(now);
                    if std::mem::take(&mut dirty) {
                        self.save(&firing).await;
                    }
                }
            }
            for flush in dispatcher.due(now_ms()) {
                self.send(&dispatcher, flush, &notifier, &slots, &done);
            }
            self.metrics.groups.set(dispatcher.group_count() as i64);
        }
        self.save(&firing).await;
    }

    /// Sends a due group in a task of its own; inhibited and muted alerts stay behind.
    fn send(
        &self,
        dispatcher: &Dispatcher,
        flush: Flush,
        notifier: &Arc<Notifier>,
        slots: &Arc<Semaphore>,
        done: &mpsc::Sender<(Flush, bool)>,
    ) {
        let route = dispatcher.config().routes[flush.route].clone();
        let receiver = dispatcher.config().receivers.get(&route.receiver).cloned().unwrap_or_default();
        let muted = dispatcher.is_muted(flush.route, now_ms());
        let alerts: Vec<Alert> =
            flush.alerts.iter().filter(|a| !muted && !dispatcher.is_inhibited(&a.labels)).cloned().collect();
        let (notifier, slots, done) = (notifier.clone(), slots.clone(), done.clone());
        tokio::spawn(async move {
            let Ok(_slot) = slots.acquire().await else { return };
            let heard = alerts.is_empty() || notifier.flush(&flush, alerts, &route, &receiver).await;
            // The dispatcher is gone only at shutdown.
            let _ = done.send((flush, heard)).await;
        });
    }

    fn housekeeping(&self, now: i64) {
        let alerts = self.alerts_now();
        let known: HashSet<&str> = alerts.iter().map(|a| a.fingerprint.as_str()).collect();
        self.evidence.retain(|fp| known.contains(fp));
        for (name, state) in [
            ("pending", AlertState::Pending),
            ("firing", AlertState::Firing),
            ("resolved", AlertState::Resolved),
        ] {
            let count = alerts.iter().filter(|a| a.state == state).count();
            self.metrics.alerts.with_label_values(&[name]).set(count as i64);
        }
        self.state.with(|s| s.log.expire(now));
    }

    async fn save(&self, firing: &BTreeMap<String, Alert>) {
        let firing: Vec<Alert> = firing.values().cloned().collect();
        let state = self.state.clone();
        let saved = tokio::task::spawn_blocking(move || {
            state.with(|s| s.firing = firing);
            state.save();
        });
        if saved.await.is_err() {
            tracing::error!("saving the alerting state was interrupted");
        }
    }

    /// Alerts of all groups with their evidence, and those of others.
    pub(crate) fn alerts_now(&self) -> Vec<Alert> {
        let mut all: Vec<Alert> = self.views.iter().flat_map(|v| v.read().alerts.clone()).collect();
        self.state.with(|s| all.extend(s.external.shown(now_ms()).cloned()));
        for alert in &mut all {
            alert.evidence = self.evidence.get(&alert.fingerprint);
            if alert.evidence.trace_query.is_none() {
                alert.evidence.trace_query = alert.annotations.get("trace_query").map(str::to_owned);
                alert.evidence.log_query = alert.annotations.get("log_query").map(str::to_owned);
            }
        }
        all
    }

    pub(crate) fn groups_now(&self) -> Vec<RuleGroupStatus> {
        self.views.iter().map(|v| v.read().group.clone()).collect()
    }
}

fn interval_ms(spec: &GroupSpec, config: &EngineConfig) -> i64 {
    spec.interval_ms.unwrap_or(config.evaluation_interval_ms).max(1)
}

/// A group before its first evaluation.
fn first_view(spec: &GroupSpec, config: &EngineConfig) -> parking_lot::RwLock<View> {
    let group = RuleGroup::new(spec.clone()).status(interval_ms(spec, config));
    parking_lot::RwLock::new(View { group, alerts: Vec::new() })
}

/// Remembers what fires; answers whether something changed that must be saved.
fn note(firing: &mut BTreeMap<String, Alert>, alert: Alert) -> bool {
    if alert.state == AlertState::Firing {
        firing.insert(alert.fingerprint.clone(), alert).is_none()
    } else {
        firing.remove(&alert.fingerprint).is_some()
    }
}

/// Whether an engine would start with these rules, this routing and these templates.
pub fn check(config: &EngineConfig) -> Result<(), LoadError> {
    read_files(config).map(|_| ())
}

fn read_files(config: &EngineConfig) -> Result<(Vec<GroupSpec>, RoutingConfig, Template), LoadError> {
    let groups = load_rules(config)?;
    let routing = RoutingConfig::load(&config.routing_file)?;
    routing.unsupported()?;
    let templates = template::library(&routing.templates, &config.routing_file)?;
    Ok((groups, routing, templates))
}

fn load_rules(config: &EngineConfig) -> Result<Vec<GroupSpec>, LoadError> {
    let mut groups = Vec::new();
    let mut problems = Vec::new();
    for pattern in &config.rule_files {
        let files = glob::expand(pattern);
        if files.is_empty() {
            tracing::warn!(pattern, "no rule file matches");
        }
        for path in files {
            match file::load(&path, config.name_validation) {
                Ok(loaded) => groups.extend(loaded),
                Err(e) => problems.extend(e.problems),
            }
        }
    }
    if problems.is_empty() { Ok(groups) } else { Err(LoadError { problems }) }
}

fn resolved(mut alert: Alert, now_ms: i64) -> Alert {
    alert.state = AlertState::Resolved;
    alert.resolved_at_ms = Some(now_ms);
    alert
}

fn to_alert(rule: &AlertRule, active: &ActiveAlert) -> Alert {
    let runbook = active.annotations.get("runbook_url").and_then(|u| u.split_once("/runbooks/"));
    Alert {
        fingerprint: fingerprint::hex(&active.labels),
        name: rule.spec.name.clone(),
        labels: active.labels.clone(),
        annotations: active.annotations.clone(),
        state: if active.state == AlertState::Inactive { AlertState::Resolved } else { active.state },
        active_at_ms: active.active_at_ms,
        fired_at_ms: active.fired_at_ms,
        resolved_at_ms: active.resolved_at_ms,
        value: active.value,
        expr: rule.spec.expr.clone(),
        for_ms: rule.for_ms(),
        runbook: runbook.map(|(_, slug)| slug.to_owned()),
        evidence: Default::default(),
    }
}
