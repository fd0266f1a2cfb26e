//! What a query cost, in Prometheus' form (util/stats/query_stats.go).

use console_model::{
    metric::QueryStats,
    profile::{QueryProfile, Samples, Timings},
};
use serde::{Serialize, Serializer};

/// The value of `stats` that asks for steps too.
const ALL: &str = "all";

#[derive(Debug, Serialize)]
pub struct Statistics {
    timings: Seconds,
    samples: Counts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Seconds {
    eval_total_time: f64,
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    total_queryable_samples_per_step: Vec<AtStep>,
    total_queryable_samples: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    samples_read_per_step: Vec<AtStep>,
    samples_read: u64,
    peak_samples: u64,
}

/// `[<seconds>,<samples>]`.
#[derive(Debug)]
struct AtStep {
    t_ms: i64,
    samples: u64,
}

impl Serialize for AtStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.t_ms % 1000 == 0 {
            (self.t_ms / 1000, self.samples).serialize(serializer)
        } else {
            (self.t_ms as f64 / 1000.0, self.samples).serialize(serializer)
        }
    }
}

/// `asked` is the value of `stats`. Of a backend that has no profile only the samples and the time are known.
pub fn of(stats: &QueryStats, profile: Option<QueryProfile>, asked: &str) -> Statistics {
    let profile = profile.unwrap_or_else(|| {
        let samples = || Samples { total: stats.samples, by_step: Vec::new() };
        let (evaluate_us, total_us) = (stats.duration_us, stats.duration_us);
        QueryProfile {
            looked_at: samples(),
            read: samples(),
            peak: stats.samples,
            timings: Timings { evaluate_us, total_us, ..Timings::default() },
            ..QueryProfile::default()
        }
    });
    let steps = |samples: &Samples| -> Vec<AtStep> {
        let wanted = if asked == ALL { samples.by_step.as_slice() } else { &[] };
        let at = |i: usize| profile.start_ms.saturating_add(profile.step_ms.saturating_mul(i as i64));
        wanted.iter().enumerate().map(|(i, n)| AtStep { t_ms: at(i), samples: *n }).collect()
    };
    let seconds = |us: u64| us as f64 / 1e6;
    let t = profile.timings;
    Statistics {
        timings: Seconds {
            eval_total_time: seconds(t.prepare_us + t.evaluate_us + t.sort_us),
            result_sort_time: seconds(t.sort_us),
            query_preparation_time: seconds(t.prepare_us),
            inner_eval_time: seconds(t.evaluate_us),
            exec_queue_time: seconds(t.queue_us),
            exec_total_time: seconds(t.total_us),
        },
        samples: Counts {
            total_queryable_samples_per_step: steps(&profile.looked_at),
            total_queryable_samples: profile.looked_at.total,
            samples_read_per_step: steps(&profile.read),
            samples_read: profile.read.total,
            peak_samples: profile.peak,
        },
    }
}

/// What is to be said of a value of `stats`.
pub fn warning(value: &str) -> Option<String> {
    let is_known = matches!(value, "true" | ALL);
    (!is_known).then(|| {
        format!(
            "value {value:?} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \
             \"true\" or \"all\""
        )
    })
}
