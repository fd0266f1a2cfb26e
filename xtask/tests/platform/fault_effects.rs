//! What each kind of fault does, beside saying that it is on: a number that grows only while it works, a stopped
//! process, a session in the database.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    Failure, Outcome, ensure,
    local::{Platform, eventually},
    member::Member,
};

/// Scrapes come every two seconds, and a slow request must end first.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// A leak of 8 MiB a second for four seconds shows at least so much.
const LEAKED_KIB: f64 = 16.0 * 1024.0;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Faults of which people see nothing but the gauge; the registry says why. What they do is looked up elsewhere.
const UNSEEN: [&str; 2] = ["provider_double", "clock_skew"];

/// How a fault shows itself.
enum Effect {
    /// A counter by job that grows by at least so much.
    Grows(&'static str, f64),
    /// A query by job that answers a number above 0 while the fault is on.
    Positive(&'static str),
    /// Memory of the service's last instance grows.
    Leaks,
    /// A process that is stopped at some moment.
    Stopped,
    /// A session that the service's fault opened in its database.
    Session(&'static str),
    /// A span of the service that lasts for at least a second.
    SlowSpan,
    /// A row of the service's database from the future: the table and its column of times.
    Stamped(&'static str, &'static str),
    /// Nothing that could be looked up: the service keeps no time of its own.
    Silent,
    /// Looked at by the walk itself.
    Elsewhere,
}

const ERRORS: &str =
    "sum by (job) (http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"})";
const SLOW_REQUESTS: &str = "sum by (job) (http_server_request_duration_seconds_count) \
                             - sum by (job) (http_server_request_duration_seconds_bucket{le=~\"1|1.0\"})";
const SLOW_QUERIES: &str = "sum by (job) (db_client_operation_duration_seconds_count{db_system_name=\"postgresql\"}) \
                            - sum by (job) (db_client_operation_duration_seconds_bucket{db_system_name=\"postgresql\",le=\"0.5\"})";
const SLOW_REDIS: &str = "sum by (job) (db_client_operation_duration_seconds_count{db_system_name=\"redis\"}) \
                          - sum by (job) (db_client_operation_duration_seconds_bucket{db_system_name=\"redis\",le=\"0.1\"})";
const FAILED_MAILS: &str = "sum by (job) (shop_notifications_sent_total{outcome=\"failed\"})";
/// Holds that the provider was asked for beyond what payments wanted.
const ASKED_AGAIN: &str = "sum by (job) (db_client_operation_duration_seconds_count{db_operation_name=\"INSERT sandbox_payments\"}) \
                           - sum by (job) (shop_payment_authorisations_total)";
/// Reads of products beyond what look-ups in the cache missed.
const UNCACHED_READS: &str = "sum by (job) (db_client_operation_duration_seconds_count{db_operation_name=~\"SELECT products.*\"}) \
                              - 4 * sum by (job) (shop_catalog_cache_requests_total{outcome!=\"hit\"})";

fn of(fault: &str, service: &str) -> Effect {
    match (fault, service) {
        ("errors" | "disk_full", "notifications") => Effect::Grows(FAILED_MAILS, 1.0),
        ("errors", _) => Effect::Grows(ERRORS, 1.0),
        ("latency", "notifications") => Effect::SlowSpan,
        ("latency", _) => Effect::Grows(SLOW_REQUESTS, 1.0),
        ("decline", _) => {
            Effect::Grows("sum by (job) (shop_payment_authorisations_total{outcome=\"declined\"})", 1.0)
        }
        ("provider_timeout" | "provider_error", _) => {
            Effect::Grows("sum by (job) (shop_payment_authorisations_total{outcome=\"error\"})", 1.0)
        }
        ("queue_stuck", _) => Effect::Positive("max by (job) (max_over_time(shop_outbox_pending[10s]))"),
        ("cache_off", _) => Effect::Grows(UNCACHED_READS, 3.0),
        ("leak", _) => Effect::Leaks,
        ("slow_query", _) => Effect::Grows(SLOW_QUERIES, 1.0),
        // It gives a look-up up before that is a measured operation.
        ("redis_slow", "catalog") => {
            Effect::Grows("sum by (job) (shop_catalog_cache_requests_total{outcome=\"error\"})", 1.0)
        }
        ("redis_slow", _) => Effect::Grows(SLOW_REDIS, 1.0),
        ("lock", _) => Effect::Session("application_name LIKE '%-fault'"),
        // Held connections are idle: all but one of each of the two instances' eight.
        ("pool_exhausted", _) => Effect::Session("state = 'idle' HAVING count(*) >= 14"),
        ("slow" | "paused", _) => Effect::Stopped,
        ("crash" | "bad_configuration" | "bad_release", _) => Effect::Elsewhere,
        // More than two authorisations can be at it when the two counters are read.
        ("provider_double", _) => Effect::Grows(ASKED_AGAIN, 4.0),
        ("clock_skew", "identity") => Effect::Stamped("sessions", "created_at"),
        ("clock_skew", "inventory") => Effect::Stamped("reservations", "created_at"),
        ("clock_skew", "orders") => Effect::Stamped("orders", "placed_at"),
        ("clock_skew", "payments") => Effect::Stamped("authorisations", "created_at"),
        ("clock_skew", "notifications") => Effect::Stamped("deliveries", "created_at"),
        ("clock_skew", "storefront" | "catalog") => Effect::Silent,
        _ => Effect::Grows("vector(0)", 1.0),
    }
}

/// What is known of a fault's services before it is on.
pub struct Before(BTreeMap<String, f64>);

/// Numbers as they are before the fault.
pub async fn before(p: &Platform, fault: &str, services: &[String]) -> Result<Before, Failure> {
    let mut numbers = BTreeMap::new();
    for service in services {
        let number = match of(fault, service) {
            Effect::Grows(query, _) => number(p, query, service).await?.unwrap_or_default(),
            Effect::Leaks => resident_kib(pid(p, &format!("{service}-2")).await?)?,
            // Asking for it takes longer than a short pause lasts.
            Effect::Stopped => f64::from(pid(p, service).await?),
            _ => continue,
        };
        numbers.insert(service.clone(), number);
    }
    Ok(Before(numbers))
}

/// Does what nobody does by chance while the fault is on.
pub async fn provoke(member: &Member, fault: &str, service: &str) -> Outcome {
    match (fault, service) {
        ("errors" | "latency", "identity") => member.logs_in_elsewhere().await.map(|_| ()),
        // Calls are spread over two instances, of which one has the fault. All at once: a stamp is from the future for
        // as long as the clock is ahead, which a password takes a good part of.
        ("clock_skew", "identity") => {
            let log_in = || member.logs_in_elsewhere();
            tokio::try_join!(log_in(), log_in(), log_in(), log_in(), log_in(), log_in()).map(|_| ())
        }
        ("queue_stuck", "identity") => member.forgets_the_password().await,
        _ => Ok(()),
    }
}

/// Whether a counter tells of it, which it does afterwards as well.
pub fn is_counted(fault: &str, service: &str) -> bool {
    matches!(of(fault, service), Effect::Grows(..) | Effect::SlowSpan)
}

/// Waits until the fault of this service has shown what it does.
pub async fn shown(p: &Platform, fault: &str, service: &str, before: &Before, since: u64) -> Outcome {
    let what = format!("{service}.{fault} does what it says");
    match of(fault, service) {
        Effect::Silent | Effect::Elsewhere => Ok(()),
        Effect::Grows(query, least) => {
            let from = before.0.get(service).copied().unwrap_or_default();
            eventually(&what, SEEN_WITHIN, || async {
                let now = number(p, query, service).await?.unwrap_or_default();
                if now >= from + least {
                    return Ok(Some(()));
                }
                Err(format!("{query}: {from} before, {now} now").into())
            })
            .await
        }
        Effect::Positive(query) => {
            eventually(&what, SEEN_WITHIN, || async {
                Ok(number(p, query, service).await?.filter(|now| *now > 0.0).map(|_| ()))
            })
            .await
        }
        Effect::Leaks => {
            let (from, leaking) =
                (before.0.get(service).copied().unwrap_or_default(), format!("{service}-2"));
            let pid = pid(p, &leaking).await?;
            seen(&what, || Ok(resident_kib(pid)? > from + LEAKED_KIB)).await
        }
        Effect::Stopped => {
            let pid = before.0.get(service).copied().unwrap_or_default() as u32;
            seen(&what, || is_stopped(pid)).await
        }
        Effect::Session(condition) => {
            let found = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{service}' \
                 AND usename <> 'app' AND {condition}"
            );
            eventually(&what, SEEN_WITHIN, || async {
                let count = p.sql("postgres", &found).await?;
                Ok((!count.is_empty() && count != "0").then_some(()))
            })
            .await
        }
        Effect::Stamped(table, column) => {
            // Seconds ahead, and looked at several times a second while shoppers buy.
            let found = format!("SELECT count(*) FROM {table} WHERE {column} > now()");
            eventually(&what, SEEN_WITHIN, || async {
                let count = p.sql(service, &found).await?;
                Ok((!count.is_empty() && count != "0").then_some(()))
            })
            .await
        }
        Effect::SlowSpan => {
            let query = format!("{{ resource.service.name = \"{service}\" && duration > 900ms }}");
            eventually(&what, SEEN_WITHIN, || async {
                let found = crate::privacy::search(p, &query, since).await?;
                Ok((!found.is_empty()).then_some(()))
            })
            .await
        }
    }
}

