//! The console's data: copied while it runs, lost, and put back.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::{
    drill::shop::Shop,
    platform::{Outcome, layout::Layout, secrets},
};

const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// What of its directory is the stores', and not configuration.
const STORED: [&str; 5] = ["metrics", "logs", "traces", "alerting", "state.sqlite"];
const QUERY: &str = "sum by (job) (count_over_time(up[30s]))";

/// What the console said before its copy was taken, and where the copy is.
pub struct Kept {
    copy: PathBuf,
    /// A session that was begun before.
    cookie: String,
    moment: f64,
    line: String,
    trace: String,
    said: Said,
}

/// What is asked of it.
#[derive(Debug, PartialEq)]
struct Said {
    metric: Value,
    log: Value,
    trace_spans: usize,
    page: u16,
}

/// Sends a line and a trace, begins a session, notes what the console says, and copies its data while it runs.
pub async fn keep(shop: &Shop) -> Result<Kept, String> {
    let layout = &shop.layout;
    let http = client()?;
    let id = rand::random::<u128>();
    let (line, trace) = (format!("kept-{id:032x}"), format!("{id:032x}"));
    send(&http, layout, &line, &trace).await?;
    let cookie = log_in(layout).await?;
    let moment = seconds_now();
    let mut kept =
        Kept { copy: layout.data.join("console-copy"), cookie, moment, line, trace, said: nothing() };
    let until = Instant::now() + SEEN_WITHIN;
    kept.said = loop {
        match say(&http, layout, &kept).await {
            Ok(said) if is_whole(&said) => break said,
            Ok(said) if Instant::now() > until => {
                return Err(format!("the console lacks what it was sent: {said:?}"));
            }
            Err(e) if Instant::now() > until => return Err(e),
            _ => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    };
    let began = Instant::now();
    let copy = kept.copy.display().to_string();
    quarterdeck(layout, &["backup", "--to", &copy])?;
    println!("  the console's data is copied in {:.1} s while it runs", began.elapsed().as_secs_f64());
    Ok(kept)
}

/// Kills the console, takes its data away, puts the copy in its place, and asks again.
pub async fn lose_and_restore(shop: &Shop, kept: &Kept) -> Outcome {
    let layout = &shop.layout;
    println!("\nthe console loses all its data");
    shop.supervisor.kill("console").await;
    let began = Instant::now();
    let (data, lost) = (layout.data.join("console"), layout.data.join("console-lost"));
    let fail = |e: std::io::Error| format!("{} cannot be laid aside: {e}", data.display());
    std::fs::create_dir_all(&lost).map_err(fail)?;
    for name in STORED.into_iter().chain(["state.sqlite-wal", "state.sqlite-shm"]) {
        if data.join(name).exists() {
            std::fs::rename(data.join(name), lost.join(name)).map_err(fail)?;
        }
    }
    quarterdeck(layout, &["restore", "--from", &kept.copy.display().to_string()])?;
    let unit = crate::platform::roster::console(layout)?;
    shop.supervisor.start_phase(crate::platform::roster::FOUNDATION, vec![unit]).await?;
    let said = say(&client()?, layout, kept).await?;
    if said != kept.said {
        return Err(format!("the console said {:?} before and {said:?} after", kept.said));
    }
    let (before, after) = (notifications(&kept.copy)?, notifications(&data)?);
    if !before.is_subset(&after) {
        return Err(format!("notifications {:?} are forgotten", before.difference(&after)));
    }
    println!(
        "the console is back after {:.1} s: a metric, a line, a trace and a session are what they were, {} notifications are remembered",
        began.elapsed().as_secs_f64(),
        before.len()
    );
    Ok(())
}

/// Ids of what people were told of alerts; none where nothing was told yet.
fn notifications(data: &Path) -> Result<BTreeSet<i64>, String> {
    let file = data.join("alerting/alerting-state.json");
    let text = match std::fs::read_to_string(&file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        text => text.map_err(|e| format!("{}: {e}", file.display()))?,
    };
    let state: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let told =
        state["notifications"].as_array().ok_or_else(|| format!("{} tells of none", file.display()))?;
    Ok(told.iter().filter_map(|it| it["id"].as_i64()).collect())
}

fn nothing() -> Said {
    Said { metric: Value::Null, log: Value::Null, trace_spans: 0, page: 0 }
}

fn is_whole(said: &Said) -> bool {
    let has_rows = |result: &Value| result.as_array().is_some_and(|rows| !rows.is_empty());
    has_rows(&said.metric) && has_rows(&said.log) && said.trace_spans == 1 && said.page == 200
}

async fn say(http: &Client, layout: &Layout, kept: &Kept) -> Result<Said, String> {
    let token = secrets::read(layout, secrets::TELEMETRY_READ_TOKEN)?;
    let ask = async |path: &str, query: &[(&str, &str)]| {
        let request = http.get(format!("{}{path}", layout.console_url())).bearer_auth(&token).query(query);
        let answer = request.send().await.and_then(Response::error_for_status);
        let answer = answer.map_err(|e| format!("{path}: {e}"))?;
        answer.json::<Value>().await.map_err(|e| format!("{path}: {e}"))
    };
    // Whatever was scraped before has arrived.
    let moment = format!("{:.3}", kept.moment - 10.0);
    let metric = ask("/api/v1/query", &[("query", QUERY), ("time", &moment)]).await?;
    let (from, to) =
        (format!("{:.0}", (kept.moment - 600.0) * 1e9), format!("{:.0}", (kept.moment + 5.0) * 1e9));
    let logs = format!("{{service_name=\"drill\"}} |= \"{}\"", kept.line);
    let log = ask("/loki/api/v1/query_range", &[("query", &logs), ("start", &from), ("end", &to)]).await?;
    let trace = ask(&format!("/api/traces/{}", kept.trace), &[]).await?;
    let page = http.get(layout.console_url()).header("cookie", &kept.cookie).send().await;
    let page = page.map_err(|e| format!("the console's page: {e}"))?.status().as_u16();
    Ok(Said {
        metric: metric["data"]["result"].clone(),
        log: log["data"]["result"].clone(),
        trace_spans: spans(&trace),
        page,
    })
}

fn spans(trace: &Value) -> usize {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let batches = [list(trace, "batches"), list(trace, "resourceSpans")].concat();
    let scopes =
        batches.iter().flat_map(|b| [list(b, "scopeSpans"), list(b, "instrumentationLibrarySpans")].concat());
    scopes.map(|scope| list(&scope, "spans").len()).sum()
}

async fn send(http: &Client, layout: &Layout, line: &str, trace: &str) -> Result<(), String> {
    let token = secrets::read(layout, secrets::TELEMETRY_WRITE_TOKEN)?;
    let now = (seconds_now() * 1e9) as u64;
    let post = async |url: String, body: Value| {
        let sent = http.post(&url).bearer_auth(&token).json(&body).send().await;
        sent.and_then(Response::error_for_status).map(|_| ()).map_err(|e| format!("{url}: {e}"))
    };
    let stream = json!({ "stream": { "service_name": "drill" }, "values": [[now.to_string(), line]] });
    post(format!("{}/loki/api/v1/push", layout.console_url()), json!({ "streams": [stream] })).await?;
    let span = json!({
        "traceId": trace, "spanId": "00000000000000aa", "name": "drill", "kind": 1,
        "startTimeUnixNano": now.to_string(), "endTimeUnixNano": (now + 1_000_000).to_string(),
    });
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "drill" } }] });
    let traces = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": [span] }] }] });
    post(format!("http://127.0.0.1:{}/v1/traces", layout.ports.otlp_http), traces).await
}

