//! Ratios against a peer taken in the same run with the same load generator.

use std::{process::Stdio, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use tokio::process::Command;

use crate::platform::{Outcome, layout::Layout};

const ROUNDS: usize = 3;
const SECONDS: u32 = 6;
const CONNECTIONS: u32 = 32;

/// The product page of one storefront instance against a bare axum handler that returns the same bytes.
///
/// Needs a running platform (best with `DEMO=0`) and `wrk`. Prints requests a second of each round and the ratio of the
/// medians.
pub async fn shop() -> Outcome {
    let layout = Layout::from_environment()?;
    let storefront = layout.service_urls("storefront").remove(0);
    let page = product_page(&storefront).await?;
    let bytes = fetch(&page).await?;
    println!("product page: {page}, {} bytes", bytes.len());
    let file = layout.data.join("bench-page.html");
    std::fs::write(&file, &bytes).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    // A process of its own with two worker threads, like the storefront's.
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let port = layout.ports.traffic + 1;
    let mut bare = Command::new(own)
        .args(["bare-handler", "--port", &port.to_string(), "--file"])
        .arg(&file)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("cannot start the bare handler: {e}"))?;
    let peer = format!("http://127.0.0.1:{port}/");
    let mut answered = false;
    for _ in 0..100 {
        if fetch(&peer).await.is_ok() {
            answered = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if !answered {
        return Err("the bare handler does not answer".to_owned());
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        theirs.push(requests_per_second(&peer).await?);
        ours.push(requests_per_second(&page).await?);
        println!(
            "round {round}: bare handler {:>8.0} requests/s, product page {:>8.0} requests/s",
            theirs[round - 1],
            ours[round - 1]
        );
    }
    let _ = bare.kill().await;
    println!("product page / bare axum handler: {:.2}", median(&mut ours) / median(&mut theirs));
    Ok(())
}

/// Serves one file's bytes on every path: the peer of [`shop`].
pub async fn bare_handler(port: u16, file: &std::path::Path) -> Outcome {
    let bytes = Bytes::from(std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?);
    let page = move || {
        let bytes = bytes.clone();
        async move { ([("content-type", "text/html; charset=utf-8")], bytes) }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|e| format!("port {port} cannot be bound: {e}"))?;
    axum::serve(listener, Router::new().fallback(get(page))).await.map_err(|e| format!("serving failed: {e}"))
}

async fn product_page(storefront: &str) -> Result<String, String> {
    let link = |html: &str, start: &str| {
        let rest = &html[html.find(start)? + 6..];
        Some(rest[..rest.find('"')?].to_owned())
    };
    let html = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let home = html(fetch(storefront).await?);
    let category = link(&home, "href=\"/c/").ok_or("the home page links to no category")?;
    let list = html(fetch(&format!("{storefront}{category}")).await?);
    let product = link(&list, "href=\"/p/").ok_or("the category lists no product")?;
    Ok(format!("{storefront}{product}"))
}

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let fail = |e: reqwest::Error| format!("{url}: {e}");
    let http = reqwest::Client::builder().no_proxy().build().map_err(fail)?;
    let response = http.get(url).send().await.map_err(fail)?.error_for_status().map_err(fail)?;
    Ok(response.bytes().await.map_err(fail)?.to_vec())
}

async fn requests_per_second(url: &str) -> Result<f64, String> {
    let output = Command::new(xtask_programs::path("wrk")?)
        .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s"), url])
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|e| format!("cannot run wrk: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") {
        return Err(format!("{url} answered with errors under load:\n{text}"));
    }
    let line = text.lines().find(|l| l.starts_with("Requests/sec:")).ok_or("wrk printed no figure")?;
    line.split_whitespace().nth(1).and_then(|f| f.parse().ok()).ok_or_else(|| format!("not a figure: {line}"))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
