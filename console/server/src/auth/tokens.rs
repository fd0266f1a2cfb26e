//! Requests of programs to the query APIs.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use console_ingest::{auth::Tokens, elasticsearch, refusal::Refusal};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::{Auth, session};

/// Tokens that may query. None: open.
#[derive(Clone, Debug)]
pub struct QueryTokens(Tokens);

impl QueryTokens {
    pub fn new(tokens: impl IntoIterator<Item = String>) -> Self {
        Self(Tokens::new(tokens))
    }

    pub fn tokens(&self) -> Tokens {
        self.0.clone()
    }
}

/// Elasticsearch's clients show tokens in their own ways, and read refusals in their own envelope.
fn is_elasticsearch(request: &Request) -> bool {
    request.uri().path().starts_with("/elasticsearch/")
}

/// A bearer token, or a person's session from the console's own pages.
pub async fn require_for_queries(State(auth): State<Auth>, request: Request, next: Next) -> Response {
    // A browser asks without a token whether it may ask; the answer tells nothing of what is stored.
    if request.method() == http::Method::OPTIONS {
        return next.run(request).await;
    }
    let is_elasticsearch = is_elasticsearch(&request);
    let checked = if is_elasticsearch {
        auth.tokens.0.check_elasticsearch(request.headers())
    } else {
        auth.tokens.0.check(request.headers())
    };
    let refused = match checked {
        Ok(()) => return next.run(request).await,
        Err(refused) => refused,
    };
    if session::is_same_origin(request.headers()) {
        match session::find(&auth, request.headers()).await {
            Ok(Some(_)) => return next.run(request).await,
            Ok(None) => {}
            Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
    if is_elasticsearch {
        return elasticsearch::answer::refused(&Refusal::from(refused));
    }
    let message = refused.to_string();
    let mut response = if request.uri().path().starts_with("/api/v1") {
        let body = json!({"status": "error", "errorType": "unauthorized", "error": message});
        (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
    } else {
        (StatusCode::UNAUTHORIZED, format!("{message}\n")).into_response()
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