/// The number that a query answers for a job.
async fn number(p: &Platform, query: &str, job: &str) -> Result<Option<f64>, Failure> {
    let url = reqwest::Url::parse_with_params(&p.console("/api/v1/query"), [("query", query)])?;
    let answer = p.query(&format!("{}?{}", url.path(), url.query().unwrap_or_default())).await?;
    let rows = answer["data"]["result"].as_array().ok_or("a query answers with a vector")?;
    let row = rows.iter().find(|row| row["metric"]["job"] == job);
    Ok(row.and_then(|row| row["value"][1].as_str()).and_then(|text| text.parse().ok()))
}

/// The process of this name; of Postgres, the leading node's.
async fn pid(p: &Platform, process: &str) -> Result<u32, Failure> {
    let status = p.xtask(&["status"]).await?;
    let is_it = |line: &&str| {
        let name = line.split_whitespace().next().unwrap_or_default();
        name == process || (process == "postgres" && line.contains("(primary"))
    };
    let row = status.lines().find(is_it).ok_or_else(|| format!("{process} is not listed"))?;
    Ok(row.split_whitespace().nth(2).unwrap_or_default().parse()?)
}

/// Looks often: what is looked for may last for milliseconds.
async fn seen(what: &str, mut look: impl FnMut() -> Result<bool, Failure>) -> Outcome {
    let until = Instant::now() + SEEN_WITHIN;
    while Instant::now() < until {
        if look()? {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(format!("{what}: not within {} s", SEEN_WITHIN.as_secs()).into())
}

/// Whether `/proc` says that the process is stopped.
fn is_stopped(pid: u32) -> Result<bool, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything; the state stands behind it.
    Ok(stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

fn resident_kib(pid: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory is told")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Whatever the registry says that nobody sees is looked up elsewhere, and nothing else is.
pub fn silent_are(rows: &[(String, String)]) -> Outcome {
    for (fault, sees) in rows {
        let says = sees.starts_with("nothing");
        ensure(says == UNSEEN.contains(&fault.as_str()), || {
            format!("{fault}: the registry says that one sees {sees:?}")
        })?;
    }
    Ok(())
}
