//! How the sandbox tells us: signed, a few tries, and dropped when nobody listens. Nothing depends on it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use shop_instrumentation::config::Secret;
use tokio::sync::Semaphore;

use super::signature::sign;

/// The header that carries the sandbox's signature.
pub const HEADER: &str = "sandbox-signature";
/// Webhooks on their way at a time; more are dropped.
const MOST_IN_FLIGHT: usize = 32;
const TRIES: u32 = 3;

/// Sends the sandbox's webhooks to one address.
#[derive(Clone)]
pub struct WebhookSender {
    http: reqwest::Client,
    url: Arc<str>,
    secret: Secret,
    slots: Arc<Semaphore>,
}

impl WebhookSender {
    /// A sender to `url`.
    pub fn new(url: &str, secret: Secret) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, url: url.into(), secret, slots: Arc::new(Semaphore::new(MOST_IN_FLIGHT)) })
    }

    /// Sends one event in the background. The same `event` sent again is a replay.
    pub fn send(&self, event: &str, reference: &str, key: Option<&str>, now: DateTime<Utc>) {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            tracing::warn!("too many webhooks on their way, one is dropped");
            return;
        };
        let body = json!({
            "id": event,
            "type": "payment.updated",
            "data": {"object": {"id": reference, "metadata": {"key": key}}},
        })
        .to_string();
        let sender = self.clone();
        tokio::spawn(async move {
            let _slot = slot;
            for attempt in 0..TRIES {
                let request = sender.http.post(&*sender.url).header("content-type", "application/json");
                let request = request.header(HEADER, sign(&sender.secret, body.as_bytes(), now));
                match request.body(body.clone()).send().await {
                    Ok(answer) if answer.status().is_success() => return,
                    Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "webhook refused"),
                    Err(error) => tracing::warn!(error = %error.without_url(), "webhook not delivered"),
                }
                tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
            }
        });
    }
}
