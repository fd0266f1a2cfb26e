//! Metrics through the `prometheus` crate. Type, labels, buckets and help come from [`crate::registry`]; a name that is
//! not declared there cannot be made.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use prometheus::core::Collector;
pub use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};
use prometheus::{HistogramOpts, Opts, Registry, TextEncoder};

use crate::registry::{self, Declaration, Kind};

static DATABASE_DURATION: OnceLock<HistogramVec> = OnceLock::new();

/// One service's metrics. Clones share the same series.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// Why a metric could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MetricError {
    /// The name is not in `registry/metrics.toml`.
    #[error("metric '{0}' is not declared in registry/metrics.toml")]
    Undeclared(String),
    /// The name is declared for other services.
    #[error("metric '{0}' is not declared for service '{1}'")]
    ForeignService(String, &'static str),
    /// The name is declared as another type, or with labels where none are expected.
    #[error("metric '{0}' is declared with another type or other labels")]
    Mismatch(String),
    /// The `prometheus` crate refused it (made twice).
    #[error("metric '{0}' cannot be registered")]
    Register(String, #[source] prometheus::Error),
}

struct Inner {
    service: &'static str,
    version: String,
    build: IntGaugeVec,
    registry: Registry,
    http_server: HistogramVec,
    http_client: HistogramVec,
    database: HistogramVec,
    faults: IntGaugeVec,
    shed: IntCounter,
    in_progress: IntCounter,
    refused: IntCounterVec,
    client_decisions: IntCounterVec,
    concurrency_limit: Gauge,
    dropped: IntCounterVec,
}

/// Measures one database operation.
pub struct DbTimer {
    started: Instant,
    series: Option<Histogram>,
}

impl Metrics {
    /// The metrics of a service, with those that every service has.
    pub fn new(service: &'static str, version: &str) -> Result<Self, MetricError> {
        let registry = Registry::new();
        let build: IntGaugeVec = build_gauge_vec(&registry, service, "shop_build_info")?;
        build.with_label_values(&[version]).set(1);
        let inner = Inner {
            service,
            version: version.to_owned(),
            build,
            http_server: build_histogram_vec(&registry, service, "http_server_request_duration_seconds")?,
            http_client: build_histogram_vec(&registry, service, "http_client_request_duration_seconds")?,
            database: build_histogram_vec(&registry, service, "db_client_operation_duration_seconds")?,
            faults: build_gauge_vec(&registry, service, "shop_fault_active")?,
            shed: build_counter(&registry, service, "shop_requests_shed_total")?,
            in_progress: build_counter(&registry, service, "shop_answers_in_progress_total")?,
            client_decisions: build_counter_vec(&registry, service, "shop_client_decisions_total")?,
            concurrency_limit: build_gauge(&registry, service, "shop_concurrency_limit")?,
            refused: build_counter_vec(&registry, service, "shop_calls_refused_total")?,
            dropped: build_counter_vec(&registry, service, "shop_telemetry_dropped_total")?,
            registry,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// The registry behind it.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// A declared counter without labels.
    pub fn counter(&self, name: &str) -> Result<IntCounter, MetricError> {
        build_counter(&self.inner.registry, self.inner.service, name)
    }

    /// A declared counter with labels, in the order of the declaration.
    pub fn counter_vec(&self, name: &str) -> Result<IntCounterVec, MetricError> {
        build_counter_vec(&self.inner.registry, self.inner.service, name)
    }

    /// A declared gauge without labels.
    pub fn gauge(&self, name: &str) -> Result<Gauge, MetricError> {
        build_gauge(&self.inner.registry, self.inner.service, name)
    }

    /// A declared gauge with labels.
    pub fn gauge_vec(&self, name: &str) -> Result<IntGaugeVec, MetricError> {
        build_gauge_vec(&self.inner.registry, self.inner.service, name)
    }

    /// A declared histogram with labels.
    pub fn histogram_vec(&self, name: &str) -> Result<HistogramVec, MetricError> {
        build_histogram_vec(&self.inner.registry, self.inner.service, name)
    }

    /// Everything in the Prometheus text format.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.inner.registry.gather())
    }

    /// From now on [`crate::db::observe`] and [`crate::kv::observe`] record here. The first caller in a process wins.
    pub fn observe_databases(&self) {
        let _ = DATABASE_DURATION.set(self.inner.database.clone());
    }

    /// The series under which a route's answers count, for whoever answers in its stead.
    pub fn http_server_series(
        &self,
        method: &'static str,
        route: &str,
        status: axum::http::StatusCode,
    ) -> Histogram {
        self.inner.http_server.with_label_values(&[method, route, status.as_str()])
    }

    pub(crate) fn http_server(&self) -> &HistogramVec {
        &self.inner.http_server
    }

    pub(crate) fn http_client(&self) -> &HistogramVec {
        &self.inner.http_client
    }

    /// Tells another version than the one that runs: `suffix` behind its own, nothing for itself.
    pub(crate) fn show_release(&self, suffix: &str) {
        let version = format!("{}{suffix}", self.inner.version);
        self.inner.build.reset();
        self.inner.build.with_label_values(&[version.as_str()]).set(1);
    }

    pub(crate) fn faults(&self) -> &IntGaugeVec {
        &self.inner.faults
    }

    pub(crate) fn shed(&self) -> &IntCounter {
        &self.inner.shed
    }

    pub(crate) fn in_progress(&self) -> &IntCounter {
        &self.inner.in_progress
    }

    /// Counts what a client decided about a call of `peer`: `retry`, `hedge`, `breaker_open` or `bulkhead_full`.
    pub(crate) fn client_decided(&self, peer: &'static str, decision: &'static str) {
        self.inner.client_decisions.with_label_values(&[peer, decision]).inc();
    }

    /// How many requests are worked on at a time now.
    pub(crate) fn concurrency_limit(&self) -> &Gauge {
        &self.inner.concurrency_limit
    }

    /// Counts a call that was refused for want of a token or of a right.
    pub(crate) fn calls_refused(&self, reason: &'static str) {
        self.inner.refused.with_label_values(&[reason]).inc();
    }

    /// What was dropped of a signal: `logs` that were not shipped, `stdout` not written, `traces` not kept.
    pub(crate) fn dropped(&self, signal: &'static str) -> IntCounter {
        self.inner.dropped.with_label_values(&[signal])
    }
}

/// Starts to measure a database operation.
pub fn db_timer(system: &'static str, operation: &'static str) -> DbTimer {
    let series = DATABASE_DURATION.get().map(|family| family.with_label_values(&[system, operation]));
    DbTimer { started: Instant::now(), series }
}

impl DbTimer {
    /// Records the time since the start.
    pub fn observe_duration(self) {
        if let Some(series) = self.series {
            series.observe(self.started.elapsed().as_secs_f64());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    None,
    Some,
}

fn lookup(
    service: &'static str,
    name: &str,
    kind: Kind,
    labels: Labels,
) -> Result<&'static Declaration, MetricError> {
    let found = registry::find(name).ok_or_else(|| MetricError::Undeclared(name.to_owned()))?;
    if !found.is_emitted_by(service) {
        return Err(MetricError::ForeignService(name.to_owned(), service));
    }
    if found.kind != kind || found.labels.is_empty() != (labels == Labels::None) {
        return Err(MetricError::Mismatch(name.to_owned()));
    }
    Ok(found)
}

fn options(found: &Declaration) -> Opts {
    Opts::new(found.name.clone(), found.help.clone())
}

fn label_names(found: &Declaration) -> Vec<&str> {
    found.labels.iter().map(String::as_str).collect()
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    name: &str,
    metric: prometheus::Result<C>,
) -> Result<C, MetricError> {
    let refused = |error| MetricError::Register(name.to_owned(), error);
    let metric = metric.map_err(refused)?;
    registry.register(Box::new(metric.clone())).map_err(refused)?;
    Ok(metric)
}

fn build_counter(registry: &Registry, service: &'static str, name: &str) -> Result<IntCounter, MetricError> {
    let found = lookup(service, name, Kind::Counter, Labels::None)?;
    register(registry, name, IntCounter::with_opts(options(found)))
}

fn build_counter_vec(
    registry: &Registry,
    service: &'static str,
    name: &str,
) -> Result<IntCounterVec, MetricError> {
    let found = lookup(service, name, Kind::Counter, Labels::Some)?;
    let family = register(registry, name, IntCounterVec::new(options(found), &label_names(found)))?;
    // A counter that appears only with its first event has no rate for that event.
    for series in found.known_series() {
        let _ = family.with_label_values(&series);
    }
    Ok(family)
}

fn build_gauge(registry: &Registry, service: &'static str, name: &str) -> Result<Gauge, MetricError> {
    let found = lookup(service, name, Kind::Gauge, Labels::None)?;
    register(registry, name, Gauge::with_opts(options(found)))
}

fn build_gauge_vec(
    registry: &Registry,
    service: &'static str,
    name: &str,
) -> Result<IntGaugeVec, MetricError> {
    let found = lookup(service, name, Kind::Gauge, Labels::Some)?;
    register(registry, name, IntGaugeVec::new(options(found), &label_names(found)))
}

fn build_histogram_vec(
    registry: &Registry,
    service: &'static str,
    name: &str,
) -> Result<HistogramVec, MetricError> {
    let found = lookup(service, name, Kind::Histogram, Labels::Some)?;
    let settings = HistogramOpts::from(options(found)).buckets(found.buckets.clone());
    register(registry, name, HistogramVec::new(settings, &label_names(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeclared_foreign_and_mistyped_metrics_are_refused() {
        let metrics = Metrics::new("orders", "1.0.0").unwrap();
        assert!(matches!(metrics.counter("made_up_total"), Err(MetricError::Undeclared(_))));
        assert!(matches!(metrics.counter("shop_searches_total"), Err(MetricError::ForeignService(..))));
        assert!(matches!(metrics.counter("shop_outbox_pending"), Err(MetricError::Mismatch(_))));
        assert!(matches!(metrics.counter("shop_orders_failed_total"), Err(MetricError::Mismatch(_))));
        metrics.counter("shop_orders_placed_total").unwrap();
        assert!(matches!(metrics.counter("shop_orders_placed_total"), Err(MetricError::Register(..))));
    }

    #[test]
    fn closed_label_values_are_zero_from_the_first_scrape() {
        let metrics = Metrics::new("payments", "1.0.0").unwrap();
        metrics.counter_vec("shop_payment_authorisations_total").unwrap();
        metrics.counter_vec("shop_payment_webhooks_total").unwrap();
        metrics.gauge("shop_payment_reconciliation_lag_seconds").unwrap();
        metrics.gauge("shop_payment_reconciliation_overdue_seconds").unwrap();
        let differences = metrics.gauge_vec("shop_payment_differences").unwrap();
        differences.with_label_values(&["held_unwanted"]).set(0);
        let text = metrics.render().unwrap();
        assert!(text.contains(r#"shop_payment_authorisations_total{outcome="declined"} 0"#), "{text}");
        assert!(text.contains(r#"shop_build_info{version="1.0.0"} 1"#));
        assert!(registry::undeclared("payments", &text).is_empty());
        assert!(registry::missing("payments", &text).is_empty());
    }
}
