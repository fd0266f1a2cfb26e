//! Faults: switched through each instance's own authorised endpoint, which listens for nobody outside. They always expire by themselves.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    layout::{Layout, SERVICES},
    secrets,
};

fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
        .map_err(|e| format!("cannot build an HTTP client: {e}"))
}

/// The service that a fault belongs to: the part before the dot.
fn urls(layout: &Layout, fault: &str) -> Result<Vec<String>, String> {
    let service = fault.split('.').next().unwrap_or_default();
    let urls = layout.internal_urls(service);
    if urls.is_empty() {
        return Err(format!("{fault:?} is not SERVICE.FAULT with a service of: {}", SERVICES.join(", ")));
    }
    Ok(urls)
}

/// Switches a fault on, in all instances.
pub async fn switch_on(layout: &Layout, fault: &str, seconds: u64, ratio: f64) -> Result<(), String> {
    let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
    let http = client()?;
    for url in urls(layout, fault)? {
        let request = http
            .put(format!("{url}/faults/{fault}"))
            .bearer_auth(&token)
            .json(&json!({ "ttl_seconds": seconds, "ratio": ratio }));
        expect_success(request, &url).await?;
    }
    println!("{fault} is on for {seconds} s");
    Ok(())
}

/// Switches a fault off, in all instances.
pub async fn switch_off(layout: &Layout, fault: &str) -> Result<(), String> {
    let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
    let http = client()?;
    for url in urls(layout, fault)? {
        expect_success(http.delete(format!("{url}/faults/{fault}")).bearer_auth(&token), &url).await?;
    }
    println!("{fault} is off");
    Ok(())
}

/// Prints every fault that an instance knows.
pub async fn list(layout: &Layout) -> Result<(), String> {
    let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
    let http = client()?;
    for service in SERVICES {
        let Some(url) = layout.internal_urls(service).into_iter().next() else { continue };
        let request = http.get(format!("{url}/faults")).bearer_auth(&token);
        let faults: Value = expect_success(request, &url)
            .await?
            .json()
            .await
            .map_err(|e| format!("{url}/faults does not answer with JSON: {e}"))?;
        let rows = faults.as_array().or_else(|| faults.get("faults").and_then(Value::as_array));
        for fault in rows.into_iter().flatten() {
            let text = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let active = fault.get("active").and_then(Value::as_bool).unwrap_or_default();
            println!("{:<3} {:<24} {}", if active { "ON" } else { "" }, text("name"), text("description"));
        }
    }
    Ok(())
}

async fn expect_success(request: reqwest::RequestBuilder, url: &str) -> Result<reqwest::Response, String> {
    let response = request
        .send()
        .await
        .map_err(|e| format!("{url} does not answer ({e}); is the platform up? `make status`"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(format!("{url} answered {status}: {}", body.chars().take(300).collect::<String>()))
}
