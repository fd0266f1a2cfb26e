//! What a query cost, in Prometheus' form (util/stats/query_stats.go).

use console_model::metric::QueryStats;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Statistics {
    timings: Timings,
    samples: Samples,
}

/// Seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Timings {
    eval_total_time: f64,
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Samples {
    total_queryable_samples: u64,
    samples_read: u64,
    peak_samples: u64,
}

/// The engine neither queues a query nor prepares it apart from evaluating it, and reads each sample once: those numbers
/// are 0 and the number of samples.
pub fn of(stats: &QueryStats) -> Statistics {
    let took = stats.duration_us as f64 / 1e6;
    Statistics {
        timings: Timings {
            eval_total_time: took,
            result_sort_time: 0.0,
            query_preparation_time: 0.0,
            inner_eval_time: took,
            exec_queue_time: 0.0,
            exec_total_time: took,
        },
        samples: Samples {
            total_queryable_samples: stats.samples,
            samples_read: stats.samples,
            peak_samples: stats.samples,
        },
    }
}

/// What is to be said of a value of `stats`.
pub fn warning(value: &str) -> Option<String> {
    let is_known = matches!(value, "true" | "all");
    (!is_known).then(|| {
        format!(
            "value {value:?} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \
             \"true\" or \"all\""
        )
    })
}
