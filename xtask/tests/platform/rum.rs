//! What a browser measures, from the page to the console: in the trace of its page, in PromQL, in the log.

use std::time::Duration;

use crate::{
    Failure, Outcome,
    browser::{Browser, Look},
    local::{Platform, eventually},
};

/// The page's mark: `trace-span-flags-time-scope-kind-signature`.
const MARK: &str = "return (performance.getEntriesByType('navigation')[0].serverTiming || [])
    .filter((entry) => entry.name === 'view').map((entry) => entry.description)[0] || ''";
/// Pages opened at most until one is sampled.
const MOST_VIEWS: usize = 120;
const PROMQL: &str =
    "/api/v1/query?query=sum%20by%20(timing)%20(shop_rum_timing_seconds_count%7Bpage%3D%22product%22%7D)";

/// A shopper with a cart opens a product, a script fails in it, the shopper leaves.
pub async fn what_a_browser_measured_joins_the_trace_of_its_page(p: &Platform) -> Outcome {
    let browser = Browser::open(Look::DESKTOP).await?;
    let result = view(p, &browser).await;
    browser.close().await?;
    result
}

async fn view(p: &Platform, browser: &Browser) -> Outcome {
    browser.page.goto(p.shop("/search?q=lantern")).await?;
    browser.click("main a[href^='/p/']").await?;
    let product = browser.page.current_url().await?;
    // What was made for somebody is a view of one; a page without a cart would be the edge's copy for many.
    browser.click("#add-to-cart").await?;
    browser.find(".count").await?;
    let mark = sampled_view(browser, product.as_str()).await?;
    let trace = mark.split('-').next().unwrap_or_default().to_owned();
    // As the browser tells of a script of ours; of scripts that a driver brings it says nothing.
    let script = "dispatchEvent(new ErrorEvent('error', {
        message: 'broken for kim@example.com', filename: location.origin + '/assets/x.js?k=v', lineno: 3 }))";
    browser.page.execute(script, Vec::new()).await?;
    eventually("the browser's span is in the page's trace", Duration::from_secs(30), || async {
        let found = p.query(&format!("/api/traces/{trace}")).await?.to_string();
        let joined = ["page view product", "GET /p/{slug}"].iter().all(|name| found.contains(name));
        Ok(joined.then_some(()))
    })
    .await?;
    // Leaving the page sends what is known only then.
    browser.page.goto(p.shop("/cart")).await?;
    eventually("the histograms are in PromQL", Duration::from_secs(30), || async {
        let answer = p.query(PROMQL).await?.to_string();
        let timings = ["ttfb", "fcp", "dom", "load", "lcp"].map(|timing| format!("\"{timing}\""));
        Ok(timings.iter().all(|timing| answer.contains(timing)).then_some(()))
    })
    .await?;
    let query = format!(
        "%7Bservice_name%3D%22storefront%22%7D%20%7C%3D%20%22{trace}%22%20%7C%3D%20%22in%20a%20browser%22"
    );
    let line =
        eventually("the failed script is in the log of that trace", Duration::from_secs(30), || async {
            let answer = p.query(&format!("/loki/api/v1/query_range?limit=10&query={query}")).await?;
            let lines = answer["data"]["result"].to_string();
            Ok(lines.contains("broken for").then_some(lines))
        })
        .await?;
    if line.contains("kim@") { Err(format!("the log names a person: {line}").into()) } else { Ok(()) }
}

/// Opens the page until one of its views is sampled.
async fn sampled_view(browser: &Browser, product: &str) -> Result<String, Failure> {
    let mut mark = String::new();
    for _ in 0..MOST_VIEWS {
        browser.page.goto(product).await?;
        mark = browser.page.execute(MARK, Vec::new()).await?.convert()?;
        let parts: Vec<&str> = mark.split('-').collect();
        if parts.get(2) == Some(&"01") && parts.get(4) == Some(&"own") {
            return Ok(mark);
        }
    }
    Err(format!("no view of {MOST_VIEWS} was sampled and its reader's own; the last mark is {mark:?}").into())
}
