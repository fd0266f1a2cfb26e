//! Alarms of AWS: messages of SNS over HTTPS. A message is believed when it is of a configured topic, of the last hour, and
//! signed by the certificate that SNS has at its own host; then its alarm is an alert like any other.
//!
//! Deliberately not here: raw delivery (nothing of it is signed), FIFO topics (they do not deliver over HTTPS), and
//! messages that are no alarm, which are logged and counted.

mod alarm;
mod certificate;
mod fetch;
mod message;
mod route;
mod seen;
mod topic;

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::sync::Semaphore;
use url::Url;

pub use route::router;
pub use topic::TopicArn;

use self::{
    fetch::{Fetcher, NotNow},
    message::{Kind, Message},
    seen::Seen,
};
use crate::{
    StartError,
    alerting::{Alerting, TellError},
    config::SnsConfig,
    line_budget::LineBudget,
};

/// Older ones are refused: a recorded message cannot be played again.
const MAX_AGE_MS: i64 = 3_600_000;
/// What clocks may be apart.
const MAX_AHEAD_MS: i64 = 5 * 60_000;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Alarm,
    /// Signed, and nothing that the console has a place for.
    NoAlarm,
    Repeated,
    Confirmed,
    Unsubscribed,
}

/// Why a message is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Untrusted(String),
    /// SNS sends it again.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    #[error("the alert cannot be kept now")]
    NotKept(#[from] TellError),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct SnsMessages {
    config: Arc<SnsConfig>,
    alerting: Alerting,
    fetcher: Fetcher,
    seen: Arc<Mutex<Seen>>,
    turns: Arc<Semaphore>,
    refusals: LineBudget,
    messages: IntCounterVec,
}

impl SnsMessages {
    pub fn new(config: &SnsConfig, alerting: Alerting, registry: &Registry) -> Result<Self, StartError> {
        let messages = IntCounterVec::new(
            Opts::new("quarterdeck_sns_messages_total", "Messages of SNS by what became of them."),
            &["outcome"],
        )?;
        registry.register(Box::new(messages.clone()))?;
        Ok(Self {
            config: Arc::new(config.clone()),
            alerting,
            fetcher: Fetcher::new(config)?,
            seen: Arc::default(),
            turns: Arc::new(Semaphore::new(route::MAX_IN_FLIGHT)),
            refusals: LineBudget::default(),
            messages,
        })
    }

    /// Takes a body, or says why not.
    async fn take(&self, body: &[u8], now_ms: i64) -> Result<Taken, Refusal> {
        let message = message::read(body).map_err(Refusal::Malformed)?;
        let topic = self.believe(&message, now_ms).await?;
        if self.seen.lock().contains(&message.message_id) {
            return Ok(Taken::Repeated);
        }
        let taken = match message.kind {
            Kind::SubscriptionConfirmation => self.confirm(&message, topic).await?,
            Kind::UnsubscribeConfirmation => {
                tracing::warn!(topic = %topic, "SNS will send no more messages of a topic: it was unsubscribed");
                Taken::Unsubscribed
            }
            Kind::Notification => self.notify(&message).await?,
        };
        self.seen.lock().insert(message.message_id);
        Ok(taken)
    }

    /// The topic of a message that is believed. What costs nothing is looked at first.
    async fn believe(&self, message: &Message, now_ms: i64) -> Result<&TopicArn, Refusal> {
        let untrusted = |why: String| Err(Refusal::Untrusted(why));
        let Some(topic) = self.config.topics.iter().find(|t| t.as_str() == message.topic_arn) else {
            return untrusted("TopicArn: not in sns.topics".to_owned());
        };
        let age_ms = now_ms - message.timestamp.timestamp_millis();
        if age_ms > MAX_AGE_MS {
            return untrusted("Timestamp: older than an hour".to_owned());
        }
        if age_ms < -MAX_AHEAD_MS {
            return untrusted("Timestamp: more than five minutes from now".to_owned());
        }
        let url = topic.address("SigningCertURL", &message.signing_cert_url).map_err(Refusal::Untrusted)?;
        if !is_certificate(&url) {
            return untrusted("SigningCertURL: not the path of a .pem file".to_owned());
        }
        let (certificate, is_new) = self.fetcher.certificate(&url, now_ms).await?;
        certificate
            .check_validity(now_ms)
            .map_err(|why| Refusal::Untrusted(format!("SigningCertURL: {why}")))?;
        certificate
            .verify(message.signature_version, message.canonical.as_bytes(), &message.signature)
            .map_err(|why| Refusal::Untrusted(format!("Signature: {why}")))?;
        if is_new {
            self.fetcher.keep(&url, &certificate, now_ms);
        }
        Ok(topic)
    }

    async fn confirm(&self, message: &Message, topic: &TopicArn) -> Result<Taken, Refusal> {
        let url = message.subscribe_url.as_deref().unwrap_or_default();
        let url = topic.address("SubscribeURL", url).map_err(Refusal::Untrusted)?;
        self.fetcher.get("SubscribeURL", &url).await?;
        tracing::info!(topic = %topic, "SNS sends the messages of a topic from now on");
        Ok(Taken::Confirmed)
    }

    async fn notify(&self, message: &Message) -> Result<Taken, Refusal> {
        let Some(alert) = alarm::read(&message.message, &self.config).map_err(Refusal::Malformed)? else {
            tracing::warn!(
                topic = message.topic_arn,
                message_id = message.message_id,
                subject = message.subject.as_deref().unwrap_or_default(),
                "a message of SNS is no alarm: nobody is told of it"
            );
            return Ok(Taken::NoAlarm);
        };
        self.alerting.tell(alert).await?;
        Ok(Taken::Alarm)
    }

    fn count(&self, outcome: &Result<Taken, Refusal>) {
        let outcome = match outcome {
            Ok(Taken::Alarm) => "alarm",
            Ok(Taken::NoAlarm) => "no_alarm",
            Ok(Taken::Repeated) => "repeated",
            Ok(Taken::Confirmed) => "confirmed",
            Ok(Taken::Unsubscribed) => "unsubscribed",
            Err(Refusal::Malformed(_)) => "malformed",
            Err(Refusal::Untrusted(_)) => "untrusted",
            Err(Refusal::NotNow(_) | Refusal::NotKept(_)) => "unavailable",
        };
        self.messages.with_label_values(&[outcome]).inc();
    }
}

/// Whether this can be the address of a certificate. One file has one address: nothing is encoded in it, and nothing follows.
fn is_certificate(url: &Url) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = url.path().strip_prefix('/').and_then(|p| p.strip_suffix(".pem"));
    name.is_some_and(|n| !n.is_empty() && n.chars().all(plain))
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_one_address() {
        let is = |path: &str| is_certificate(&Url::parse(&format!("https://sns.example{path}")).unwrap());
        assert!(is("/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"));
        for other in ["/Simple%4eotification.pem", "/a/b.pem", "/a.pem?x", "/a.pem#x", "/.pem", "/a.crt", "/"]
        {
            assert!(!is(other), "{other}");
        }
    }
}
