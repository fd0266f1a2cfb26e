//! Fingerprinted files of the browser client, compressed ahead, kept by browsers for ever.

use std::{collections::BTreeMap, path::Path};

use axum::{Router, routing::get};
use console_app::Assets;
use http::{HeaderValue, header};
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Why the client's files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    #[error("site_dir: cannot read {file} (`make client` builds it)")]
    Unreadable { file: String, source: std::io::Error },
    #[error("site_dir: {file} is malformed")]
    Malformed { file: String, source: serde_json::Error },
    #[error("site_dir: {file} does not name {name}")]
    Missing { file: String, name: &'static str },
}

/// Reads the manifest (logical name -> file below the folder).
pub fn read(site_dir: &Path) -> Result<Assets, AssetsError> {
    let file = site_dir.join("manifest.json");
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(&file)
        .map_err(|source| AssetsError::Unreadable { file: shown.clone(), source })?;
    let manifest: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|source| AssetsError::Malformed { file: shown.clone(), source })?;
    let find = |name: &'static str| {
        let path = manifest.get(name).map(|p| format!("/{p}"));
        path.ok_or_else(|| AssetsError::Missing { file: shown.clone(), name })
    };
    Ok(Assets {
        stylesheet: find("app.css")?,
        boot: find("boot.js")?,
        script: find("console.js")?,
        wasm: find("console_bg.wasm")?,
        charts: find("charts.js")?,
    })
}

pub fn router(site_dir: &Path) -> Router {
    let files = |folder: &str| ServeDir::new(site_dir.join(folder)).precompressed_br().precompressed_gzip();
    Router::new()
        .nest_service("/pkg", files("pkg"))
        .nest_service("/assets", files("assets"))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static(FOR_EVER),
        ))
        .route("/favicon.svg", get(|| async { icon() }))
        .route("/favicon.ico", get(|| async { icon() }))
}

fn icon() -> impl axum::response::IntoResponse {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("../../assets/favicon.svg"))
}
