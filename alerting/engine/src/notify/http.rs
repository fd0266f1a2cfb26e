//! Posting JSON: which answers are worth another attempt.

use std::time::Duration;

use crate::notify::Attempt;

/// Longest answer read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Posts JSON text; `Ok` is the answer of a 2xx.
pub(crate) async fn post_json(
    client: &reqwest::Client,
    url: &str,
    token: Option<&str>,
    body: String,
) -> Result<String, Attempt> {
    let mut request = client.post(url).header("content-type", "application/json; charset=utf-8").body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    // An address may be a secret: errors are printed without it.
    let response = request.send().await.map_err(|e| {
        let kind = if e.is_timeout() {
            "timed out"
        } else if e.is_connect() {
            "could not connect"
        } else {
            "failed"
        };
        let reason = format!("request {kind}: {}", chain(&e.without_url()));
        Attempt::Retry { reason, after_ms: None }
    })?;
    let status = response.status();
    let after_ms = response
        .headers()
        .get("retry-after")
        .and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok())
        .map(|s| Duration::from_secs(s.min(60)).as_millis() as u64);
    let answer = read_answer(response).await;
    if status.is_success() {
        return Ok(answer);
    }
    let reason = format!("{status}: {}", answer.lines().next().unwrap_or_default());
    let again = status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408;
    Err(if again { Attempt::Retry { reason, after_ms } } else { Attempt::GiveUp { reason } })
}

async fn read_answer(mut response: reqwest::Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_ANSWER_BYTES {
            body.truncate(MAX_ANSWER_BYTES);
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
