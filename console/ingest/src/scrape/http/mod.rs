//! Requests to targets and to the servers that list them: who asks, over which connection, and how much is read.

mod auth;
mod connector;
mod fetch;

pub use auth::authorize;
pub use connector::Connector;
pub use fetch::{Answer, fetch};

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// Why a body could not be read.
pub enum BodyFailure {
    TooLarge,
    Interrupted(String),
}

/// At most `limit` bytes, as they are sent.
pub async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, BodyFailure> {
    if response.content_length().is_some_and(|n| n > limit as u64) {
        return Err(BodyFailure::TooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|e| BodyFailure::Interrupted(chain(&e.without_url())))?;
        let Some(chunk) = chunk else { return Ok(body.freeze()) };
        if body.len() + chunk.len() > limit {
            return Err(BodyFailure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
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
