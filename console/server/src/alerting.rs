//! Who evaluates rules and tells people: the console's own engine, or a Prometheus with its Alertmanager. Never both: people
//! would be paged twice.

use std::sync::Arc;

use alerting_engine::{Condition, Deps, Engine, ExternalAlert, ExternalError};
use console_app::Component;
use console_model::clock::now_ms;
use console_sources::{AlertmanagerConfig, AlertmanagerSource};
use console_storage::source::AlertsSource;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    runtime::{StartError, engine_config},
    sources::{EMBEDDED, SourcesError, remote_config},
};

/// Alertmanager ends an alert that nobody tells again, and whoever tells of alarms does so once.
const TOLD_FOR_MS: i64 = 7 * 24 * 3_600_000;

/// Cheap to clone.
#[derive(Clone)]
pub enum Alerting {
    Engine(Arc<Engine>),
    Alertmanager(Arc<AlertmanagerSource>),
}

impl Alerting {
    /// Must be called inside a Tokio runtime.
    pub fn start(config: &Config, deps: Deps, stop: CancellationToken) -> Result<Self, StartError> {
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
        Ok(Self::Alertmanager(Arc::new(source)))
    }

    pub fn source(&self) -> Arc<dyn AlertsSource> {
        match self {
            Self::Engine(engine) => engine.clone(),
            Self::Alertmanager(source) => source.clone(),
        }
    }

    /// Takes an alert that somebody else decides. The engine keeps it; Alertmanager is told, for at most a week and until all
    /// of its servers have been restarted.
    pub async fn tell(&self, told: ExternalAlert) -> Result<(), ExternalError> {
        let source = match self {
            Self::Engine(engine) => return engine.tell(told).await,
            Self::Alertmanager(source) => source,
        };
        let ends_at_ms = match told.condition {
            Condition::Firing => now_ms() + TOLD_FOR_MS,
            Condition::Resolved => now_ms(),
            // What fires goes on.
            Condition::Unknown => return Ok(()),
        };
        let starts_at_ms = told.changed_at_ms.min(ends_at_ms);
        let posted = source.post(&told.labels, &told.annotations, starts_at_ms, ends_at_ms).await;
        posted.map_err(|e| ExternalError::Unwritable(e.to_string()))
    }

    /// For the page about parts.
    pub async fn component(&self, slack: &str) -> Component {
        let (backend, facts) = match self {
            Self::Engine(engine) => {
                let rules = engine.rules().await.map(|r| r.len()).unwrap_or_default().to_string();
                let facts = vec![("rules".to_owned(), rules), ("Slack".to_owned(), slack.to_owned())];
                (EMBEDDED.to_owned(), facts)
            }
            Self::Alertmanager(source) => (source.url().to_owned(), source.facts()),
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
