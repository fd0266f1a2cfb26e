//! Alerts of an Alertmanager, and the rules of the Prometheus that feeds it.
//!
//! What must hold: pages read what was fetched last and wait for nobody; a backend that does not answer is told with since
//! when, and never as "nothing fires". What Prometheus fires and Alertmanager does not know is shown as firing, too: after
//! an Alertmanager lost its alerts "none" would be wrong for a minute, and without a way from the one to the other for ever.
//!
//! Deliberately not here: making silences, and what Alertmanager told people, which it does not say.

mod join;
mod rules;
mod snapshot;
mod wire;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use console_model::{
    Labels,
    alert::{Alert, AlertState, Notification, RuleGroupStatus, RuleStatus},
    silence::Silencing,
};
use console_storage::{SourceError, source::AlertsSource};
use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use self::{
    join::{Known, join},
    rules::WireRules,
    snapshot::Snapshot,
    wire::{WireAlert, WireServer, WireSilence},
};
use crate::{
    http::{Remote, RemoteConfig, Unanswered},
    prometheus::envelope,
};

/// Alerts that ended and are still shown.
const MAX_RESOLVED: usize = 1000;
/// As long as Prometheus keeps them.
const RESOLVED_FOR_MS: i64 = 15 * 60_000;

/// Where alerts and rules are, and how often they are read.
#[derive(Clone, Debug)]
pub struct AlertmanagerConfig {
    pub alertmanager: RemoteConfig,
    /// The Prometheus whose rules they are.
    pub prometheus: RemoteConfig,
    pub refresh: Duration,
    /// An answer that is older than this says nothing any more.
    pub stale_after: Duration,
    /// More than this are refused, and the refusal is told. Of silences, those beyond it are left out: an alert says by
    /// itself that it is silenced.
    pub max_alerts: usize,
}

impl AlertmanagerConfig {
    pub fn new(alertmanager: RemoteConfig, prometheus: RemoteConfig) -> Self {
        Self {
            alertmanager,
            prometheus,
            refresh: Duration::from_secs(5),
            stale_after: Duration::from_secs(15),
            max_alerts: 10_000,
        }
    }
}

/// Reads in the background until it is dropped.
pub struct AlertmanagerSource {
    shared: Arc<Shared>,
    clock: fn() -> i64,
    tasks: [JoinHandle<()>; 2],
}

/// What Alertmanager held when it was asked last, beside the rules of that moment.
struct Told {
    known: Known,
    /// Fingerprints of the alerts that it has.
    has: HashSet<String>,
    /// Silences that have not ended, those that were left out among them.
    silences: usize,
    server: WireServer,
}

struct Shared {
    alertmanager: Remote,
    prometheus: Remote,
    max_alerts: usize,
    told: Snapshot<Told>,
    groups: Snapshot<Vec<RuleGroupStatus>>,
    /// Newest last.
    resolved: Mutex<VecDeque<Alert>>,
}

impl AlertmanagerSource {
    /// Must be called inside a Tokio runtime. `clock` gives milliseconds since the Unix epoch.
    pub fn start(config: AlertmanagerConfig, clock: fn() -> i64) -> Result<Self, SourceError> {
        let stale_after_ms = config.stale_after.as_millis() as i64;
        // One that hangs must not hold up the next turn beyond what counts as fresh.
        let bounded = |mut remote: RemoteConfig| {
            remote.timeout = remote.timeout.min(config.refresh.max(Duration::from_secs(1)));
            remote
        };
        let place = |what: &str, remote: &RemoteConfig| format!("{what} at {}", remote.url);
        let shared = Arc::new(Shared {
            told: Snapshot::new(place("Alertmanager", &config.alertmanager), stale_after_ms),
            groups: Snapshot::new(place("Prometheus", &config.prometheus), stale_after_ms),
            alertmanager: Remote::new("Alertmanager", bounded(config.alertmanager))?,
            prometheus: Remote::new("Prometheus", bounded(config.prometheus))?,
            max_alerts: config.max_alerts,
            resolved: Mutex::default(),
        });
        let (told, groups) = (shared.clone(), shared.clone());
        let tasks = [
            tokio::spawn(every(config.refresh, move || {
                let shared = told.clone();
                async move { shared.read_alertmanager(clock).await }
            })),
            tokio::spawn(every(config.refresh, move || {
                let shared = groups.clone();
                async move { shared.read_rules(clock).await }
            })),
        ];
        Ok(Self { shared, clock, tasks })
    }

    /// Where Alertmanager is.
    pub fn url(&self) -> &str {
        self.shared.alertmanager.url()
    }

