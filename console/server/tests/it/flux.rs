//! Notifications of Flux: only signed ones, once, and over a restart.

use aws_lc_rs::hmac;
use console_server::Config;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::console::{Console, PASSWORD, lay_out};

const KEY: &str = "a key of the test";

fn config(dir: &std::path::Path) -> Config {
    let mut config = lay_out(dir);
    std::fs::write(dir.join("flux-key"), format!("{KEY}\n")).unwrap();
    config.flux.events_key_file = Some(dir.join("flux-key"));
    config
}

fn failure() -> Value {
    json!({
        "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "apps"},
        "severity": "error", "timestamp": "2026-01-02T03:04:05Z", "reason": "HealthCheckFailed",
        "message": "Deployment/quarterdeck/orders: <b>deadline</b> exceeded",
        "metadata": {"revision": "main@sha1:0123456789abcdef0123456789abcdef01234567"},
    })
}

fn signature(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

async fn send(console: &Console, body: &str, signature: Option<&str>) -> (StatusCode, String) {
    let mut request = console.http.post(console.url("/api/flux/events")).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-signature", signature);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_event_is_shown_on_deploys_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let console = Console::start_with(config.clone()).await;
    let body = failure().to_string();
    // Flux repeats what it did not hear acknowledged.
    for _ in 0..2 {
        assert_eq!(send(&console, &body, Some(&signature(&body))).await.0, 204);
    }
    console.stop().await;
    let console = Console::start_with(config).await;
    console.log_in("admin", PASSWORD, "/").await;
    let (status, page) = console.fetch("/deploys").await;
    assert_eq!(status, 200);
    assert_eq!(page.matches("HealthCheckFailed").count(), 1, "{page}");
    assert!(page.contains("&lt;b&gt;deadline&lt;/b&gt; exceeded") && !page.contains("<b>deadline"), "{page}");
    assert!(page.contains("/deploys/0123456789abcdef0123456789abcdef01234567"));
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_wrong_and_too_large_bodies_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start_with(config(dir.path())).await;
    let body = failure().to_string();
    let right = signature(&body);
    for wrong in [None, Some(""), Some("sha256="), Some(&right[7..]), Some(&right[..70]), Some("sha256=zz")] {
        assert_eq!(send(&console, &body, wrong).await.0, 401, "{wrong:?}");
    }
    let other = body.replace("apps", "data");
    assert_eq!(send(&console, &other, Some(&right)).await.0, 401, "another body");
    let nothing = json!({"severity": "info"}).to_string();
    let (status, text) = send(&console, &nothing, Some(&signature(&nothing))).await;
    assert_eq!(status, 400);
    assert!(text.contains("involvedObject"), "{text}");
    let large = "x".repeat((128 << 10) + 1);
    assert_eq!(send(&console, &large, Some(&signature(&large))).await.0, 413);
    console.log_in("admin", PASSWORD, "/").await;
    assert!(console.fetch("/deploys").await.1.contains("Flux has told nothing yet"));
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_is_no_such_address() {
    let dir = tempfile::tempdir().unwrap();
    let console = Console::start(&dir).await;
    let body = failure().to_string();
    let (status, text) = send(&console, &body, Some(&signature(&body))).await;
    assert_eq!(status, 404);
    assert!(text.contains("flux.events_key_file"), "{text}");
    console.log_in("admin", PASSWORD, "/").await;
    assert!(console.fetch("/deploys").await.1.contains("flux.events_key_file"));
    console.stop().await;
}
