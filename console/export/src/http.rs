//! One HTTP client for source and targets: what does not answer is asked again for a while.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, StatusCode, header::RETRY_AFTER};
use tokio::time::{Instant, sleep};

use crate::ExportError;

/// Longest answer.
const MAX_ANSWER_BYTES: usize = 256 << 20;
const MAX_MESSAGE: usize = 300;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long answers are waited for, and how long a dead end is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub timeout: Duration,
    /// Since the last answer that was one.
    pub give_up_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { timeout: Duration::from_mins(1), give_up_after: Duration::from_mins(5) }
    }
}

/// Why there is no answer.
enum Failure {
    TooLarge,
    /// With the cause.
    Broken(String),
}

/// A backend's address and how it lets one in.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    token: Option<String>,
    tenant: Option<String>,
    pace: Pace,
    client: reqwest::Client,
}

impl fmt::Debug for Endpoint {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// `url`: the base address. `token`: a bearer token. `tenant`: `X-Scope-OrgID`. The error says what is wrong with the address.
    pub fn new(url: &str, token: Option<String>, tenant: Option<String>, pace: Pace) -> Result<Self, String> {
        let parsed = url::Url::parse(url).map_err(|e| format!("{url:?} is no address: {e}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("{url:?} does not begin with http:// or https://"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err("names a user or a password: a token file says who asks".to_owned());
        }
        let client = reqwest::Client::builder().timeout(pace.timeout).build().map_err(|e| e.to_string())?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), token, tenant, pace, client })
    }

    /// Without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body of an answer; none for 404.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
        headers: &[(&'static str, &'static str)],
    ) -> Result<Option<Bytes>, ExportError> {
        let request = || {
            let start = self.client.get(format!("{}{path}", self.url)).query(query);
            headers.iter().fold(start, |r, (name, value)| r.header(*name, *value))
        };
        self.ask(path, request).await
    }

    /// Returns once it is acknowledged.
    pub(crate) async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Bytes, ExportError> {
        let request = || {
            self.client
                .post(format!("{}{path}", self.url))
                .header("content-type", content_type)
                .body(body.clone())
        };
        let refused = || self.refused(path, StatusCode::NOT_FOUND, b"there is nothing at this address");
        self.ask(path, request).await?.ok_or_else(refused)
    }

    async fn ask(
        &self,
        path: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Option<Bytes>, ExportError> {
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let (reason, wait) = match self.once(request()).await {
                Ok((StatusCode::NOT_FOUND, ..)) => return Ok(None),
                Ok((status, _, body)) if status.is_success() => return Ok(Some(body)),
                Ok((status, after, body))
                    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() =>
                {
                    (format!("{status} {}", message(&body)), after)
                }
                Ok((status, _, body)) => return Err(self.refused(path, status, &body)),
                // It would be as large again.
                Err(Failure::TooLarge) => {
                    let reason = format!("it is larger than {MAX_ANSWER_BYTES} bytes");
                    return Err(self.unreadable(path, reason));
                }
                Err(Failure::Broken(reason)) => (reason, None),
            };
            if began.elapsed() >= self.pace.give_up_after {
                return Err(ExportError::Unavailable { url: format!("{}{path}", self.url), reason });
            }
            sleep(wait.unwrap_or(pause).min(LONGEST_PAUSE).min(self.pace.give_up_after)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<(StatusCode, Option<Duration>, Bytes), Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let request = match &self.tenant {
            Some(tenant) => request.header("x-scope-orgid", tenant),
            None => request,
        };
        let mut response = request.send().await.map_err(|e| Failure::Broken(chain(&e)))?;
        let after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        if response.content_length().is_some_and(|n| n > MAX_ANSWER_BYTES as u64) {
            return Err(Failure::TooLarge);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| Failure::Broken(chain(&e)))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), after.map(Duration::from_secs), body.freeze()))
    }

    pub(crate) fn unreadable(&self, path: &str, reason: impl ToString) -> ExportError {
        ExportError::Unreadable { url: format!("{}{path}", self.url), reason: reason.to_string() }
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> ExportError {
        let (url, message) = (format!("{}{path}", self.url), message(body));
        ExportError::Refused { url, status: status.as_u16(), message }
    }
}

fn message(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect()
}

/// An error with its causes: reqwest's own text says only that something failed.
fn chain(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |e| e.source());
    causes.fold(error.without_url_text(), |all, cause| format!("{all}: {cause}"))
}

trait WithoutUrl {
    fn without_url_text(&self) -> String;
}

impl WithoutUrl for reqwest::Error {
    /// The address is told beside it.
    fn without_url_text(&self) -> String {
        let text = self.to_string();
        text.split(" for url ").next().unwrap_or(&text).to_owned()
    }
}
