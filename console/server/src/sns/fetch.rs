//! What is fetched from SNS: certificates, once, and the confirmation of a subscription. Callers have checked the address.

use std::{collections::HashMap, sync::Arc, time::Duration};

use console_model::clock::now_ms;
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
const CERTIFICATE_MS: i64 = 24 * 3_600_000;
/// Anybody may name certificates that do not exist: no more than these are asked for.
const FETCHES_PER_MINUTE: u32 = 30;
const FETCHES_AT_ONCE: usize = 4;

/// Why there is no answer now. Whoever sent the message sends it again.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct NotNow {
    pub field: &'static str,
    pub reason: String,
}

struct Kept {
    certificate: SigningCertificate,
    fetched_ms: i64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    certificates: Arc<Mutex<HashMap<Url, Kept>>>,
    slots: Arc<Semaphore>,
    /// The minute, and how many fetches it has seen.
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

    /// The certificate at an address, fetched at most once a day.
    pub async fn certificate(&self, url: &Url) -> Result<SigningCertificate, NotNow> {
        let field = "SigningCertURL";
        if let Some(kept) = self.kept(url) {
            return Ok(kept);
        }
        let pem = self.get(field, url).await?;
        let certificate = SigningCertificate::from_pem(&pem).map_err(|reason| NotNow { field, reason })?;
        let mut all = self.certificates.lock();
        if all.len() >= MAX_CERTIFICATES {
            let oldest = all.iter().min_by_key(|(_, k)| k.fetched_ms).map(|(url, _)| url.clone());
            if let Some(oldest) = oldest {
                all.remove(&oldest);
            }
        }
        all.insert(url.clone(), Kept { certificate: certificate.clone(), fetched_ms: now_ms() });
        Ok(certificate)
    }

    fn kept(&self, url: &Url) -> Option<SigningCertificate> {
        let certificates = self.certificates.lock();
        let kept = certificates.get(url)?;
        (now_ms() - kept.fetched_ms < CERTIFICATE_MS).then(|| kept.certificate.clone())
    }

    /// The body of an answer that is a success.
    pub async fn get(&self, field: &'static str, url: &Url) -> Result<Vec<u8>, NotNow> {
        let not_now = |reason: String| NotNow { field, reason };
        if !self.may_fetch(now_ms()) {
            return Err(not_now(format!("more than {FETCHES_PER_MINUTE} addresses in a minute")));
        }
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

    fn may_fetch(&self, now_ms: i64) -> bool {
        let mut budget = self.budget.lock();
        let minute = now_ms / 60_000;
        if budget.0 != minute {
            *budget = (minute, 0);
        }
        budget.1 += 1;
        budget.1 <= FETCHES_PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_us_ask_for_a_bounded_number_of_addresses() {
        let fetcher = Fetcher::new(&SnsConfig::default()).unwrap();
        assert!((0..FETCHES_PER_MINUTE).all(|_| fetcher.may_fetch(60_000)));
        assert!(!fetcher.may_fetch(119_999));
        assert!(fetcher.may_fetch(120_000));
    }
}
