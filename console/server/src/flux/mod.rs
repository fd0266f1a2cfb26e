//! Notifications of Flux (`Provider` of the type `generic-hmac`): taken, kept, and shown beside deploys.

mod event;
mod route;

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use console_model::flux::FluxEvent;
use console_state::State;
use console_storage::{SourceError, source::FluxSource};

pub use route::router;

use crate::config::{Config, ConfigError, read_secret};

/// What Flux told, and the key that it signs with. Cheap to clone.
#[derive(Clone)]
pub struct FluxEvents {
    state: Arc<State>,
    /// None: nothing is taken.
    key: Option<hmac::Key>,
}

impl FluxEvents {
    pub fn new(config: &Config, state: Arc<State>) -> Result<Self, ConfigError> {
        let key = match &config.flux.events_key_file {
            Some(file) => {
                let secret = read_secret("flux.events_key_file", file)?;
                Some(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
            }
            None => None,
        };
        Ok(Self { state, key })
    }
}

#[async_trait]
impl FluxSource for FluxEvents {
    async fn events(&self) -> Result<Option<Vec<FluxEvent>>, SourceError> {
        if self.key.is_none() {
            return Ok(None);
        }
        let kept = self.state.flux_events().await.map_err(|e| SourceError::Unavailable {
            backend: "the console's state".to_owned(),
            reason: crate::error_chain(&e),
        })?;
        // A later version may have written what this one does not know.
        Ok(Some(kept.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()))
    }
}
