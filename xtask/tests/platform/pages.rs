//! Every page in a real browser: answers, console clean, nothing wider than the window, no breach of WCAG 2.2 AA that
//! axe can see. Screenshots for human eyes.

use crate::{
    Outcome,
    audit::{Rules, too_wide, violations},
    browser::{Browser, Look},
    engineer::log_in,
    local::{Platform, screenshots},
};

const SHOP: [&str; 7] = ["/", "/search?q=lamp", "/cart", "/checkout", "/login", "/register", "/no-such-page"];
const CONSOLE: [&str; 9] = [
    "/",
    "/logs",
    "/traces",
    "/metrics-explorer?q=sum%20by%20(job)%20(rate(http_server_request_duration_seconds_count%5B1m%5D))",
    "/alerts",
    "/deploys",
    "/runbooks",
    "/runbooks/alerts/PaymentFailures",
    "/about",
];

/// 1440 and 390 px, dark and light.
pub async fn every_page_is_clean_in_dark_and_light_wide_and_narrow(p: &Platform) -> Outcome {
    let mut faults = Vec::new();
    for width in [1440, 390] {
        for dark in [true, false] {
            let look = Look { width, dark, scripts: true };
            let browser = Browser::open(look).await?;
            for path in SHOP {
                visit(&browser, look, "shop", &p.shop(path), path, &mut faults).await?;
            }
            log_in(p, &browser).await?;
            for path in CONSOLE {
                visit(&browser, look, "console", &p.console(path), path, &mut faults).await?;
            }
            browser.close().await?;
        }
    }
    println!("screenshots: {}", screenshots().display());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n    ").into()) }
}

async fn visit(
    browser: &Browser,
    look: Look,
    site: &str,
    url: &str,
    path: &str,
    faults: &mut Vec<String>,
) -> Outcome {
    browser.page.goto(url).await?;
    browser.find("main").await?;
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    let stem: String = path
        .split('?')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    browser.screenshot(&screenshots().join(format!("{site}{stem}-{}.png", look.name()))).await?;
    if let Some(wider) = too_wide(browser).await? {
        faults.push(format!("{site} {path} at {}: {wider} px wider than the window", look.name()));
    }
    for violation in violations(browser, Rules::All).await? {
        faults.push(format!("{site} {path} at {}: accessibility: {violation}", look.name()));
    }
    // A page that does not exist answers 404, which Chromium repeats in its console.
    let expected = ["404 (Not Found)"];
    for error in browser.console_errors(if path == "/no-such-page" { &expected } else { &[] }).await? {
        faults.push(format!("{site} {path} at {}: console: {error}", look.name()));
    }
    Ok(())
}
