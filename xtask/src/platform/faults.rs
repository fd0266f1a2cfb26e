//! Faults: those of services are switched through each instance's own authorised endpoint, which listens for nobody
//! outside; those of other processes by the supervisor. They always expire by themselves.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    control,
    layout::{INSTANCES, Layout, SERVICES},
    secrets,
    slowdown::Row,
};

/// How long a fault stays on when nothing else is said.
const USUAL_SECONDS: u64 = 60;
/// Names that are told when one is not known.
const CLOSE_ONES: usize = 4;

/// What `make fault` may say.
#[derive(Debug, Args)]
pub struct Order {
    /// `service.fault`, for example `payments.decline`.
    name: Option<String>,
    /// Switch the fault off.
    #[arg(long)]
    off: bool,
    /// Seconds until the fault switches itself off; a minute, or as long as it may.
    #[arg(long = "for")]
    seconds: Option<u64>,
    /// Share of calls that it hits, or of its bound, from 0 to 1.
    #[arg(long)]
    ratio: Option<f64>,
    /// Milliseconds, of a fault that delays.
    #[arg(long)]
    delay: Option<u64>,
    /// Only this instance, such as `orders-1`.
    #[arg(long)]
    instance: Option<String>,
}

/// Switches a fault, or lists all of them.
pub async fn obey(layout: &Layout, order: &Order) -> Result<(), String> {
    let known = rows(layout).await?;
    let Some(name) = &order.name else {
        print(&known);
        return Ok(());
    };
    let Some(row) = known.iter().find(|row| row.name == *name) else {
        return Err(unknown(name, &known));
    };
    let instances = instances(layout, row, order)?;
    if order.off {
        return switch_off(layout, name, &instances).await;
    }
    let seconds = order.seconds.unwrap_or(USUAL_SECONDS.min(row.longest_seconds));
    let ratio = order.ratio.unwrap_or(row.usual_ratio);
    let where_to = switch(layout, name, &instances, seconds, ratio, order.delay).await?;
    println!("{name} is on for {seconds} s{where_to}");
    Ok(())
}

/// Switches a service's fault on in all instances.
pub async fn switch_on(layout: &Layout, fault: &str, seconds: u64, ratio: f64) -> Result<(), String> {
    let instances = urls(layout, fault);
    switch(layout, fault, &instances, seconds, ratio, None).await?;
    println!("{fault} is on for {seconds} s");
    Ok(())
}

async fn switch(
    layout: &Layout,
    fault: &str,
    instances: &[(String, String)],
    seconds: u64,
    ratio: f64,
    delay_ms: Option<u64>,
) -> Result<String, String> {
    if instances.is_empty() {
        let name = fault.to_owned();
        control::call(layout, &control::Request::Fault { name, seconds, ratio }).await?;
        return Ok(String::new());
    }
    let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
    let http = client()?;
    let mut body = json!({ "ttl_seconds": seconds, "ratio": ratio });
    if let Some(delay_ms) = delay_ms {
        body["delay_ms"] = json!(delay_ms);
    }
    for (_, url) in instances {
        let request = http.put(format!("{url}/faults/{fault}")).bearer_auth(&token).json(&body);
        expect_success(request, url).await?;
    }
    let names: Vec<&str> = instances.iter().map(|(name, _)| name.as_str()).collect();
    Ok(format!(" in {}", names.join(", ")))
}

async fn switch_off(layout: &Layout, fault: &str, instances: &[(String, String)]) -> Result<(), String> {
    if instances.is_empty() {
        control::call(layout, &control::Request::FaultOff { name: fault.to_owned() }).await?;
    } else {
        let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
        let http = client()?;
        for (_, url) in instances {
            let request = http.delete(format!("{url}/faults/{fault}")).bearer_auth(&token);
            expect_success(request, url).await?;
        }
    }
    println!("{fault} is off");
    Ok(())
}

