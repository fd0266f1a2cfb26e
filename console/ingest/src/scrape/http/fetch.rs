//! Asking a target over HTTP, within its time and its size.

use bytes::Bytes;
use http::{
    StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE},
};

use super::{BodyFailure, Connector, authorize, chain, read_body};
use crate::{
    body::{BodyError, Encoding, decompress},
    limits::IngestLimits,
    scrape::{
        config::JobConfig,
        error::ScrapeError,
        exposition::Format,
        protocol::{accept, format},
        target::Target,
    },
};

/// An answer as it was sent.
pub struct Answer {
    /// Of no interest where there is no text.
    pub format: Result<Format, ScrapeError>,
    encoding: Encoding,
    raw: Bytes,
}

impl Answer {
    /// The text. Blocking work of at most `limit` bytes of output.
    pub fn into_text(self, limit: usize) -> Result<Bytes, ScrapeError> {
        let limits = IngestLimits { max_decompressed_bytes: limit, ..IngestLimits::default() };
        decompress(self.encoding, self.raw, &limits).map_err(|e| match e {
            BodyError::Bomb { limit } | BodyError::TooLarge { limit } => ScrapeError::BodyTooLarge { limit },
            other => ScrapeError::Encoding(other.to_string()),
        })
    }
}

/// One request, within the target's timeout.
pub async fn fetch(connector: &Connector, job: &JobConfig, target: &Target) -> Result<Answer, ScrapeError> {
    let timed = tokio::time::timeout(target.timeout, get(connector, job, target)).await;
    timed.unwrap_or(Err(ScrapeError::Timeout { after: target.timeout }))
}

async fn get(connector: &Connector, job: &JobConfig, target: &Target) -> Result<Answer, ScrapeError> {
    let request = connector.get(&target.url).await?;
    let request = request
        .header(ACCEPT, accept(&job.protocols, job.names.escaping))
        .header(ACCEPT_ENCODING, if job.enable_compression { "gzip" } else { "identity" })
        .header("x-prometheus-scrape-timeout-seconds", target.timeout.as_secs_f64().to_string());
    let response = authorize(request, &job.http.auth).await?.send().await;
    let response = response.map_err(|e| ScrapeError::Unreachable(chain(&e.without_url())))?;
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let encoding = Encoding::of(response.headers(), Encoding::Identity)
        .map_err(|e| ScrapeError::Encoding(e.to_string()))?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = format(content_type, job.fallback_protocol);
    let limit = job.limits.body_size;
    let raw = read_body(response, limit).await.map_err(|e| match e {
        BodyFailure::TooLarge => ScrapeError::BodyTooLarge { limit },
        BodyFailure::Interrupted(e) => ScrapeError::Interrupted(e),
    })?;
    Ok(Answer { format, encoding, raw })
}
