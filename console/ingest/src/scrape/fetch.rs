//! Asking a target over HTTP, within its time and its size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect::Policy};

use super::{
    config::{Auth, Credential, JobConfig, Secret},
    error::ScrapeError,
    exposition::Format,
    protocol::{accept, format},
    target::Target,
};
use crate::{
    body::{BodyError, Encoding, decompress},
    limits::IngestLimits,
};

const USER_AGENT: &str = concat!("Quarterdeck/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 10;
const IDLE_CONNECTION: Duration = Duration::from_mins(5);

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

/// A client for the targets of one job. It uses no proxy, whatever the environment says.
pub fn client(job: &JobConfig) -> Result<Client, reqwest::Error> {
    let redirects = if job.follow_redirects { Policy::limited(MAX_REDIRECTS) } else { Policy::none() };
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirects)
        .no_proxy()
        .no_gzip()
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(1);
    if job.enable_http2 { builder } else { builder.http1_only() }.build()
}

/// One request, within the target's timeout.
pub async fn fetch(client: &Client, job: &JobConfig, target: &Target) -> Result<Answer, ScrapeError> {
    let timed = tokio::time::timeout(target.timeout, get(client, job, target)).await;
    timed.unwrap_or(Err(ScrapeError::Timeout { after: target.timeout }))
}

async fn get(client: &Client, job: &JobConfig, target: &Target) -> Result<Answer, ScrapeError> {
    let request = client
        .get(target.url.clone())
        .header(ACCEPT, accept(&job.protocols))
        .header(ACCEPT_ENCODING, if job.enable_compression { "gzip" } else { "identity" })
        .header("x-prometheus-scrape-timeout-seconds", target.timeout.as_secs_f64().to_string());
    let response = authorize(request, &job.auth).await?.send().await;
    let response = response.map_err(|e| ScrapeError::Unreachable(chain(&e.without_url())))?;
    if response.status() != StatusCode::OK {
        return Err(ScrapeError::Status(response.status()));
    }
    let encoding = Encoding::of(response.headers(), Encoding::Identity)
        .map_err(|e| ScrapeError::Encoding(e.to_string()))?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = format(content_type, job.fallback_protocol);
    Ok(Answer { format, encoding, raw: body(response, job.limits.body_size).await? })
}

async fn body(mut response: Response, limit: usize) -> Result<Bytes, ScrapeError> {
    if response.content_length().is_some_and(|n| n > limit as u64) {
        return Err(ScrapeError::BodyTooLarge { limit });
    }
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|e| ScrapeError::Interrupted(chain(&e.without_url())))?;
        let Some(chunk) = chunk else { return Ok(body.freeze()) };
        if body.len() + chunk.len() > limit {
            return Err(ScrapeError::BodyTooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
}

async fn authorize(request: RequestBuilder, auth: &Auth) -> Result<RequestBuilder, ScrapeError> {
    match auth {
        Auth::None => Ok(request),
        Auth::Basic { username, password } => {
            let (username, password) = (secret(username).await?, secret(password).await?);
            Ok(request.basic_auth(username.expose(), Some(password.expose())))
        }
        Auth::Header { scheme, credentials } => {
            let text = format!("{scheme} {}", secret(credentials).await?.expose());
            let mut value = HeaderValue::from_str(&text).map_err(|_| ScrapeError::UnsendableCredentials)?;
            value.set_sensitive(true);
            Ok(request.header(AUTHORIZATION, value))
        }
    }
}

async fn secret(credential: &Credential) -> Result<Secret, ScrapeError> {
    match credential {
        Credential::Value(secret) => Ok(secret.clone()),
        Credential::File(file) => match tokio::fs::read_to_string(file).await {
            Ok(text) => Ok(Secret::new(text.trim())),
            Err(e) => Err(ScrapeError::Credentials { file: file.clone(), message: e.to_string() }),
        },
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let text = e.to_string();
        if !out.ends_with(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
        cause = e.source();
    }
    out
}
