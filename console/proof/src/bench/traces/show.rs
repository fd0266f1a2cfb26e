//! The table of loads.

use super::{options::Options, server::Server};
use crate::bench::{
    outcome::{Outcome, show_loads},
    table::thousands,
};

pub fn loads(outcomes: &[Outcome<Server>], options: &Options) -> String {
    let sent = outcomes.iter().flat_map(|o| &o.loads).map(|l| l.taken.sent).next().unwrap_or_default();
    let rows = show_loads(outcomes, Server::name, ["spans/CPU-s", "with rest", "disk/span"], |t| {
        let spans = t.sent.items as f64;
        [
            thousands(t.items_per_cpu_second()),
            thousands(spans / t.cpu_seconds_with_rest.max(0.01)),
            format!("{:.1} B", t.disk_bytes as f64 / spans.max(1.0)),
        ]
    });
    format!(
        "OTLP over HTTP of {} spans, {:.3} GB; at rest for {} s:\n{rows}What is kept is read from a thousand traces.\n",
        sent.items,
        sent.wire_bytes as f64 / 1e9,
        options.rest_seconds,
    )
}