    /// What the server says of itself, for a page about parts; empty before its first answer.
    pub fn facts(&self) -> Vec<(String, String)> {
        let now_ms = (self.clock)();
        let Some(last) = self.shared.told.last() else { return Vec::new() };
        let state = match self.shared.told.get(now_ms) {
            Ok(_) => "answers".to_owned(),
            Err(error) => error.to_string(),
        };
        let (version, cluster) = (&last.server.version_info.version, &last.server.cluster);
        let peers = cluster.peers.as_ref().map_or(0, Vec::len);
        let silences = match last.known.silencing.silences.len() {
            shown if shown < last.silences => format!("{}, of which {shown} are shown", last.silences),
            all => all.to_string(),
        };
        vec![
            ("state".to_owned(), state),
            ("version".to_owned(), version.clone()),
            ("cluster".to_owned(), format!("{}, {peers} peers", cluster.status)),
            ("silences".to_owned(), silences),
        ]
    }

    /// Hands an alert to each server that the name stands for: Alertmanagers do not pass alerts on to each other. One is
    /// known by its labels and ends at `ends_at_ms` unless it is told again; an end that has come is for all servers,
    /// what fires for one at least.
    pub async fn post(
        &self,
        labels: &Labels,
        annotations: &Labels,
        starts_at_ms: i64,
        ends_at_ms: i64,
    ) -> Result<(), SourceError> {
        let alert = serde_json::json!({
            "labels": pairs(labels),
            "annotations": pairs(annotations),
            "startsAt": rfc3339(starts_at_ms),
            "endsAt": rfc3339(ends_at_ms),
        });
        let body = serde_json::json!([alert]);
        let everywhere = self.shared.alertmanager.everywhere().await?;
        if everywhere.is_empty() {
            return Err(self.shared.alertmanager.unavailable("its name has no address"));
        }
        let answers = futures::future::join_all(everywhere.iter().map(|one| hand_over(one, &body))).await;
        taken(answers, ends_at_ms <= (self.clock)())
    }

    fn told(&self) -> Result<Arc<Told>, SourceError> {
        self.shared.told.get((self.clock)())
    }
}

impl Drop for AlertmanagerSource {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Whether an alert counts as taken by these answers, one of each server. Servers tell each other what was sent to people,
/// so of what fires one is enough; alerts they do not tell each other, so one that did not hear of an end goes on telling
/// people. One that is stopped has forgotten what it would end: it keeps alerts in memory alone.
fn taken(answers: Vec<Result<(), Unanswered>>, is_over: bool) -> Result<(), SourceError> {
    let servers = answers.len();
    let failed: Vec<Unanswered> = answers.into_iter().filter_map(Result::err).collect();
    let Some(first) = failed.iter().find(|f| !(is_over && f.is_refused)).or(failed.first()) else {
        return Ok(());
    };
    if failed.len() == servers || (is_over && !first.is_refused) {
        return Err(first.error.clone());
    }
    tracing::warn!(error = %first.error, failed = failed.len(), "not every Alertmanager took an alert");
    Ok(())
}

async fn hand_over(remote: &Remote, alerts: &serde_json::Value) -> Result<(), Unanswered> {
    let (status, body) = remote.post_json("/api/v2/alerts", alerts).await?;
    if status == 200 {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    Err(remote.unavailable(format!("/api/v2/alerts answers {status}: {said}")).into())
}

fn pairs(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().map(|l| (&*l.name, &*l.value)).collect()
}

fn rfc3339(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339()
}

async fn every<F: Future<Output = ()>>(period: Duration, work: impl Fn() -> F) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await;
    }
}

impl Shared {
    async fn read_alertmanager(&self, clock: fn() -> i64) {
        let answer = self.ask_alertmanager(clock).await;
        let now_ms = clock();
        if let (Ok(told), Some(before)) = (&answer, self.told.last()) {
            self.note_resolved(&before, &told.has, now_ms);
        }
        keep(&self.told, answer, now_ms, "Alertmanager");
    }

    async fn ask_alertmanager(&self, clock: fn() -> i64) -> Result<Told, SourceError> {
        let remote = &self.alertmanager;
        let (alerts, mut silences, server) = futures::try_join!(
            get::<Vec<WireAlert>>(remote, "/api/v2/alerts"),
            get::<Vec<WireSilence>>(remote, "/api/v2/silences"),
            get::<WireServer>(remote, "/api/v2/status"),
        )?;
        let (count, max) = (alerts.len(), self.max_alerts);
        if count > max {
            return Err(SourceError::Limit(format!("it has {count} alerts: more than {max} are not read")));
        }
        // Those that ended stay there for days.
        silences.retain(|s| s.status.state != "expired");
        let all_silences = silences.len();
        silences.sort_by_key(|s| s.status.state != "active");
        silences.truncate(max);
        let now_ms = clock();
        // Rules that cannot be read are told by `rules`; alerts are shown without them.
        let groups = self.groups.get(now_ms).ok();
        let known = join(&alerts, &silences, groups.as_ref().map(|g| g.as_slice()), now_ms);
        let has = alerts.into_iter().map(|a| a.fingerprint).collect();
        Ok(Told { known, has, silences: all_silences, server })
    }

