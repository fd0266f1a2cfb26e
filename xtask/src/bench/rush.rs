//! Ten thousand shoppers at once on a hundred pieces.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sqlx::{Connection as _, Row as _};

use super::{
    page::memory,
    report::{Report, Target},
    shopping::{self, Product},
    stage::{Services, Stage, Telemetry},
    token,
};

const ATTEMPTS: usize = 10_000;
const PIECES: i32 = 100;
/// Longest time for one attempt with all its tries.
const PATIENCE: Duration = Duration::from_mins(3);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Sold,
    SoldOut,
    Pending,
    Refused,
    GaveUp,
}

#[derive(Debug, Default)]
struct Tally {
    ends: BTreeMap<End, usize>,
    answers: BTreeMap<u16, usize>,
    unanswered: usize,
}

/// Lets processes have as many sockets as the system allows; children inherit it.
pub fn raise_socket_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<(), String> {
    println!("\n{ATTEMPTS} attempts at once on {PIECES} pieces");
    let services = stage.services(Telemetry::Default).await?;
    let result = attempt_all(stage, &services, report).await;
    services.stop().await;
    result
}

async fn attempt_all(stage: &Stage, services: &Services, report: &mut Report) -> Result<(), String> {
    let product = shopping::products(stage, 1).await?.pop().ok_or("the catalogue sells nothing")?;
    shopping::stock(stage, std::slice::from_ref(&product), PIECES).await?;
    let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
    let tokens = Arc::new(token::Tokens::new(&stage.layout, "orders"));
    let started = Instant::now();
    let mut attempts = tokio::task::JoinSet::new();
    for n in 0..ATTEMPTS {
        let (http, url) = (http.clone(), format!("{}/v1/orders", stage.url("orders")));
        let (product, tokens) = (product.clone(), Arc::clone(&tokens));
        attempts.spawn(async move { attempt(&http, &url, &product, &tokens, n).await });
    }
    let mut tally = Tally::default();
    while let Some(done) = attempts.join_next().await {
        let (end, answers, unanswered) = done.map_err(|e| format!("an attempt was cut off: {e}"))?;
        *tally.ends.entry(end).or_default() += 1;
        tally.unanswered += unanswered;
        for status in answers {
            *tally.answers.entry(status).or_default() += 1;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "  {seconds:.1} s; ends: {:?}; answers: {:?}; unanswered: {}",
        tally.ends, tally.answers, tally.unanswered
    );
    let failed: usize = tally.answers.iter().filter(|(status, _)| **status >= 500).map(|(_, n)| n).sum();
    let sold = tally.ends.get(&End::Sold).copied().unwrap_or_default();
    let refused = tally.ends.get(&End::SoldOut).copied().unwrap_or_default();
    let missing = (sold as f64 - f64::from(PIECES)).abs();
    report.add("10,000 attempts on 100 pieces: sold", sold as f64, "", Target::AtMost(f64::from(PIECES)));
    report.add(
        "10,000 attempts on 100 pieces: more or fewer than 100 sold",
        missing,
        "",
        Target::AtMost(0.0),
    );
    report.add("10,000 attempts on 100 pieces: told that it is sold out", refused as f64, "", Target::None);
    report.add("10,000 attempts on 100 pieces: answers 5xx", failed as f64, "", Target::AtMost(0.0));
    report.add(
        "10,000 attempts on 100 pieces: without an answer",
        tally.unanswered as f64,
        "",
        Target::AtMost(0.0),
    );
    report.add("10,000 attempts on 100 pieces: all answered after", seconds, " s", Target::None);
    let confirmed = confirmed(stage, &product).await?;
    report.add(
        "10,000 attempts on 100 pieces: sold, as inventory has it",
        confirmed,
        "",
        Target::AtMost(f64::from(PIECES)),
    );
    memory(services, "the rush, ten thousand connections open", Target::None, report).await;
    Ok(())
}

/// One shopper: tries again, with the same key, when asked to come back.
async fn attempt(
    http: &reqwest::Client,
    url: &str,
    product: &Product,
    tokens: &token::Tokens,
    n: usize,
) -> (End, Vec<u16>, usize) {
    let key = format!("22222222-0000-4000-8000-{n:012x}");
    let body = shopping::order(product, &key).to_string();
    let until = Instant::now() + PATIENCE;
    let (mut answers, mut unanswered) = (Vec::new(), 0);
    while Instant::now() < until {
        let Ok(bearer) = tokens.bearer() else { break };
        let request = http
            .post(url)
            .header("authorization", bearer)
            .header("content-type", "application/json")
            .header("idempotency-key", &key)
            .body(body.clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(_) => {
                unanswered += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let status = response.status().as_u16();
        answers.push(status);
        let wait = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let text = response.text().await.unwrap_or_default();
        match status {
            200..=299 if text.contains("\"status\":\"confirmed\"") => {
                return (End::Sold, answers, unanswered);
            }
            200..=299 if text.contains("\"status\":\"rejected\"") => {
                return (End::SoldOut, answers, unanswered);
            }
            200..=299 if text.contains("\"status\":\"pending\"") => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if Instant::now() >= until {
                    return (End::Pending, answers, unanswered);
                }
            }
            429 | 500.. => tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await,
            _ => return (End::Refused, answers, unanswered),
        }
    }
    (End::GaveUp, answers, unanswered)
}

/// Pieces in reservations that were confirmed.
async fn confirmed(stage: &Stage, product: &Product) -> Result<f64, String> {
    let mut database = stage.database("inventory").await?;
    let sql = "SELECT COALESCE(SUM(l.quantity), 0)::float8 AS pieces FROM reservation_lines l \
               JOIN reservations r ON r.id = l.reservation_id \
               WHERE r.state = 'confirmed' AND l.product_id::text = $1";
    let row = sqlx::query(sql).bind(&product.id).fetch_one(&mut database).await;
    let pieces = row.and_then(|row| row.try_get("pieces")).map_err(|e| format!("reservations: {e}"))?;
    let _ = database.close().await;
    Ok(pieces)
}
