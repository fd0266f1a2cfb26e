//! What is fetched from SNS: certificates, and the confirmation of a subscription. Callers have checked the address.
//!
//! What must hold: whoever names addresses at SNS keeps no message out whose certificate is known; nor does an SNS that
//! cannot be reached, as long as the certificate is in force.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use reqwest::{Certificate, Client, redirect::Policy};
use tokio::sync::Semaphore;
use url::Url;

use super::{certificate::SigningCertificate, topic::TopicArn};
use crate::config::{ConfigError, SnsConfig, read_secret};

/// Certificates and confirmations have about two kilobytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(5);
/// SNS has one certificate at a time, and changes it about once a year.
const MAX_CERTIFICATES: usize = 16;
/// How often a certificate is fetched again: another one may lie at its address.
const REFRESH_MS: i64 = 24 * 3_600_000;
/// How long until that is tried again after a failure.
const RETRY_MS: i64 = 10 * 60_000;
/// Anybody may name certificates that do not exist: no more than these are asked for.
const UNKNOWN_PER_MINUTE: u32 = 30;
const FETCHES_AT_ONCE: usize = 4;

/// The field of a message that names a certificate.
const CERTIFICATE: &str = "SigningCertURL";

/// Why there is no answer now. Whoever sent the message sends it again.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct NotNow {
    pub field: &'static str,
    pub reason: String,
}

struct Kept {
    certificate: SigningCertificate,
    refresh_at_ms: i64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    certificates: Arc<Mutex<HashMap<Url, Kept>>>,
    slots: Arc<Semaphore>,
    /// The minute, and how many unknown certificates were named in it.
    budget: Arc<Mutex<(i64, u32)>>,
}

