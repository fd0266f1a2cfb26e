//! The query of an address.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::pairs::Pairs;
use crate::pages::PageError;

/// Longest query that is read.
const LONGEST_QUERY: usize = 2_048;

/// The fields of the query.
pub struct QueryFields(pub Pairs);

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > LONGEST_QUERY {
            return Err(PageError::BadAddress(format!("the query is longer than {LONGEST_QUERY} bytes")));
        }
        let pairs =
            Pairs::decode(query.as_bytes()).map_err(|cause| PageError::BadAddress(cause.to_string()))?;
        Ok(Self(pairs))
    }
}

impl QueryFields {
    /// The value under this name; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name)
    }

    /// A page number, from 1. Addresses are typed and mangled by people: nonsense is the first page.
    pub fn page(&self, last: u32) -> u32 {
        self.get("page").parse().unwrap_or(1).clamp(1, last)
    }
}
