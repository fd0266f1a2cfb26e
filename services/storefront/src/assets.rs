//! Style sheet, script and icon: compiled in, named by their content, compressed once at start.
//!
//! A name that carries the content's hash may be kept for ever by browsers and the edge.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

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
/// The script; nothing depends on it.
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_bytes!("../assets/shop.js")));
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
            gzip: gzip(plain),
            brotli: brotli(plain),
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
        let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = [(CONTENT_TYPE, self.content_type)];
        match encoding(accepted) {
            Some("br") => (cached, kind, [(CONTENT_ENCODING, "br")], self.brotli.clone()).into_response(),
            Some(_) => (cached, kind, [(CONTENT_ENCODING, "gzip")], self.gzip.clone()).into_response(),
            None => (cached, kind, self.plain).into_response(),
        }
    }
}

/// `GET /assets/{file}`.
pub async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let known: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    match known.into_iter().find(|asset| asset.file == file) {
        Some(asset) => asset.answer(&headers),
        None => (StatusCode::NOT_FOUND, "no such file").into_response(),
    }
}

/// The best encoding that the client takes.
fn encoding(accepted: &str) -> Option<&'static str> {
    let takes = |name: &str| {
        accepted.split(',').map(str::trim).any(|part| {
            let mut pieces = part.split(';').map(str::trim);
            pieces.next() == Some(name) && !pieces.any(|quality| matches!(quality, "q=0" | "q=0.0"))
        })
    };
    if takes("br") {
        Some("br")
    } else if takes("gzip") {
        Some("gzip")
    } else {
        None
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    {
        let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 11, 20);
        let _ = encoder.write_all(plain);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_encoding_that_is_taken_wins() {
        assert_eq!(encoding("gzip, deflate, br"), Some("br"));
        assert_eq!(encoding("gzip;q=0.8, br;q=0"), Some("gzip"));
        assert_eq!(encoding("identity"), None);
    }

    #[test]
    fn names_follow_the_content_and_compression_pays() {
        assert!(STYLE.url.starts_with("/assets/") && STYLE.url.split('.').next_back() == Some("css"));
        assert!(STYLE.brotli.len() < STYLE.plain.len() / 3);
        assert!(STYLE.gzip.len() < STYLE.plain.len() / 2);
    }
}
