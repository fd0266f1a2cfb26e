//! An engineer on call: from the message to the alert, its trace, its log line, its runbook.

use std::time::{Duration, Instant};

use crate::{
    Failure, Outcome, books,
    browser::{Browser, Look},
    local::{Platform, eventually},
};

const FAULT: &str = "payments.decline";
const ALERT: &str = "PaymentFailures";

/// Logs in with the password that `make up` prints.
pub async fn log_in(p: &Platform, browser: &Browser) -> Outcome {
    browser.page.goto(p.console("/login")).await?;
    browser.fill("#login-form [name=username]", "admin").await?;
    browser.fill("#login-form [name=password]", &p.secret("console-admin-password")?).await?;
    browser.click("#login-form button[type=submit]").await?;
    browser.find("a[href='/alerts'], a[href^='/alerts?']").await?;
    Ok(())
}

/// Fault on: Slack tells, the page proves. Fault off: Slack tells again.
pub async fn a_fault_reaches_slack_and_the_engineer_finds_trace_and_log(p: &Platform) -> Outcome {
    // Traffic must flow before a share of it can fail.
    eventually("orders are placed", Duration::from_mins(1), || async {
        let answer = p.query("/api/v1/query?query=sum(rate(shop_payment_authorisations_total[20s]))").await?;
        let value = answer["data"]["result"][0]["value"][1].as_str().and_then(|v| v.parse::<f64>().ok());
        Ok(value.filter(|v| *v > 0.5))
    })
    .await?;
    if !p.slack.posts_with(ALERT).is_empty() {
        return Err(format!("{ALERT} fired before anything was wrong").into());
    }
    let switched_on = Instant::now();
    p.xtask(&["fault", FAULT, "--for", "120"]).await?;
    let post = eventually("Slack is told", Duration::from_mins(1), || async {
        Ok(p.slack.posts_with(ALERT).into_iter().next())
    })
    .await?;
    println!("figure: fault switched on -> Slack POST {:.1} s", (post.at - switched_on).as_secs_f64());
    for needed in ["payments", "/alerts/", "runbooks", "/traces/"] {
        if !post.body.contains(needed) {
            return Err(format!("the message lacks {needed:?}: {}", post.body).into());
        }
    }
    let browser = Browser::open(Look::DESKTOP).await?;
    let result = follow_the_evidence(p, &browser).await;
    if result.is_err() {
        let _ = browser.screenshot(&crate::local::screenshots().join("failure-engineer.png")).await;
    }
    browser.close().await?;
    p.xtask(&["fault", FAULT, "--off"]).await?;
    result?;
    eventually("Slack is told that it is over", Duration::from_mins(2), || async {
        let posts = p.slack.posts_with(ALERT);
        Ok(posts.iter().any(|m| m.body.to_lowercase().contains("resolved")).then_some(()))
    })
    .await?;
    books::agree(p).await
}

async fn follow_the_evidence(p: &Platform, browser: &Browser) -> Outcome {
    log_in(p, browser).await?;
    browser.page.goto(p.console("/alerts")).await?;
    browser.find(&format!("[data-alert='{ALERT}']")).await?;
    browser.click(&format!("[data-alert='{ALERT}'] a[href*='/alerts/']")).await?;
    browser.find("#runbook").await?;
    let line = browser.find("#evidence-log").await?.text().await?;
    if !line.contains("payment declined by provider") {
        return Err(format!("the log line is not the failing one: {line}").into());
    }
    browser.click("#evidence-trace").await?;
    let waterfall = browser.find("#waterfall").await?.text().await?;
    if !waterfall.contains("payments") || !waterfall.contains("orders") {
        return Err(format!("the trace does not cross services: {waterfall}").into());
    }
    let trace_id = browser.page.current_url().await?.path().rsplit('/').next().unwrap_or_default().to_owned();
    // The same trace id leads to log lines, through the public API as a Grafana data source would ask.
    let answer = p
        .query(&format!(
            "/loki/api/v1/query_range?limit=10&query=%7Bservice_name%3D~%22.%2B%22%7D%20%7C%3D%20%22{trace_id}%22"
        ))
        .await?;
    if answer["data"]["result"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("no log line carries trace {trace_id}").into());
    }
    let errors = browser.console_errors(&[]).await?;
    if errors.is_empty() { Ok(()) } else { Err(format!("the browser's console shows {errors:?}").into()) }
}

/// The same refusal for a wrong name and a wrong password, and a brake on guessing.
pub async fn wrong_passwords_are_refused_and_throttled(p: &Platform) -> Outcome {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let attempt = || async {
        let form = [("username", "nobody-here"), ("password", "wrong")];
        let response =
            http.post(p.console("/login")).header("origin", p.console("")).form(&form).send().await?;
        Ok::<u16, Failure>(response.status().as_u16())
    };
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(attempt().await?);
    }
    if statuses.iter().any(|s| *s >= 500) {
        return Err(format!("a wrong password is not a server error: {statuses:?}").into());
    }
    if !statuses.contains(&429) {
        return Err(format!("twelve wrong passwords in a row were never throttled: {statuses:?}").into());
    }
    Ok(())
}
