//! The table of loads.

use super::{options::Options, server::Server};
use crate::bench::outcome::{Outcome, show_loads};

pub fn loads(outcomes: &[Outcome<Server>], options: &Options) -> String {
    let sent = outcomes.iter().flat_map(|o| &o.loads).map(|l| l.taken.sent).next().unwrap_or_default();
    let rows = show_loads(outcomes, Server::name, ["MB/CPU-s", "with rest", "disk/raw"], |t| {
        let raw = t.sent.raw_bytes as f64;
        [
            format!("{:.1}", t.megabytes_per_cpu_second()),
            format!("{:.1}", raw / 1e6 / t.cpu_seconds_with_rest.max(0.01)),
            format!("{:.3}", t.disk_bytes as f64 / raw.max(1.0)),
        ]
    });
    format!(
        "Loki push of {} lines, {:.3} GB raw, {:.3} GB packed; at rest for {} s:\n{rows}",
        sent.items,
        sent.raw_bytes as f64 / 1e9,
        sent.wire_bytes as f64 / 1e9,
        options.rest_seconds,
    )
}
