//! Orders a second through the orders service, against pgbench with the statements of an order on the same Postgres.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{
    page::{AT_MOST, memory},
    pgbench,
    record::Recording,
    report::{Report, Target},
    shopping::{self, Product},
    stage::{Services, Stage, Telemetry},
    token,
    wrk::{self, Load},
};

const SECONDS: u32 = 12;
const CONNECTIONS: u32 = 32;
const PRODUCTS: i64 = 20;
/// More than can be sold meanwhile.
const PIECES: i32 = 1_000_000;

/// One order after the other on each connection, each with a key and a cart of its own.
const SCRIPT: &str = r#"
local bodies = {}
for body in string.gmatch(os.getenv("BODIES"), "[^\n]+") do bodies[#bodies + 1] = body end
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = os.getenv("BEARER") }
n, confirmed, pending, other, failed = 0, 0, 0, 0, 0
request = function()
  n = n + 1
  local key = string.format("00000000-0000-4000-8000-%012x", n)
  headers["Idempotency-Key"] = key
  local body = string.gsub(bodies[n % #bodies + 1], "CART", key)
  return wrk.format("POST", "/v1/orders", headers, body)
end
response = function(status, _, body)
  if status >= 500 then failed = failed + 1
  elseif string.find(body, '"status":"confirmed"', 1, true) then confirmed = confirmed + 1
  elseif string.find(body, '"status":"pending"', 1, true) then pending = pending + 1
  else other = other + 1 end
end
local threads = {}
setup = function(thread) threads[#threads + 1] = thread end
done = function()
  for _, thread in ipairs(threads) do
    for _, name in ipairs({ "confirmed", "pending", "other", "failed" }) do
      print("count " .. name .. " " .. thread:get(name))
    end
  end
end
"#;

/// Both, with telemetry as in production; the services stop in between.
pub async fn measure(stage: &Stage, report: &mut Report) -> Result<(), String> {
    println!("\norders");
    let services = stage.services(Telemetry::Default).await?;
    let measured = through_the_shop(stage, &services, report).await;
    services.stop().await;
    let (ours, p50_ms, recording) = measured?;
    let theirs = pgbench::run(stage, &recording).await?;
    for part in &theirs.parts {
        println!(
            "  pgbench, {}: {:.0}/s alone, {} statements",
            part.database, part.per_second, part.statements
        );
    }
    report.add("orders confirmed a second", ours, "/s", Target::None);
    report.add(
        "the same statements by pgbench, all databases at a time",
        theirs.per_second,
        "/s",
        Target::None,
    );
    report.add("orders / pgbench", ours / theirs.per_second, "", Target::AtLeast(0.5));
    let (order_ms, sql_ms) = (1000.0 / ours, 1000.0 / theirs.per_second);
    println!(
        "  an order takes {order_ms:.2} ms of the machine, its statements {sql_ms:.2} ms of that; an order is answered after {p50_ms:.1} ms"
    );
    println!(
        "  not in the statements: calls between services (HTTP, tokens, spans), JSON, the provider, the outbox, the mail"
    );
    Ok(())
}

async fn through_the_shop(
    stage: &Stage,
    services: &Services,
    report: &mut Report,
) -> Result<(f64, f64, Recording), String> {
    let products = shopping::products(stage, PRODUCTS).await?;
    shopping::stock(stage, &products, PIECES).await?;
    let recording = record(stage, &products).await?;
    let script = stage.layout.data.join("orders.lua");
    std::fs::write(&script, SCRIPT).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
    let bodies: Vec<String> =
        products.iter().map(|product| shopping::order(product, "CART").to_string()).collect();
    let env = [("BODIES", bodies.join("\n")), ("BEARER", token::bearer(&stage.layout, "orders")?)];
    let url = stage.url("orders");
    let load = Load {
        url: &url,
        connections: CONNECTIONS,
        seconds: SECONDS,
        script: Some(&script),
        may_refuse: true,
    };
    let run = wrk::run(load, &env).await?;
    let count = |name: &str| run.counts.get(name).copied().unwrap_or_default();
    let (confirmed, failed) = (count("confirmed"), count("failed"));
    println!(
        "  {confirmed} confirmed, {} pending, {} refused, {failed} failed in {SECONDS} s; p50 {:.1} ms, p99 {:.1} ms",
        count("pending"),
        count("other"),
        run.p50_ms,
        run.p99_ms
    );
    report.add("orders that failed (5xx)", failed, "", Target::AtMost(0.0));
    memory(services, "orders", AT_MOST, report).await;
    Ok((confirmed / f64::from(SECONDS), run.p50_ms, recording))
}

/// Places one order while Postgres writes down what it is asked.
async fn record(stage: &Stage, products: &[Product]) -> Result<Recording, String> {
    let product = products.first().ok_or("the catalogue sells nothing")?;
    let key = "11111111-2222-4333-8444-555555555555";
    statements_logged(stage, true).await?;
    let answer = place(stage, product, key).await?;
    let id = answer["id"].as_str().ok_or_else(|| format!("no order: {answer}"))?.to_owned();
    settled(stage).await?;
    statements_logged(stage, false).await?;
    let log = stage.layout.log_file("postgres-1");
    let log = std::fs::read(&log).map_err(|e| format!("cannot read {}: {e}", log.display()))?;
    let all: Vec<&str> = products.iter().map(|product| product.id.as_str()).collect();
    Recording::read(&String::from_utf8_lossy(&log), &[key, &id], &product.id, &all)
}

async fn place(stage: &Stage, product: &Product, key: &str) -> Result<Value, String> {
    let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
    let response = http
        .post(format!("{}/v1/orders", stage.url("orders")))
        .header("authorization", token::bearer(&stage.layout, "orders")?)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(shopping::order(product, key).to_string())
        .send()
        .await
        .map_err(|e| format!("order: {e}"))?;
    let status = response.status();
    let text = response.text().await.map_err(|e| format!("order: {e}"))?;
    if !status.is_success() {
        return Err(format!("order: {status}: {text}"));
    }
    Ok(serde_json::from_str(&text).unwrap_or(json!({})))
}

/// Waits until the events of what was ordered have gone out and their mail is written.
async fn settled(stage: &Stage) -> Result<(), String> {
    let mail = stage.layout.data.join("mail");
    let until = Instant::now() + Duration::from_secs(15);
    while std::fs::read_dir(&mail).map(Iterator::count).unwrap_or_default() == 0 {
        if Instant::now() > until {
            return Err("no mail was written for an order".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The mail's own row follows the file.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(())
}

async fn statements_logged(stage: &Stage, on: bool) -> Result<(), String> {
    let fail = |e: sqlx::Error| format!("Postgres' settings: {e}");
    let mut database = stage.database("postgres").await?;
    let (what, prefix) = if on { ("all", "bench|%p|%d|") } else { ("none", "%m [%p] ") };
    for statement in [
        format!("ALTER SYSTEM SET log_statement = '{what}'"),
        format!("ALTER SYSTEM SET log_line_prefix = '{prefix}'"),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut database).await.map_err(fail)?;
    }
    let _ = database.close().await;
    // Sessions take a new setting when they are asked next.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}
