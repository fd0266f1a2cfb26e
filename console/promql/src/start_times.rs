//! When counters started, for stores that keep it.

use console_model::Labels;

/// Start times of samples. `rate`, `increase`, `irate` and `resets` see counter resets by them that values do not show, and
/// `start_timestamp` gives them.
pub trait StartTimes: Send + Sync {
    /// Of a series: the times of samples, ascending, and when the counter of each started, both in milliseconds. Samples
    /// without a known start are left out.
    fn start_times(&self, labels: &Labels) -> Vec<(i64, i64)>;
}
