//! Style sheet, script and icon: compiled in, named by their content, compressed once at start.
//!
//! A name that carries the content's hash may be kept for ever by browsers and the edge. During a deploy an instance is
//! asked for names of another build: it says that it has no such file, and that nobody may remember that, so that the edge
//! asks the other instance.

use std::sync::LazyLock;

use axum::extract::RawPathParams;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::encoding::{Effort, Encoding};

/// One file with its ready-made forms.
pub struct Asset {
    /// `/assets/<hash>.<ext>`.
    pub url: String,
    file: String,
    etag: String,
    content_type: &'static str,
    plain: &'static [u8],
    gzip: Vec<u8>,
    brotli: Vec<u8>,
}

/// The style sheet.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_bytes!("../assets/shop.css")));
/// What the back office adds to it.
pub static STAFF_STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_bytes!("../assets/staff.css")));
/// The scripts; nothing depends on them.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let all = concat!(
        include_str!("../assets/shop.js"),
        include_str!("../assets/search.js"),
        include_str!("../assets/choosing.js")
    );
    Asset::new("js", "text/javascript; charset=utf-8", all.as_bytes())
});
/// What tells how the page loaded.
pub static RUM_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_bytes!("../assets/rum.js")));
/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_bytes!("../assets/favicon.svg")));

impl Asset {
    fn new(extension: &str, content_type: &'static str, plain: &'static [u8]) -> Self {
        let hash = &hex::encode(Sha256::digest(plain))[..16];
        let file = format!("{hash}.{extension}");
        Self {
            url: format!("/assets/{file}"),
            etag: format!("\"{hash}\""),
            file,
            content_type,
            plain,
            gzip: Encoding::Gzip.compress(plain, Effort::Best),
            brotli: Encoding::Brotli.compress(plain, Effort::Best),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let cached = [
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (ETAG, self.etag.as_str()),
            (VARY, "accept-encoding"),
        ];
        if headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == self.etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, cached).into_response();
        }
        let kind = [(CONTENT_TYPE, self.content_type)];
        match Encoding::preferred(headers) {
            Some(Encoding::Brotli) => {
                (cached, kind, [(CONTENT_ENCODING, "br")], self.brotli.clone()).into_response()
            }
            Some(Encoding::Gzip) => {
                (cached, kind, [(CONTENT_ENCODING, "gzip")], self.gzip.clone()).into_response()
            }
            None => (cached, kind, self.plain).into_response(),
        }
    }
}

/// `GET /assets/{file}`.
pub async fn serve(path: RawPathParams, headers: HeaderMap) -> Response {
    let known: [&Asset; 5] = [&STYLE, &STAFF_STYLE, &SCRIPT, &RUM_SCRIPT, &ICON];
    let file = path.iter().next().map_or("", |(_, file)| file);
    match known.into_iter().find(|asset| asset.file == file) {
        Some(asset) => asset.answer(&headers),
        None => (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "no such file").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_content_and_compression_pays() {
        assert!(STYLE.url.starts_with("/assets/") && STYLE.url.split('.').next_back() == Some("css"));
        assert!(STYLE.brotli.len() < STYLE.plain.len() / 3);
        assert!(STYLE.gzip.len() < STYLE.plain.len() / 2);
    }
}
