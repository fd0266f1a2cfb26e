//! Restoring the `for` state after a restart from `ALERTS_FOR_STATE` (rules/group.go `RestoreForState`).

use console_model::{
    Labels,
    labels::METRIC_NAME,
    metric::{QueryValue, Sample, is_stale_nan},
};
use console_storage::source::MetricsSource;

use crate::rules::alerting::AlertRule;

/// How far back the state of before the restart is believed, and how long a restored alert waits at least.
#[derive(Clone, Copy, Debug)]
pub struct RestoreConfig {
    pub outage_tolerance_ms: i64,
    /// Prometheus' `--rules.alert.for-grace-period`. Zero restores rules with a short `for` too.
    pub grace_period_ms: i64,
}

/// Moves `active_at` of the rule's alerts to what it was before the restart.
pub async fn restore(rule: &mut AlertRule, metrics: &dyn MetricsSource, now_ms: i64, config: RestoreConfig) {
    if rule.for_ms() < config.grace_period_ms || rule.active().next().is_none() {
        rule.set_restored();
        return;
    }
    let name = rule.spec.name.replace('\\', "\\\\").replace('"', "\\\"");
    let seconds = (config.outage_tolerance_ms / 1000).max(1);
    let query = format!("ALERTS_FOR_STATE{{alertname=\"{name}\"}}[{seconds}s]");
    match metrics.query(&query, now_ms).await {
        Ok(answer) => {
            if let QueryValue::Matrix(series) = answer.value {
                let last = |s: &console_model::metric::Series| {
                    s.samples.iter().rev().find(|x| !is_stale_nan(x.v)).map(|x| (s.labels.clone(), *x))
                };
                let known: Vec<(Labels, Sample)> = series.iter().filter_map(last).collect();
                apply(rule, &known, now_ms, config.grace_period_ms);
            }
        }
        Err(error) => {
            tracing::warn!(rule = %rule.spec.name, %error, "the state of before the restart is unknown");
        }
    }
    rule.set_restored();
}

fn apply(rule: &mut AlertRule, known: &[(Labels, Sample)], now_ms: i64, grace_ms: i64) {
    let for_ms = rule.for_ms();
    for alert in rule.active_mut() {
        let same = known.iter().find(|(l, _)| l.filter(|n| n != METRIC_NAME) == alert.labels);
        let Some((_, sample)) = same else { continue };
        let before_ms = (sample.v * 1000.0) as i64;
        let down_at_ms = sample.t_ms;
        let remaining_ms = for_ms - (down_at_ms - before_ms);
        alert.active_at_ms = if remaining_ms <= 0 {
            // It was firing, and fires again at the next evaluation if it still holds.
            before_ms
        } else if remaining_ms < grace_ms {
            now_ms + grace_ms - for_ms
        } else {
            before_ms + (now_ms - down_at_ms)
        };
    }
}
