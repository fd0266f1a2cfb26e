//! The load generator and what it prints.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

/// A run's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub requests_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// What the script's `done` printed, name by name.
    pub counts: std::collections::BTreeMap<String, f64>,
}

/// What to send, and how.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    pub url: &'a str,
    pub connections: u32,
    pub seconds: u32,
    pub script: Option<&'a Path>,
    /// Answers of other kinds than 2xx and 3xx are part of the game.
    pub may_refuse: bool,
}

/// Runs the generator on one thread.
pub async fn run(load: Load<'_>, env: &[(&str, String)]) -> Result<Run, String> {
    let mut command = Command::new(xtask_programs::path("wrk")?);
    command
        .args(["-t1", "--latency", "--timeout", "30s"])
        .arg(format!("-c{}", load.connections))
        .arg(format!("-d{}s", load.seconds));
    if let Some(script) = load.script {
        command.arg("-s").arg(script);
    }
    command.arg(load.url).envs(env.iter().map(|(name, value)| (name, value)));
    let output =
        command.stderr(Stdio::inherit()).output().await.map_err(|e| format!("cannot run wrk: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") && !load.may_refuse || text.contains("Socket errors") {
        return Err(format!("{} failed under load:\n{text}", load.url));
    }
    parse(&text).ok_or_else(|| format!("wrk printed no figures:\n{text}"))
}

fn parse(text: &str) -> Option<Run> {
    let after = |start: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(start).map(|rest| rest.trim().to_owned()))
    };
    let counts = text.lines().filter_map(|line| line.strip_prefix("count ")?.split_once(' '));
    Some(Run {
        requests_per_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: milliseconds(&after("50%")?)?,
        p99_ms: milliseconds(&after("99%")?)?,
        counts: counts.filter_map(|(name, n)| Some((name.to_owned(), n.parse().ok()?))).collect(),
    })
}

/// `89.00us`, `1.23ms`, `1.20s`.
fn milliseconds(text: &str) -> Option<f64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let value: f64 = text[..at].parse().ok()?;
    match &text[at..] {
        "us" => Some(value / 1000.0),
        "ms" => Some(value),
        "s" => Some(value * 1000.0),
        "m" => Some(value * 60_000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_in_any_unit() {
        let text = "  Latency Distribution\n     50%  812.00us\n     75%    1.08ms\n     90%    1.33ms\n     \
                    99%    1.20s\n  1000 requests in 1.00s, 1.00MB read\nRequests/sec:  38112.05\n\
                    Transfer/sec:      1.00MB\ncount HIT 12\n";
        let run = parse(text).unwrap();
        assert_eq!((run.requests_per_second, run.p50_ms, run.p99_ms), (38112.05, 0.812, 1200.0));
        assert_eq!(run.counts["HIT"], 12.0);
        assert_eq!(parse("nothing"), None);
    }
}
