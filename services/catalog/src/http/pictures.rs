//! Product pictures. Their URL carries a version, so they may be kept for ever.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use shop_contracts::Code;
use shop_instrumentation::http::extract::Path;
use shop_instrumentation::problem::Problem;

use super::Shelf;
use crate::picture;

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

pub(super) async fn get_picture(
    State(shelf): State<Shelf>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let facts = shelf.catalog.find_picture(&slug).await?;
    let facts = facts.ok_or_else(|| Problem::new(Code::NotFound, "there is no such picture"))?;
    let etag = format!("\"{}-{slug}\"", picture::version(&facts.motif, &facts.category));
    let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == etag.as_bytes());
    let cached = [(CACHE_CONTROL, IMMUTABLE.to_owned()), (ETAG, etag)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    let svg = picture::draw(&slug, &facts.motif, &facts.category);
    let kind = [(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, "default-src 'none'")];
    Ok((cached, kind, svg).into_response())
}
