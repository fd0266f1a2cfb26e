//! Schemathesis against every service of the running platform: examples made from the documents, sent as the callers
//! that may send them. What is documented must be what is answered, and nothing is the service's own failure.

use std::{collections::BTreeSet, path::Path, process::Stdio, time::Duration};

use axum::{Router, extract, http::StatusCode, routing::get};
use clap::Args;
use tokio::{net::TcpListener, process::Command};

use crate::{
    bench::token,
    platform::{control, layout::Layout},
};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// Without the stateful phase: it needs links, which the documents do not have.
const PHASES: &str = "examples,coverage,fuzzing";
/// The same examples every time.
const SEED: &str = "20261129";
/// For one service; many times what it takes.
const LONGEST: Duration = Duration::from_mins(10);

#[derive(Args)]
pub struct Order {
    /// Examples for each operation in the fuzzing phase.
    #[arg(long, default_value_t = 50)]
    examples: u32,
    /// Services; all when absent.
    services: Vec<String>,
}

/// Runs it against each service and fails with the names of those that did not hold.
pub async fn run(order: Order) -> Result<(), String> {
    let layout = Layout::from_environment()?;
    if !control::is_running(&layout).await {
        return Err("the services of a running platform are asked, and none is running: `make up`".to_owned());
    }
    let mut failed = BTreeSet::new();
    for service in documented()? {
        if !order.services.is_empty() && !order.services.contains(&service) {
            continue;
        }
        println!("schemathesis: {service}");
        if !holds(&layout, &service, order.examples).await? {
            failed.insert(service);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not as documented: {failed:?}")) }
}

/// Services whose document names a route.
fn documented() -> Result<BTreeSet<String>, String> {
    let folders = std::fs::read_dir("services").map_err(|e| format!("services/: {e}"))?;
    let mut services = BTreeSet::new();
    for folder in folders.filter_map(Result::ok) {
        let Ok(text) = std::fs::read_to_string(folder.path().join("openapi.json")) else { continue };
        let document: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        if document["paths"].as_object().is_some_and(|paths| !paths.is_empty()) {
            services.insert(folder.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(services)
}

async fn holds(layout: &Layout, service: &str, examples: u32) -> Result<bool, String> {
    let url = layout.service_urls(service).into_iter().next().ok_or_else(|| format!("no {service} runs"))?;
    let tokens = tokens(layout.clone(), service.to_owned()).await?;
    let program = xtask_programs::path("schemathesis").map_err(|e| e.to_string())?;
    let hooks =
        Path::new("xtask/schemathesis").canonicalize().map_err(|e| format!("xtask/schemathesis: {e}"))?;
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg(format!("services/{service}/openapi.json"))
        .args(["--url", &url, "--checks", CHECKS, "--phases", PHASES, "--seed", SEED])
        .args(["--max-examples", &examples.to_string(), "--workers", "1", "--continue-on-failure"])
        .args(["--generation-database", "none", "--no-color"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", hooks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TOKENS_URL", tokens)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| format!("schemathesis cannot be started: {e}"))?;
    let ended = tokio::time::timeout(LONGEST, child.wait()).await;
    let ended = ended.map_err(|_| format!("{service} took longer than {} s", LONGEST.as_secs()))?;
    Ok(ended.map_err(|e| e.to_string())?.success())
}

/// Hands out tokens for `audience` at `/{caller}`, to this machine alone; they live too short to be handed over once.
async fn tokens(layout: Layout, audience: String) -> Result<String, String> {
    let make = move |extract::Path(caller): extract::Path<String>| {
        let made = token::bearer_of(&layout, &caller, &audience);
        async move { made.map_err(|error| (StatusCode::NOT_FOUND, error)) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let router = Router::new().route("/{caller}", get(make));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}
