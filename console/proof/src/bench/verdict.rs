//! Goals against what was measured.

use super::{
    disk::Disk,
    growth::Growth,
    ingest::Ingested,
    query::{Latencies, Measured},
    table::table,
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
const TIMES_VICTORIA_METRICS: f64 = 2.0;
const TIMES_PROMETHEUS: f64 = 8.0;
/// Of Prometheus' time, for each query.
const QUERY_RATIO: f64 = 1.0 / 3.0;
/// Growth of a query's time over growth of the series.
const LINEAR: f64 = 1.1;

/// One row: the ratio is what the goal is about.
struct Goal {
    name: &'static str,
    goal: String,
    measured: String,
    ratio: Option<f64>,
    is_held: bool,
}

impl Goal {
    fn at_least(name: &'static str, goal: f64, ratio: f64, measured: String) -> Self {
        let is_held = ratio >= goal;
        Self { name, goal: format!(">= {goal}x"), measured, ratio: Some(ratio), is_held }
    }

    fn at_most(name: &'static str, goal: f64, unit: &str, measured: f64) -> Self {
        Self {
            name,
            goal: format!("<= {goal:.1}{unit}"),
            measured: format!("{measured:.2}{unit}"),
            ratio: Some(measured / goal),
            is_held: measured <= goal,
        }
    }

    fn all_at_most<'a>(
        name: &'static str,
        goal: f64,
        ratios: impl Iterator<Item = (&'a str, f64)>,
    ) -> Option<Self> {
        let mut ratios: Vec<(&str, f64)> = ratios.collect();
        ratios.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (worst, ratio) = *ratios.last()?;
        let held = ratios.iter().filter(|(_, r)| *r <= goal).count();
        let median = ratios[ratios.len() / 2].1;
        Some(Self {
            name,
            goal: format!("each <= {goal:.2}"),
            measured: format!("{held} of {}; median {median:.2}; worst {worst}", ratios.len()),
            ratio: Some(ratio),
            is_held: held == ratios.len(),
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.name.to_owned(),
            self.goal.clone(),
            self.measured.clone(),
            self.ratio.map_or_else(String::new, |r| format!("{r:.2}")),
            if self.is_held { "held" } else { "NOT HELD" }.to_owned(),
        ]
    }
}

/// Goals of which both sides were measured.
pub fn verdict(results: &Results<'_>) -> String {
    let mut goals = Vec::new();
    if let Some(ours) = results.console {
        let rate = |r: &Result| r.ingested.samples_per_cpu_second();
        let compare = |name, goal, theirs: &Result| {
            let measured = format!("{:.0} k against {:.0} k", rate(ours) / 1e3, rate(theirs) / 1e3);
            Goal::at_least(name, goal, rate(ours) / rate(theirs), measured)
        };
        goals.extend(
            results
                .victoria_metrics
                .map(|r| compare("samples per CPU-s / VictoriaMetrics", TIMES_VICTORIA_METRICS, r)),
        );
        goals.extend(
            results.prometheus.map(|r| compare("samples per CPU-s / Prometheus", TIMES_PROMETHEUS, r)),
        );
        let i = &ours.ingested;
        goals.extend([
            Goal::at_most(
                "bytes a sample in blocks",
                BYTES_PER_SAMPLE,
                " B",
                ours.disk.block_bytes_per_sample(),
            ),
            Goal::at_most("peak memory of this load", RESIDENT_MIB, " MiB", i.peak_rss_bytes as f64 / MIB),
            Goal::at_most("memory at rest", RESIDENT_MIB, " MiB", i.idle_rss_bytes as f64 / MIB),
        ]);
        if let Some(theirs) = results.prometheus {
            let (time, cpu) = (|a: &Measured, b: &Measured| Some(a.ratio(b)), Measured::cpu_ratio);
            let both = [
                ("query time / Prometheus", ratios(ours, theirs, time)),
                ("query CPU / Prometheus", ratios(ours, theirs, cpu)),
            ];
            goals.extend(
                both.into_iter().filter_map(|(name, r)| Goal::all_at_most(name, QUERY_RATIO, r.into_iter())),
            );
        }
    }
    if let Some(growth) = results.growth {
        goals.extend(Goal::all_at_most("growth from 1 k to 100 k series / linear", LINEAR, growth.factors()));
    }
    let rows: Vec<_> = goals.iter().map(Goal::row).collect();
    table(&["goal", "", "measured", "ratio", ""], &rows)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_query_breaks_the_goal_and_is_named() {
        let goal = Goal::all_at_most("q", 0.33, [("fast", 0.1), ("slow", 0.5)].into_iter()).unwrap();
        assert!(!goal.is_held && goal.measured.contains("1 of 2") && goal.measured.contains("slow"));
        assert!(Goal::all_at_most("q", 0.33, [("fast", 0.1)].into_iter()).unwrap().is_held);
    }

    #[test]
    fn a_goal_of_at_most_is_held_at_its_edge() {
        assert!(Goal::at_most("b", 1.3, " B", 1.3).is_held);
        assert!(!Goal::at_most("b", 1.3, " B", 1.31).is_held);
    }
}
