//! Product pictures, handed through from the catalogue.
//!
//! Kept for ever only under the version that was asked for: the catalogue answers no other. Without a version it is
//! whatever the picture is now, and kept for a minute.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use shop_instrumentation::problem::Code;

use super::{PageError, Shop};
use crate::border::{PictureFile, QueryFields};

const LONGEST_VERSION: usize = 64;
const PINNED: &str = "public, max-age=31536000, immutable";
const BRIEF: &str = "public, max-age=60";

pub(super) async fn show(
    State(shop): State<Shop>,
    PictureFile(slug): PictureFile,
    query: QueryFields,
) -> Result<Response, PageError> {
    let version = query.get("v").to_owned();
    if !is_version(&version) {
        return Err(PageError::NotFound);
    }
    let key = format!("{}?{version}", slug.as_str());
    let caching = if version.is_empty() { BRIEF } else { PINNED };
    let peers = shop.peers.clone();
    let load = || async move { peers.picture(slug.as_str(), &version).await.map(|answer| answer.body) };
    match shop.pictures.get_or_load(&key, load).await {
        Ok(svg) => Ok((
            [
                (CONTENT_TYPE, "image/svg+xml"),
                (CACHE_CONTROL, caching),
                (CONTENT_SECURITY_POLICY, "default-src 'none'"),
            ],
            Bytes::clone(&svg),
        )
            .into_response()),
        Err(cause) if cause.code() == Code::NotFound => {
            Ok((StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "no such picture").into_response())
        }
        Err(cause) => Err(cause.into()),
    }
}

/// Empty, or 1 to 64 letters, digits, dots, hyphens and underscores.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= LONGEST_VERSION && text.bytes().all(plain)
}