/// Logs in as the administrator; answers the session's cookie.
async fn log_in(layout: &Layout) -> Result<String, String> {
    let http = client()?;
    let password = secrets::read(layout, secrets::ADMIN_PASSWORD)?;
    let form = [("username", "admin"), ("password", password.as_str())];
    let url = layout.console_url();
    let answer = http.post(format!("{url}/login")).header("origin", &url).form(&form).send().await;
    let answer = answer.map_err(|e| format!("the console's log-in: {e}"))?;
    let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok());
    let cookies: Vec<&str> = cookies.filter_map(|c| c.split(';').next()).collect();
    if cookies.is_empty() {
        return Err(format!("the console's log-in gave no session: {}", answer.status()));
    }
    Ok(cookies.join("; "))
}

/// Redirects are told, not followed: the log-in page is no page.
fn client() -> Result<Client, String> {
    let builder = Client::builder().no_proxy().timeout(Duration::from_secs(20));
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| format!("cannot build an HTTP client: {e}"))
}

fn quarterdeck(layout: &Layout, words: &[&str]) -> Result<(), String> {
    let config = layout.data.join("console/quarterdeck.yml");
    println!("  $ quarterdeck {}", words.join(" "));
    let output = Command::new(layout.binaries.join("quarterdeck"))
        .args(words)
        .arg("--config")
        .arg(config)
        .output()
        .map_err(|e| format!("cannot run quarterdeck: {e}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("  {said}");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

fn seconds_now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