impl Fetcher {
    pub fn new(config: &SnsConfig) -> Result<Self, ConfigError> {
        let mut builder = Client::builder().https_only(true).redirect(Policy::none()).timeout(TIMEOUT);
        if let Some(endpoint) = &config.endpoint {
            for host in config.topics.iter().map(TopicArn::host) {
                builder = builder.resolve(host, endpoint.address);
            }
            // It is this address that is meant, whatever proxy the environment names.
            builder = builder.no_proxy();
            if let Some(file) = &endpoint.ca_file {
                let wrong = |reason: String| ConfigError::Unreadable {
                    file: file.display().to_string(),
                    reason: format!("sns.endpoint.ca_file: {reason}"),
                };
                let pem = read_secret("sns.endpoint.ca_file", file)?;
                let all = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|e| wrong(e.to_string()))?;
                if all.is_empty() {
                    return Err(wrong("there is no certificate in it".to_owned()));
                }
                builder = builder.tls_certs_only(all);
            }
        }
        let client = builder.build().map_err(|e| ConfigError::Invalid {
            file: "sns".to_owned(),
            problems: vec![format!("no client for SNS: {e}")],
        })?;
        Ok(Self {
            client,
            certificates: Arc::default(),
            slots: Arc::new(Semaphore::new(FETCHES_AT_ONCE)),
            budget: Arc::default(),
        })
    }

    /// The certificate at an address, fetched about once a day, and whether it was fetched now: then [`Self::keep`] it once
    /// it has verified a message. One that is in force stays when it cannot be fetched again.
    pub async fn certificate(&self, url: &Url, now_ms: i64) -> Result<(SigningCertificate, bool), NotNow> {
        let Some((kept, is_due)) = self.kept(url, now_ms) else {
            if !self.may_ask(now_ms) {
                let reason = format!("more than {UNKNOWN_PER_MINUTE} unknown addresses in a minute");
                return Err(NotNow { field: CERTIFICATE, reason });
            }
            return Ok((self.fetch(url).await?, true));
        };
        if !is_due {
            return Ok((kept, false));
        }
        match self.fetch(url).await {
            Ok(fetched) => Ok((fetched, true)),
            Err(error) => {
                tracing::warn!(%error, "the certificate of SNS that is kept cannot be fetched again");
                Ok((kept, false))
            }
        }
    }

    /// The certificate that is known and in force, and whether it is the caller who fetches it again.
    fn kept(&self, url: &Url, now_ms: i64) -> Option<(SigningCertificate, bool)> {
        let mut all = self.certificates.lock();
        let kept = all.get_mut(url).filter(|k| k.certificate.check_validity(now_ms).is_ok())?;
        let is_due = kept.refresh_at_ms <= now_ms;
        if is_due {
            kept.refresh_at_ms = now_ms + RETRY_MS;
        }
        Some((kept.certificate.clone(), is_due))
    }

    async fn fetch(&self, url: &Url) -> Result<SigningCertificate, NotNow> {
        let pem = self.get(CERTIFICATE, url).await?;
        SigningCertificate::from_pem(&pem).map_err(|reason| NotNow { field: CERTIFICATE, reason })
    }

    /// Keeps a certificate that is in force and has verified a message: others that SNS has, and strangers name, do not push
    /// it out.
    pub fn keep(&self, url: &Url, certificate: &SigningCertificate, now_ms: i64) {
        if certificate.check_validity(now_ms).is_err() {
            return;
        }
        let mut all = self.certificates.lock();
        if all.len() >= MAX_CERTIFICATES && !all.contains_key(url) {
            let oldest = all.iter().min_by_key(|(_, k)| k.refresh_at_ms).map(|(url, _)| url.clone());
            if let Some(oldest) = oldest {
                all.remove(&oldest);
            }
        }
        let kept = Kept { certificate: certificate.clone(), refresh_at_ms: now_ms + REFRESH_MS };
        all.insert(url.clone(), kept);
    }

    /// The body of an answer that is a success. How often it is asked for is the caller's to bound.
    pub async fn get(&self, field: &'static str, url: &Url) -> Result<Vec<u8>, NotNow> {
        let not_now = |reason: String| NotNow { field, reason };
        let _slot = self.slots.acquire().await.map_err(|e| not_now(e.to_string()))?;
        let failed = |e: reqwest::Error| not_now(crate::error_chain(&e.without_url()));
        let mut response = self.client.get(url.clone()).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(not_now(format!(
                "{} answers {}",
                url.host_str().unwrap_or_default(),
                response.status()
            )));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(not_now(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn may_ask(&self, now_ms: i64) -> bool {
        let mut budget = self.budget.lock();
        let minute = now_ms / 60_000;
        if budget.0 != minute {
            *budget = (minute, 0);
        }
        budget.1 = budget.1.saturating_add(1);
        budget.1 <= UNKNOWN_PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::certificate::tests::{CERTIFICATE as PEM, VALID_MS},
        *,
    };
    use crate::config::SnsEndpoint;

    const YEAR_MS: i64 = 366 * 24 * 3_600_000;

    /// Whose SNS cannot be reached.
    fn fetcher() -> Fetcher {
        let topic = "arn:aws:sns:eu-central-1:111122223333:alarms".to_owned();
        Fetcher::new(&SnsConfig {
            topics: vec![topic.try_into().unwrap()],
            endpoint: Some(SnsEndpoint { address: ([127, 0, 0, 1], 1).into(), ca_file: None }),
            ..SnsConfig::default()
        })
        .unwrap()
    }

    fn url(name: &str) -> Url {
        Url::parse(&format!("https://sns.eu-central-1.amazonaws.com/{name}.pem")).unwrap()
    }

    #[test]
    fn strangers_make_us_ask_for_a_bounded_number_of_addresses() {
        let fetcher = fetcher();
        assert!((0..UNKNOWN_PER_MINUTE).all(|_| fetcher.may_ask(60_000)));
        assert!(!fetcher.may_ask(119_999));
        assert!(fetcher.may_ask(120_000));
    }

    #[tokio::test]
    async fn a_certificate_is_used_while_it_is_in_force_whoever_asks_and_whatever_is_away() {
        let (fetcher, known) = (fetcher(), url("known"));
        fetcher.keep(&known, &SigningCertificate::from_pem(PEM).unwrap(), VALID_MS);
        let due_ms = VALID_MS + REFRESH_MS;
        // Strangers have named as many as are asked for.
        while fetcher.may_ask(due_ms) {}
        for at_ms in [due_ms - 1, due_ms, due_ms + 1] {
            assert!(fetcher.certificate(&known, at_ms).await.is_ok());
        }
        let refused = fetcher.certificate(&url("unknown"), due_ms).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains("more than 30 unknown"), "{refused}");
        assert!(fetcher.certificate(&known, VALID_MS + YEAR_MS).await.is_err(), "it has expired");
    }

    #[test]
    fn one_caller_a_while_fetches_again_and_what_has_expired_is_not_kept() {
        let fetcher = fetcher();
        let certificate = SigningCertificate::from_pem(PEM).unwrap();
        fetcher.keep(&url("known"), &certificate, VALID_MS);
        let due_ms = VALID_MS + REFRESH_MS;
        let is_due = |at_ms| fetcher.kept(&url("known"), at_ms).unwrap().1;
        let asked = [due_ms - 1, due_ms, due_ms, due_ms + RETRY_MS - 1, due_ms + RETRY_MS];
        assert_eq!(asked.map(is_due), [false, true, false, false, true]);
        fetcher.keep(&url("old"), &certificate, VALID_MS + YEAR_MS);
        assert!(fetcher.kept(&url("old"), VALID_MS).is_none());
    }
}