/// Name and internal URL of the instances that are meant: none where the supervisor does it.
fn instances(layout: &Layout, row: &Row, order: &Order) -> Result<Vec<(String, String)>, String> {
    let all = urls(layout, &row.name);
    if let Some(wanted) = &order.instance {
        let found: Vec<_> = all.iter().filter(|(name, _)| name == wanted).cloned().collect();
        return if found.is_empty() {
            Err(format!("{} has no instance {wanted}", row.name))
        } else {
            Ok(found)
        };
    }
    // Off is off everywhere, wherever it was switched on.
    Ok(if row.reach == "one" && !order.off { all.into_iter().next_back().into_iter().collect() } else { all })
}

fn urls(layout: &Layout, fault: &str) -> Vec<(String, String)> {
    let service = fault.split('.').next().unwrap_or_default();
    let urls = layout.internal_urls(service);
    (1..=INSTANCES).map(|number| format!("{service}-{number}")).zip(urls).collect()
}

/// Every fault there is, on where it is on in any instance.
async fn rows(layout: &Layout) -> Result<Vec<Row>, String> {
    let token = secrets::read(layout, secrets::FAULTS_TOKEN)?;
    let http = client()?;
    let mut all: Vec<Row> = Vec::new();
    for service in SERVICES {
        let mut answered = Err(format!("{service} has no instance"));
        for url in layout.internal_urls(service) {
            let request = http.get(format!("{url}/faults")).bearer_auth(&token);
            let answer = match expect_success(request, &url).await {
                Ok(answer) => answer,
                // One that just crashed, say: the other one knows the same faults.
                Err(e) => {
                    answered = answered.or(Err(e));
                    continue;
                }
            };
            let rows: Vec<Row> =
                answer.json().await.map_err(|e| format!("{url}/faults is not understood: {e}"))?;
            for row in rows {
                match all.iter_mut().find(|known| known.name == row.name) {
                    Some(known) if row.active => *known = row,
                    Some(_) => {}
                    None => all.push(row),
                }
            }
            answered = Ok(());
        }
        answered?;
    }
    if let control::Reply::Faults { rows } = control::call(layout, &control::Request::Faults).await? {
        all.extend(rows);
    }
    Ok(all)
}

fn print(rows: &[Row]) {
    for row in rows {
        let on = row.remaining_seconds.filter(|_| row.active).map(|left| format!("ON, {left} s left"));
        println!("{:<16} {:<32} {}", on.unwrap_or_default(), row.name, row.description);
        let one = if row.reach == "one" { "; one instance" } else { "" };
        println!("{:<16} {:<32}   bounds: {}; {} s{one}", "", "", row.bounds, row.longest_seconds);
    }
}

fn unknown(name: &str, known: &[Row]) -> String {
    let mut close: Vec<(usize, &str)> =
        known.iter().map(|row| (distance(name, &row.name), row.name.as_str())).collect();
    close.sort_unstable();
    let close: Vec<&str> = close.into_iter().take(CLOSE_ONES).map(|(_, name)| name).collect();
    format!("there is no fault {name:?}; close ones: {}. `make fault` lists all", close.join(", "))
}

/// Levenshtein's: letters to add, drop or change.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()
        .map_err(|e| format!("cannot build an HTTP client: {e}"))
}

async fn expect_success(request: reqwest::RequestBuilder, url: &str) -> Result<reqwest::Response, String> {
    let response = request
        .send()
        .await
        .map_err(|e| format!("{url} does not answer ({e}); is the platform up? `make status`"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(format!("{url} answered {status}: {}", body.chars().take(300).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        serde_json::from_value(json!({ "name": name, "description": "", "active": false })).unwrap()
    }

    #[test]
    fn an_unknown_name_tells_the_close_ones() {
        let known = ["orders.errors", "orders.lock", "payments.decline", "catalog.latency", "redis.slow"];
        let known: Vec<Row> = known.iter().map(|name| row(name)).collect();
        let told = unknown("payment.declines", &known);
        assert!(told.contains("close ones: payments.decline"), "{told}");
        assert_eq!((distance("lock", "lock"), distance("lock", "clocks"), distance("", "ab")), (0, 2, 2));
    }
}
