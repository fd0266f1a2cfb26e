//! Product pictures. Under their version they may be kept for ever, so under another one they do not exist.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shop_contracts::Code;
use shop_instrumentation::http::extract::{Path, Query};
use shop_instrumentation::problem::Problem;
use utoipa::IntoParams;

use super::{CatalogState, params};
use crate::picture;
use crate::storage::PictureFacts;

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Without a version nobody can tell when it changes.
const REVALIDATE: &str = "public, no-cache";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PictureParams {
    /// Its version; the answer may then be kept for ever.
    v: Option<String>,
}

#[utoipa::path(get, path = "/v1/products/{slug_or_id}/picture.svg", params(("slug_or_id" = String, Path, description = "slug of a product"), PictureParams), responses((status = 200, description = "the picture", body = String, content_type = "image/svg+xml"), (status = 304, description = "as it is known"), (status = 404, description = "no such picture, or not under this version")))]
pub(super) async fn get_picture(
    State(state): State<CatalogState>,
    Path(slug): Path<String>,
    Query(params): Query<PictureParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::NotFound, "there is no such picture");
    let slug = params::slug(slug)?;
    let (catalog, wanted) = (state.catalog.clone(), slug.clone());
    let load = async move { catalog.find_picture(&wanted).await };
    let facts = state.cached(&format!("picture:{slug}"), load).await?.text.ok_or_else(missing)?;
    let facts: PictureFacts = serde_json::from_str(&facts).map_err(|cause| Problem::internal(&cause))?;
    let svg = picture::draw(&slug, &facts.motif, &facts.category);
    let version = picture::version_of(&svg);
    let control = match params.v.as_deref() {
        None | Some("") => REVALIDATE,
        Some(asked) if asked == version => IMMUTABLE,
        Some(_) => return Err(missing()),
    };
    let etag = format!("\"{version}\"");
    let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == etag.as_bytes());
    let cached = [(CACHE_CONTROL, control.to_owned()), (ETAG, etag)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    let kind = [(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, "default-src 'none'")];
    Ok((cached, kind, svg).into_response())
}
