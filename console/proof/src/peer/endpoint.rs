//! Where a peer listens, and requests to it.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::PeerError;

/// Longest answer that is waited for.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A base URL with its client and, where the peer asks for one, its bearer token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: String,
    token: Option<String>,
    http: Client,
}

/// An answer of an HTTP API: its status and its JSON (`null` where it is none).
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Endpoint {
    pub fn new(port: u16, token: Option<&str>) -> Result<Self, PeerError> {
        let (base, token) = (format!("http://127.0.0.1:{port}"), token.map(str::to_owned));
        Ok(Self { base, token, http: client()? })
    }

    /// The same place, with connections of its own: those of a client live where they were first used.
    pub fn apart(&self) -> Result<Self, PeerError> {
        Ok(Self { http: client()?, ..self.clone() })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.authorised(self.http.get(self.url(path)))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.authorised(self.http.post(self.url(path)))
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Posts a form, as clients of the query APIs do.
    pub async fn ask(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, PeerError> {
        let failed = || PeerError::http(format!("POST {path}"));
        let response = self.post(path).form(form).send().await.map_err(failed())?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(failed())?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Gets with a query string.
    pub async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, PeerError> {
        let failed = || PeerError::http(format!("GET {path}"));
        let response = self.get(path).query(query).send().await.map_err(failed())?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(failed())?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}

fn client() -> Result<Client, PeerError> {
    let client = Client::builder().no_proxy().timeout(TIMEOUT).build();
    client.map_err(PeerError::http("the HTTP client cannot be built"))
}
