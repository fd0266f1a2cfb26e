//! Who evaluates rules and tells people: the console's own engine, or a Prometheus with its Alertmanager. Never both: people
//! would be paged twice.
//!
//! Alertmanager knows an alert by its labels and counts what it was told last. So the state keeps alarms of others in the
//! order in which they changed, with the labels that Alertmanager was told; consoles that share it hand on the same.

use std::sync::Arc;

use alerting_engine::{Condition, Deps, Engine, ExternalAlert, ExternalError};
use console_app::Component;
use console_model::clock::now_ms;
use console_sources::{AlertmanagerConfig, AlertmanagerSource};
use console_state::{Alarm, State, StateError};
use console_storage::{SourceError, source::AlertsSource};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    runtime::{StartError, engine_config},
    sources::{EMBEDDED, SourcesError, remote_config},
};

/// Alertmanager ends an alert that nobody tells again, and whoever tells of alarms does so once.
const TOLD_FOR_MS: i64 = 7 * 24 * 3_600_000;

/// Why an alert that somebody else decides was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    #[error(transparent)]
    Engine(#[from] ExternalError),
    #[error("the order of alarms is not known")]
    State(#[from] StateError),
    #[error("what is known of the alarm cannot be read")]
    Unreadable(#[from] serde_json::Error),
    #[error("Alertmanager was not told")]
    Unsent(#[from] SourceError),
}

/// Cheap to clone.
#[derive(Clone)]
pub enum Alerting {
    Engine(Arc<Engine>),
    Alertmanager { source: Arc<AlertmanagerSource>, state: Arc<State> },
}

impl Alerting {
    /// Must be called inside a Tokio runtime.
    pub fn start(
        config: &Config,
        deps: Deps,
        state: Arc<State>,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let sources = &config.sources;
        // The configuration has been checked: where the one is, the other is.
        let (Some(alertmanager), Some(prometheus)) = (&sources.alertmanager, &sources.prometheus) else {
            return Ok(Self::Engine(Engine::start(engine_config(config), deps, stop)?));
        };
        let field = "sources.alertmanager";
        let rules = remote_config("sources.prometheus", prometheus)?;
        let read = AlertmanagerConfig::new(alertmanager.remote(field)?, rules);
        let started = AlertmanagerSource::start(read, now_ms);
        let source = started.map_err(|source| SourcesError::Source { field, source })?;
        Ok(Self::Alertmanager { source: Arc::new(source), state })
    }

    pub fn source(&self) -> Arc<dyn AlertsSource> {
        match self {
            Self::Engine(engine) => engine.clone(),
            Self::Alertmanager { source, .. } => source.clone(),
        }
    }

    /// Takes an alert that somebody else decides. The engine keeps it; Alertmanager is told, for at most a week and until all
    /// of its servers have been restarted. What is told twice, or late and out of order, changes nothing.
    pub async fn tell(&self, told: ExternalAlert) -> Result<(), TellError> {
        match self {
            Self::Engine(engine) => Ok(engine.tell(told).await?),
            Self::Alertmanager { source, state } => hand_on(source, state, told).await,
        }
    }

    /// For the page about parts.
    pub async fn component(&self, slack: &str) -> Component {
        let (backend, facts) = match self {
            Self::Engine(engine) => {
                let rules = engine.rules().await.map(|r| r.len()).unwrap_or_default().to_string();
                let facts = vec![("rules".to_owned(), rules), ("Slack".to_owned(), slack.to_owned())];
                (EMBEDDED.to_owned(), facts)
            }
            Self::Alertmanager { source, .. } => (source.url().to_owned(), source.facts()),
        };
        Component { name: "Alerting".to_owned(), backend, facts }
    }

    /// Returns when the engine has ended after its token was cancelled, and its state is on disk.
    pub async fn stopped(&self) {
        if let Self::Engine(engine) = self {
            engine.stopped().await;
        }
    }
}

/// Hands on what is known of an alarm: what was told, or what changed later. Another console may hand on a later change
/// meanwhile and be done first, so it is looked at again until what is known is what was handed on last. Without its state
/// nobody knows the order: what fires is handed on all the same, and the error has the sender tell it again.
async fn hand_on(source: &AlertmanagerSource, state: &State, told: ExternalAlert) -> Result<(), TellError> {
    let now_ms = now_ms();
    let ends_at_ms = match told.condition {
        Condition::Firing => now_ms + TOLD_FOR_MS,
        Condition::Resolved => now_ms,
        // What fires goes on, and an end that was told before this and comes after it still counts.
        Condition::Unknown => return Ok(()),
    };
    let told = Alarm {
        key: told.key,
        changed_at_ms: told.changed_at_ms,
        ends_at_ms,
        labels: serde_json::to_string(&told.labels)?,
        annotations: serde_json::to_string(&told.annotations)?,
    };
    let mut handed_on = None;
    loop {
        let known = match state.keep_alarm(&told, now_ms).await {
            Ok(known) => known,
            Err(error) => {
                if told.ends_at_ms > now_ms {
                    post(source, &told).await?;
                }
                return Err(error.into());
            }
        };
        if handed_on.as_ref() == Some(&known) {
            return Ok(());
        }
        post(source, &known).await?;
        handed_on = Some(known);
    }
}

async fn post(source: &AlertmanagerSource, alarm: &Alarm) -> Result<(), TellError> {
    let (labels, annotations) =
        (serde_json::from_str(&alarm.labels)?, serde_json::from_str(&alarm.annotations)?);
    let starts_at_ms = alarm.changed_at_ms.min(alarm.ends_at_ms);
    Ok(source.post(&labels, &annotations, starts_at_ms, alarm.ends_at_ms).await?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use console_model::Labels;
    use console_sources::RemoteConfig;
    use console_state::StateConfig;

    use super::*;

    async fn before(alertmanager: &str, dir: &tempfile::TempDir) -> (Alerting, Arc<State>) {
        let remote = |url: &str| RemoteConfig::new(url);
        let config = AlertmanagerConfig::new(remote(alertmanager), remote("http://127.0.0.1:1"));
        let source = Arc::new(AlertmanagerSource::start(config, now_ms).unwrap());
        let state = State::open(StateConfig::new(dir.path().join("state.sqlite"))).await.unwrap();
        let state = Arc::new(state);
        (Alerting::Alertmanager { source, state: state.clone() }, state)
    }

    fn told(condition: Condition) -> ExternalAlert {
        ExternalAlert {
            key: "arn".to_owned(),
            labels: Labels::from_pairs([("alertname", "A")]),
            annotations: Labels::default(),
            condition,
            told_state: "ALARM".to_owned(),
            changed_at_ms: 1,
        }
    }

    #[tokio::test]
    async fn an_alertmanager_that_does_not_answer_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (alerting, _state) = before("http://127.0.0.1:1", &dir).await;
        let error = crate::error_chain(&alerting.tell(told(Condition::Firing)).await.unwrap_err());
        let wanted = "Alertmanager was not told: Alertmanager at http://127.0.0.1:1 is unavailable: ";
        assert!(error.starts_with(wanted), "{error}");
    }

    #[tokio::test]
    async fn what_fires_is_handed_on_while_its_order_cannot_be_kept() {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let take = move || {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/api/v2/alerts", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let dir = tempfile::tempdir().unwrap();
        let (alerting, state) = before(&url, &dir).await;
        state.close().await;
        for (condition, wanted) in [(Condition::Firing, 1), (Condition::Resolved, 1), (Condition::Firing, 2)]
        {
            let error = alerting.tell(told(condition)).await.unwrap_err();
            assert!(matches!(error, TellError::State(_)), "the sender tells it again: {error}");
            assert_eq!(taken.load(Ordering::Relaxed), wanted, "{condition:?}");
        }
    }
}