    async fn read_rules(&self, clock: fn() -> i64) {
        let remote = &self.prometheus;
        let answer = async {
            let (status, body) = remote.get("/api/v1/rules", &[]).await?;
            let (groups, alerts) = envelope::open::<WireRules>(remote, status, &body)?.data.read();
            if alerts > self.max_alerts {
                let max = self.max_alerts;
                return Err(SourceError::Limit(format!(
                    "its rules have {alerts} alerts: more than {max} are not read"
                )));
            }
            Ok(groups)
        };
        keep(&self.groups, answer.await, clock(), "Prometheus");
    }

    /// What Alertmanager had before and has not any more has ended by now.
    fn note_resolved(&self, before: &Told, has: &HashSet<String>, now_ms: i64) {
        let mut resolved = self.resolved.lock();
        resolved.retain(|a| {
            !has.contains(&a.fingerprint) && a.resolved_at_ms.is_none_or(|at| now_ms - at < RESOLVED_FOR_MS)
        });
        let has_ended = |a: &&Alert| before.has.contains(&a.fingerprint) && !has.contains(&a.fingerprint);
        for alert in before.known.alerts.iter().filter(has_ended) {
            resolved.push_back(Alert {
                state: AlertState::Resolved,
                resolved_at_ms: Some(now_ms),
                ..alert.clone()
            });
        }
        while resolved.len() > MAX_RESOLVED {
            resolved.pop_front();
        }
    }
}

async fn get<T: serde::de::DeserializeOwned>(remote: &Remote, path: &str) -> Result<T, SourceError> {
    let (status, body) = remote.get(path, &[]).await?;
    match status {
        200 => remote.decode(&body),
        401 | 403 => {
            Err(remote.unavailable(format!("{path} answers {status}: it wants another token or password")))
        }
        _ => Err(remote.unavailable(format!("{path} answers {status}"))),
    }
}

/// Keeps an answer; the beginning and the end of an outage are logged.
fn keep<T>(snapshot: &Snapshot<T>, answer: Result<T, SourceError>, now_ms: i64, backend: &str) {
    let error = answer.as_ref().err().map(ToString::to_string);
    if snapshot.put(answer, now_ms) {
        match error {
            Some(error) => tracing::warn!(backend, error, "alerts cannot be read"),
            None => tracing::info!(backend, "alerts can be read again"),
        }
    }
}

#[async_trait]
impl AlertsSource for AlertmanagerSource {
    async fn alerts(&self) -> Result<Vec<Alert>, SourceError> {
        let told = self.told()?;
        let resolved = self.shared.resolved.lock();
        Ok(told.known.alerts.iter().chain(resolved.iter().rev()).cloned().collect())
    }

    async fn alert(&self, fingerprint: &str) -> Result<Option<Alert>, SourceError> {
        let told = self.told()?;
        let wanted = told.known.aliases.get(fingerprint).map_or(fingerprint, String::as_str);
        let resolved = self.shared.resolved.lock();
        let mut all = told.known.alerts.iter().chain(resolved.iter().rev());
        Ok(all.find(|a| a.fingerprint == wanted).cloned())
    }

    async fn rules(&self) -> Result<Vec<RuleStatus>, SourceError> {
        Ok(self.rule_groups().await?.into_iter().flat_map(|g| g.rules).map(|r| r.status).collect())
    }

    async fn rule_groups(&self) -> Result<Vec<RuleGroupStatus>, SourceError> {
        Ok(self.shared.groups.get((self.clock)())?.to_vec())
    }

    async fn silencing(&self) -> Result<Option<Silencing>, SourceError> {
        Ok(Some(self.told()?.known.silencing.clone()))
    }

    async fn notifications(&self, _: usize) -> Result<Vec<Notification>, SourceError> {
        Err(SourceError::Unsupported("Alertmanager tells people, and does not say what it sent".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_is_enough_for_what_fires_and_an_end_is_for_all_that_run() {
        let none = |reason: &str| Err(SourceError::Internal(reason.to_owned()).into());
        let stopped = || Err(Unanswered { error: SourceError::Timeout, is_refused: true });
        let first = SourceError::Internal("first".to_owned());
        assert_eq!(taken(vec![Ok(()), none("first"), Ok(())], false), Ok(()));
        assert_eq!(taken(vec![Ok(()), none("first"), none("second")], true), Err(first.clone()));
        assert_eq!(taken(vec![none("first"), none("second")], false), Err(first.clone()));
        assert_eq!(taken(vec![Ok(()), Ok(())], true), Ok(()));
        assert_eq!(taken(vec![stopped(), Ok(())], true), Ok(()), "it has nothing to end");
        assert_eq!(taken(vec![stopped(), none("first"), Ok(())], true), Err(first));
        for is_over in [true, false] {
            assert_eq!(
                taken(vec![stopped(), stopped()], is_over),
                Err(SourceError::Timeout),
                "nobody took it"
            );
        }
    }
}
