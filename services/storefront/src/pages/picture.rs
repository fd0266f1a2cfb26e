//! Product pictures, handed through from the catalogue and kept for ever by whoever asks.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use shop_instrumentation::problem::Code;

use super::Shop;

pub(super) async fn show(State(shop): State<Shop>, Path(file): Path<String>) -> Response {
    let Some(slug) = file.strip_suffix(".svg") else {
        return (StatusCode::NOT_FOUND, "no such picture").into_response();
    };
    let load = async { shop.peers.picture(slug).await.map(|answer| answer.body) };
    match shop.pictures.get_or_load(slug, load).await {
        Ok(svg) => (
            [
                (CONTENT_TYPE, "image/svg+xml"),
                (CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (CONTENT_SECURITY_POLICY, "default-src 'none'"),
            ],
            Bytes::clone(&svg),
        )
            .into_response(),
        Err(cause) if cause.code() == Code::NotFound => {
            (StatusCode::NOT_FOUND, "no such picture").into_response()
        }
        Err(cause) => {
            tracing::warn!(error = %cause, "picture is not to be had");
            (StatusCode::SERVICE_UNAVAILABLE, "the picture is not to be had just now").into_response()
        }
    }
}
