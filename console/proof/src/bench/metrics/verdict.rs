//! Goals against what was measured.

use super::{disk::Disk, growth::Growth, ingest::Ingested, query::Latencies};
use crate::bench::{
    ask::Measured,
    goal::{Goal, goals},
};

/// Of one server that took the load.
pub struct Result {
    pub ingested: Ingested,
    pub disk: Disk,
    /// None where queries were not asked for.
    pub latencies: Option<Latencies>,
}

/// What can be compared; a server that was not measured is absent.
pub struct Results<'a> {
    pub console: Option<&'a Result>,
    pub prometheus: Option<&'a Result>,
    pub victoria_metrics: Option<&'a Result>,
    pub growth: Option<&'a Growth>,
}

const MIB: f64 = (1 << 20) as f64;
/// 150 MB, under the load and at rest.
const RESIDENT_MIB: f64 = 150e6 / MIB;
const BYTES_PER_SAMPLE: f64 = 1.3;
const TIMES_VICTORIA_METRICS: f64 = 4.0;
const TIMES_PROMETHEUS: f64 = 8.0;
/// Of Prometheus' and of VictoriaMetrics' time, for each query.
const QUERY_RATIO_PROMETHEUS: f64 = 1.0 / 3.0;
const QUERY_RATIO_VICTORIA_METRICS: f64 = 1.0 / 2.0;
/// Growth of a query's time over growth of the series.
const LINEAR: f64 = 1.1;

/// Goals of which both sides were measured.
pub fn verdict(results: &Results<'_>) -> String {
    let mut all = Vec::new();
    if let Some(ours) = results.console {
        let rate = |r: &Result| r.ingested.samples_per_cpu_second();
        let compare = |name, goal, theirs: &Result| {
            let measured = format!("{:.0} k against {:.0} k", rate(ours) / 1e3, rate(theirs) / 1e3);
            Goal::at_least(name, goal, rate(ours) / rate(theirs), measured)
        };
        all.extend(
            results
                .victoria_metrics
                .map(|r| compare("samples per CPU-s / VictoriaMetrics", TIMES_VICTORIA_METRICS, r)),
        );
        all.extend(
            results.prometheus.map(|r| compare("samples per CPU-s / Prometheus", TIMES_PROMETHEUS, r)),
        );
        let i = &ours.ingested;
        all.extend([
            Goal::at_most(
                "bytes a sample in blocks",
                BYTES_PER_SAMPLE,
                " B",
                ours.disk.block_bytes_per_sample(),
            ),
            Goal::at_most("peak memory of this load", RESIDENT_MIB, " MiB", i.peak_rss_bytes as f64 / MIB),
            Goal::at_most("memory at rest", RESIDENT_MIB, " MiB", i.idle_rss_bytes as f64 / MIB),
        ]);
        let peers = [
            (
                results.prometheus,
                QUERY_RATIO_PROMETHEUS,
                ["query time / Prometheus", "query CPU / Prometheus"],
            ),
            (
                results.victoria_metrics,
                QUERY_RATIO_VICTORIA_METRICS,
                ["query time / VictoriaMetrics", "query CPU / VictoriaMetrics"],
            ),
        ];
        for (theirs, goal, [time_name, cpu_name]) in peers {
            let Some(theirs) = theirs else { continue };
            let time = ratios(ours, theirs, |a, b| Some(a.ratio(b)));
            let cpu = ratios(ours, theirs, Measured::cpu_ratio);
            all.extend(Goal::all_at_most(time_name, goal, time.into_iter()));
            all.extend(Goal::all_at_most(cpu_name, goal, cpu.into_iter()));
        }
    }
    if let Some(growth) = results.growth {
        all.extend(Goal::all_at_most("growth from 1 k to 100 k series / linear", LINEAR, growth.factors()));
    }
    goals(&all)
}

/// Ours over theirs, by query.
fn ratios(
    ours: &Result,
    theirs: &Result,
    ratio: impl Fn(&Measured, &Measured) -> Option<f64>,
) -> Vec<(&'static str, f64)> {
    let queries = |r: &Result| r.latencies.as_ref().map(|l| l.queries.clone()).unwrap_or_default();
    let (ours, theirs) = (queries(ours), queries(theirs));
    let pairs = super::query::SET.iter().zip(ours.iter().zip(&theirs));
    pairs.filter_map(|(query, (a, b))| Some((query.name, ratio(a, b)?))).collect()
}
