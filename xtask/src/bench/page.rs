//! The product page of one storefront against a bare handler with the same bytes and headers, in the same minute.

use std::path::Path;

use tokio::process::{Child, Command};

use super::{
    report::{Report, Target},
    stage::{Services, Stage, Telemetry, answers},
    wrk::{self, Load},
};

const ROUNDS: usize = 5;
const SECONDS: u32 = 4;
const WARM_SECONDS: u32 = 2;
const CONNECTIONS: u32 = 32;
/// Connections of the run at half the load, each of which pauses between two requests.
const PACED_CONNECTIONS: u32 = 256;
/// What a service instance may take, MB.
pub const AT_MOST: Target = Target::AtMost(40.0);

/// All of it, with telemetry as in production, with everything on, and off.
pub async fn measure(stage: &Stage, report: &mut Report) -> Result<(), String> {
    let modes = [
        (Telemetry::Default, "telemetry as in production", Target::AtLeast(0.7)),
        (Telemetry::Everything, "every span, every request logged", Target::AtLeast(0.5)),
        (Telemetry::Off, "telemetry off", Target::None),
    ];
    for (telemetry, words, target) in modes {
        println!("\nproduct page, {words}");
        let services = stage.services(telemetry).await?;
        let result = compare(stage, telemetry, words, target, report).await;
        if telemetry == Telemetry::Default {
            memory(&services, "reading", AT_MOST, report).await;
        }
        services.stop().await;
        result?;
    }
    Ok(())
}

/// Tells the largest instance.
pub async fn memory(services: &Services, load: &str, target: Target, report: &mut Report) {
    let status = services.status().await;
    let line: Vec<String> = status.iter().map(|u| format!("{} {}", u.name, u.memory_bytes >> 20)).collect();
    println!("  memory, MB: {}", line.join(", "));
    if let Some(largest) = status.iter().max_by_key(|unit| unit.memory_bytes) {
        let megabytes = largest.memory_bytes as f64 / f64::from(1 << 20);
        let what = format!("largest service instance after {load} ({})", largest.service);
        report.add(what, megabytes, " MB", target);
    }
}

async fn compare(
    stage: &Stage,
    telemetry: Telemetry,
    words: &str,
    target: Target,
    report: &mut Report,
) -> Result<(), String> {
    let page = format!("{}{}", stage.url("storefront"), product_path(stage).await?);
    let (mut bare, peer) = bare_handler(stage, &page).await?;
    let load =
        |url, seconds| Load { url, connections: CONNECTIONS, seconds, script: None, may_refuse: false };
    wrk::run(load(&page, WARM_SECONDS), &[]).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        theirs.push(wrk::run(load(&peer, SECONDS), &[]).await?.requests_per_second);
        ours.push(wrk::run(load(&page, SECONDS), &[]).await?.requests_per_second);
        println!("  round {}: bare {:.0}/s, page {:.0}/s", round + 1, theirs[round], ours[round]);
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    let cost = (1.0 / ours - 1.0 / theirs) * 1e6;
    report.add(format!("product page / bare axum handler, {words}"), ours / theirs, "", target);
    report.add("  more than the bare handler a request", cost, " us", Target::None);
    if telemetry == Telemetry::Default {
        latency(stage, &page, &peer, ours, report).await?;
    }
    let _ = bare.kill().await;
    Ok(())
}

/// The tail at half of what the page can do, and the bare handler's at the same pace: what the machine and the load
/// generator add is in both.
async fn latency(
    stage: &Stage,
    page: &str,
    peer: &str,
    most: f64,
    report: &mut Report,
) -> Result<(), String> {
    let script = stage.layout.data.join("paced.lua");
    // Each connection waits between 0 and twice the mean, so that they do not march in step.
    std::fs::write(
        &script,
        "local most = tonumber(os.getenv('PAUSE_MS')) * 2\nfunction delay() return math.random(0, most) end\n",
    )
    .map_err(|e| format!("cannot write {}: {e}", script.display()))?;
    let pause_ms = f64::from(PACED_CONNECTIONS) / (most / 2.0) * 1000.0;
    let pace = [("PAUSE_MS", format!("{:.0}", pause_ms.max(1.0)))];
    for (name, url, target) in
        [("bare axum handler", peer, Target::None), ("product page", page, Target::AtMost(5.0))]
    {
        let load = Load {
            url,
            connections: PACED_CONNECTIONS,
            seconds: SECONDS * 2,
            script: Some(&script),
            may_refuse: false,
        };
        let run = wrk::run(load, &pace).await?;
        println!(
            "  {name} at {:.0}/s ({:.0} % of the page's most): p50 {:.2} ms, p99 {:.2} ms",
            run.requests_per_second,
            run.requests_per_second / most * 100.0,
            run.p50_ms,
            run.p99_ms
        );
        report.add(format!("{name}, p99 / p50 at half the page's load"), run.p99_ms / run.p50_ms, "", target);
    }
    Ok(())
}

/// The address of a product: the first of the first department on the front page.
pub async fn product_path(stage: &Stage) -> Result<String, String> {
    let shop = stage.url("storefront");
    let category = first_link(&text(&shop).await?, "/c/").ok_or("the home page links to no department")?;
    let listing = text(&format!("{shop}{category}")).await?;
    first_link(&listing, "/p/").ok_or_else(|| format!("{category} lists no product"))
}

pub async fn text(url: &str) -> Result<String, String> {
    answers(url).await?.text().await.map_err(|e| format!("{url}: {e}"))
}

fn first_link(html: &str, start: &str) -> Option<String> {
    let from = html.find(&format!("href=\"{start}"))? + "href=\"".len();
    Some(html[from..from + html[from..].find('"')?].to_owned())
}

/// Starts the peer with what the page answers.
async fn bare_handler(stage: &Stage, page: &str) -> Result<(Child, String), String> {
    let response = answers(page).await?;
    let mut file = Vec::new();
    for (name, value) in response.headers() {
        // These two the server makes itself.
        if !matches!(name.as_str(), "content-length" | "date") {
            file.extend_from_slice(format!("{name}: ").as_bytes());
            file.extend_from_slice(value.as_bytes());
            file.push(b'\n');
        }
    }
    file.push(b'\n');
    let body = response.bytes().await.map_err(|e| format!("{page}: {e}"))?;
    println!("  {page}: {} bytes", body.len());
    file.extend_from_slice(&body);
    let path = stage.layout.data.join("bench-page");
    std::fs::write(&path, file).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    let port = stage.layout.ports.traffic;
    let child = start(&stage.program("bench-peer")?, port, &path)?;
    let slug = page.rsplit('/').next().unwrap_or("p");
    let peer = format!("http://127.0.0.1:{port}/p/{slug}");
    answers(&peer).await?;
    Ok((child, peer))
}

fn start(program: &Path, port: u16, file: &Path) -> Result<Child, String> {
    Command::new(program)
        .arg("page")
        .arg(port.to_string())
        .arg(file)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("cannot start {}: {e}", program.display()))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
