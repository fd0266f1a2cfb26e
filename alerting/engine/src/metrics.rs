//! Metrics about the engine itself.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

#[derive(Clone)]
pub(crate) struct Metrics {
    pub evaluation_seconds: HistogramVec,
    pub evaluations: IntCounterVec,
    pub alerts: IntGaugeVec,
    pub notifications: IntCounterVec,
    pub notification_seconds: HistogramVec,
    pub groups: IntGauge,
    pub dropped: prometheus::IntCounter,
}

impl Metrics {
    /// Registers everything; the names are declared in the signal registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let buckets = vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
        let metrics = Self {
            evaluation_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "quarterdeck_rule_evaluation_seconds",
                    "Duration of a rule group's evaluation.",
                )
                .buckets(buckets.clone()),
                &["group"],
            )?,
            evaluations: IntCounterVec::new(
                Opts::new("quarterdeck_rule_evaluations_total", "Rule evaluations by outcome."),
                &["outcome"],
            )?,
            alerts: IntGaugeVec::new(Opts::new("quarterdeck_alerts", "Alerts by state."), &["state"])?,
            notifications: IntCounterVec::new(
                Opts::new("quarterdeck_notifications_total", "Notifications by integration and outcome."),
                &["integration", "outcome"],
            )?,
            notification_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "quarterdeck_notification_seconds",
                    "Duration of a delivery, retries included.",
                )
                .buckets(buckets),
                &["integration"],
            )?,
            groups: IntGauge::new("quarterdeck_notification_groups", "Alert groups that are open.")?,
            dropped: prometheus::IntCounter::new(
                "quarterdeck_alerts_dropped_total",
                "Alerts that were not dispatched because too many groups are open.",
            )?,
        };
        registry.register(Box::new(metrics.evaluation_seconds.clone()))?;
        registry.register(Box::new(metrics.evaluations.clone()))?;
        registry.register(Box::new(metrics.alerts.clone()))?;
        registry.register(Box::new(metrics.notifications.clone()))?;
        registry.register(Box::new(metrics.notification_seconds.clone()))?;
        registry.register(Box::new(metrics.groups.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        Ok(metrics)
    }
}
