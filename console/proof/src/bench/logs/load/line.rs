//! Lines as services write them.

use std::fmt::Write as _;

use super::NEEDLE;
use crate::bench::noise::Noise;

/// How a service writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Logfmt,
    Json,
    Text,
}

const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const ROUTES: [&str; 8] = [
    "/api/v1/items/",
    "/api/v1/items/",
    "/api/v1/items/",
    "/api/v1/search/",
    "/api/v1/carts/",
    "/api/v1/orders/",
    "/api/v1/customers/",
    "/api/v1/sessions/",
];
const EVENTS: [&str; 6] = [
    "order placed",
    "payment authorised",
    "stock reserved",
    "session opened",
    "cart changed",
    "provider answered",
];
const TASKS: [&str; 5] =
    ["mail sent", "parcel labelled", "stock counted", "model refreshed", "event delivered to consumers"];
const EXCEPTIONS: [&str; 4] = [
    "java.lang.IllegalStateException: reservation expired",
    "java.net.SocketTimeoutException: Read timed out",
    "java.util.concurrent.CompletionException: upstream refused",
    "org.postgresql.util.PSQLException: deadlock detected",
];
const CLASSES: [&str; 6] = [
    "com.example.shop.stock.ReservationService.confirm",
    "com.example.shop.http.RetryingClient.execute",
    "com.example.shop.events.Consumer.handle",
    "java.util.concurrent.ThreadPoolExecutor.runWorker",
    "com.example.shop.storage.OrderRepository.lockForUpdate",
    "com.example.shop.mail.Renderer.render",
];
/// Text lines between two with a stack trace, on average.
const STACK_EVERY: u64 = 50;

impl Form {
    /// The value of the label `format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logfmt => "logfmt",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    pub fn line(self, noise: &mut Noise, needle: bool) -> String {
        let trace = if needle { NEEDLE.to_owned() } else { hex(noise, 2) };
        match self {
            Self::Logfmt => access(noise, &trace),
            Self::Json => json(noise, &trace),
            Self::Text => text(noise, &trace),
        }
    }
}

/// 16 digits for each number drawn.
fn hex(noise: &mut Noise, numbers: usize) -> String {
    (0..numbers).fold(String::new(), |mut out, _| {
        let _ = write!(out, "{:016x}", noise.below(u64::MAX));
        out
    })
}

/// One answer in a hundred fails on the server's side, four on the client's.
fn status(noise: &mut Noise) -> u16 {
    match noise.below(200) {
        0 => 500,
        1 => [502, 503][noise.below(2) as usize],
        2..=9 => [400, 404, 409, 429][noise.below(4) as usize],
        _ => [200, 200, 200, 201, 204, 304][noise.below(6) as usize],
    }
}

/// Milliseconds: mostly a few, seldom thousands.
fn duration_ms(noise: &mut Noise) -> u64 {
    match noise.below(100) {
        0 => 1_000 + noise.below(4_000),
        1..=9 => 100 + noise.below(900),
        _ => 1 + noise.below(99),
    }
}

fn pick<'a>(noise: &mut Noise, all: &[&'a str]) -> &'a str {
    all[noise.below(all.len() as u64) as usize]
}

fn access(noise: &mut Noise, trace: &str) -> String {
    let status = status(noise);
    let level = if status >= 500 { "error" } else { "info" };
    format!(
        "level={level} method={} path={}{} status={status} duration_ms={} bytes={} client=10.{}.{}.{} user=u-{} trace_id={trace} span_id={}",
        pick(noise, &METHODS),
        pick(noise, &ROUTES),
        10_000 + noise.below(90_000),
        duration_ms(noise),
        200 + noise.below(40_000),
        noise.below(256),
        noise.below(256),
        noise.below(256),
        noise.below(50_000),
        hex(noise, 1),
    )
}

fn json(noise: &mut Noise, trace: &str) -> String {
    let status = status(noise);
    let level = if status >= 500 { "error" } else { "info" };
    format!(
        r#"{{"level":"{level}","message":"{}","order_id":"ord-{}","customer":"u-{}","amount_minor":{},"currency":"EUR","status":{status},"duration_ms":{},"trace_id":"{trace}","span_id":"{}"}}"#,
        pick(noise, &EVENTS),
        1_000_000 + noise.below(9_000_000),
        noise.below(50_000),
        99 + noise.below(100_000),
        duration_ms(noise),
        hex(noise, 1),
    )
}

fn text(noise: &mut Noise, trace: &str) -> String {
    if noise.once_in(STACK_EVERY) {
        return stack(noise, trace);
    }
    format!(
        "INFO worker-{} {} for customer u-{} in {} ms, attempt {}, queue depth {}, batch b-{} [trace {trace} span {}]",
        noise.below(16),
        pick(noise, &TASKS),
        noise.below(50_000),
        duration_ms(noise),
        1 + noise.below(3),
        noise.below(400),
        10_000_000 + noise.below(90_000_000),
        hex(noise, 1),
    )
}

/// Several lines in one.
fn stack(noise: &mut Noise, trace: &str) -> String {
    let mut out = format!("ERROR worker-{} task failed [trace {trace}]\n", noise.below(16));
    out += pick(noise, &EXCEPTIONS);
    for _ in 0..8 + noise.below(8) {
        let class = pick(noise, &CLASSES);
        let file = class.rsplit('.').nth(1).unwrap_or(class);
        let _ = write!(out, "\n\tat {class}({file}.java:{})", 20 + noise.below(600));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_are_json_and_logfmt_lines_have_their_fields() {
        let mut noise = Noise::new(1);
        for _ in 0..200 {
            let line = Form::Json.line(&mut noise, false);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(value["status"].as_u64().is_some_and(|s| (200..600).contains(&s)), "{line}");
            let line = Form::Logfmt.line(&mut noise, false);
            assert!(line.split(' ').all(|pair| pair.split_once('=').is_some()), "{line}");
        }
    }

    #[test]
    fn failures_and_stack_traces_are_seldom_but_there() {
        let mut noise = Noise::new(2);
        let lines: Vec<String> = (0..5_000).map(|_| Form::Logfmt.line(&mut noise, false)).collect();
        let failed = lines.iter().filter(|l| l.contains(" status=500 ")).count();
        assert!((10..50).contains(&failed), "{failed}");
        let stacks = (0..5_000).filter(|_| Form::Text.line(&mut noise, false).contains("\n\tat ")).count();
        assert!((60..150).contains(&stacks), "{stacks}");
    }
}
