//! One bounded HTTP client for all remote backends.

use std::{error::Error, fmt, io, iter, net::SocketAddr, time::Duration};

use console_storage::SourceError;
use serde::de::DeserializeOwned;

/// Longest query string; proxies refuse addresses of some kilobytes.
const MAX_QUERY_BYTES: usize = 2000;
/// Of one name; more are left out.
const MAX_ADDRESSES: usize = 16;
const METHOD_NOT_ALLOWED: u16 = 405;

/// Where a backend is and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Base URL without a trailing slash.
    pub url: String,
    pub bearer_token: Option<String>,
    /// User and password (RFC 7617).
    pub basic: Option<(String, String)>,
    /// `X-Scope-OrgID` of Mimir, Loki and Tempo.
    pub tenant: Option<String>,
    pub timeout: Duration,
    pub max_response_bytes: usize,
}

impl RemoteConfig {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into().trim_end_matches('/').to_owned(),
            bearer_token: None,
            basic: None,
            tenant: None,
            timeout: Duration::from_secs(30),
            max_response_bytes: 64 << 20,
        }
    }
}

impl fmt::Debug for RemoteConfig {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConfig")
            .field("url", &self.url)
            .field("tenant", &self.tenant)
            .field("timeout", &self.timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .finish_non_exhaustive()
    }
}

/// A backend behind HTTP.
#[derive(Clone, Debug)]
pub struct Remote {
    backend: &'static str,
    config: RemoteConfig,
    client: reqwest::Client,
}

impl Remote {
    pub fn new(backend: &'static str, config: RemoteConfig) -> Result<Self, SourceError> {
        let client = client(backend, &config, None)?;
        Ok(Self { backend, config, client })
    }

    pub fn unavailable(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Unavailable {
            backend: format!("{} at {}", self.backend, self.config.url),
            reason: reason.into(),
        }
    }

    /// The same backend at each address that its name has now; none of them is asked.
    pub async fn everywhere(&self) -> Result<Vec<Self>, SourceError> {
        let url = reqwest::Url::parse(&self.config.url).map_err(|e| self.unavailable(e.to_string()))?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(self.config.timeout, tokio::net::lookup_host((bare, port))).await;
        let found = found.map_err(|_| SourceError::Timeout)?.map_err(|e| self.unavailable(e.to_string()))?;
        found
            .take(MAX_ADDRESSES)
            .map(|address| {
                let client = client(self.backend, &self.config, Some((host, address)))?;
                Ok(Self { client, ..self.clone() })
            })
            .collect()
    }

    /// Without a trailing slash.
    pub fn url(&self) -> &str {
        &self.config.url
    }

    /// How long an answer is waited for.
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// GET with query parameters. Answers status and body; reads at most the configured size.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<(u16, Vec<u8>), SourceError> {
        self.send(self.client.get(format!("{}{path}", self.config.url)).query(query)).await
    }

    /// As [`Self::get`]; parameters that are too long for an address are posted as a form, where the backend takes that.
    pub async fn get_or_post(
        &self,
        path: &str,
        parameters: &[(&str, String)],
    ) -> Result<(u16, Vec<u8>), SourceError> {
        let length: usize = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        if length <= MAX_QUERY_BYTES {
            return self.get(path, parameters).await;
        }
        let posted =
            self.send(self.client.post(format!("{}{path}", self.config.url)).form(parameters)).await?;
        if posted.0 == METHOD_NOT_ALLOWED { self.get(path, parameters).await } else { Ok(posted) }
    }

    /// POST of JSON. Answers status and body.
    pub async fn post_json(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(u16, Vec<u8>), Unanswered> {
        self.exchange(self.client.post(format!("{}{path}", self.config.url)).json(body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), SourceError> {
        Ok(self.exchange(request).await?)
    }

    async fn exchange(&self, mut request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Unanswered> {
        if let Some(token) = &self.config.bearer_token {
            request = request.bearer_auth(token);
        }
        if let Some((user, password)) = &self.config.basic {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(tenant) = &self.config.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let mut response = request
            .send()
            .await
            .map_err(|e| Unanswered { error: self.transport(&e), is_refused: is_refused(&e) })?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.transport(&e))? {
            if body.len() + chunk.len() > self.config.max_response_bytes {
                let limit = self.config.max_response_bytes;
                let error =
                    SourceError::Limit(format!("{} answered with more than {limit} bytes", self.backend));
                return Err(error.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    pub fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, SourceError> {
        serde_json::from_slice(body)
            .map_err(|e| self.unavailable(format!("its answer is not understood: {e}")))
    }

    fn transport(&self, e: &reqwest::Error) -> SourceError {
        if e.is_timeout() { SourceError::Timeout } else { self.unavailable(e.to_string()) }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Unanswered {
    pub error: SourceError,
    /// The machine is there, and nothing on it listens.
    pub is_refused: bool,
}

impl From<SourceError> for Unanswered {
    fn from(error: SourceError) -> Self {
        Self { error, is_refused: false }
    }
}

impl From<Unanswered> for SourceError {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut causes = iter::successors(Some(error as &(dyn Error + 'static)), |&e| e.source());
    causes
        .any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused))
}

/// The client of a backend; with `place`, one that goes to this address for this host.
fn client(
    backend: &str,
    config: &RemoteConfig,
    place: Option<(&str, SocketAddr)>,
) -> Result<reqwest::Client, SourceError> {
    let mut builder = reqwest::Client::builder().timeout(config.timeout);
    if let Some((host, address)) = place {
        builder = builder.resolve(host, address);
    }
    builder.build().map_err(|e| SourceError::Internal(format!("{backend}: {e}")))
}
