//! A bare handler.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use tokio::net::TcpListener;

/// Answers `GET /p/{slug}` with the headers and the body in `file`: header lines, an empty line, the body.
pub async fn serve(port: u16, file: &str) -> Result<(), String> {
    let content = std::fs::read(file).map_err(|e| format!("cannot read {file}: {e}"))?;
    let (headers, body) = parse(&content).ok_or_else(|| format!("{file} holds no headers and body"))?;
    let answer = move || {
        let (headers, body) = (headers.clone(), body.clone());
        async move { (headers, body) }
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|e| format!("port {port} cannot be bound: {e}"))?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route("/p/{slug}", get(answer));
    axum::serve(listener, router).await.map_err(|e| format!("serving failed: {e}"))
}

fn parse(content: &[u8]) -> Option<(HeaderMap, Bytes)> {
    let end = content.windows(2).position(|two| two == b"\n\n")?;
    let mut headers = HeaderMap::new();
    for line in std::str::from_utf8(&content[..end]).ok()?.lines() {
        let (name, value) = line.split_once(": ")?;
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    Some((headers, Bytes::copy_from_slice(&content[end + 2..])))
}
