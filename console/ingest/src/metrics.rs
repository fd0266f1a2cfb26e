//! The console's own counters of what came in.

use prometheus::{IntCounterVec, Opts, Registry};

/// What a write carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Signal {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// How a write came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    OtlpGrpc,
    OtlpHttp,
    Loki,
    RemoteWrite,
    Scrape,
    Elasticsearch,
    Zipkin,
    Syslog,
    /// Fluentd's and Fluent Bit's own protocol.
    Forward,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp_grpc",
            Self::OtlpHttp => "otlp_http",
            Self::Loki => "loki",
            Self::RemoteWrite => "remote_write",
            Self::Scrape => "scrape",
            Self::Elasticsearch => "elasticsearch",
            Self::Zipkin => "zipkin",
            Self::Syslog => "syslog",
            Self::Forward => "forward",
        }
    }
}

/// Counters over all protocols. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IngestMetrics {
    items: IntCounterVec,
    rejected: IntCounterVec,
}

impl IngestMetrics {
    /// Registers the counters; fails when the registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let items = IntCounterVec::new(
            Opts::new("quarterdeck_ingest_items_total", "Samples, log lines and spans received."),
            &["signal", "protocol", "outcome"],
        )?;
        let rejected = IntCounterVec::new(
            Opts::new("quarterdeck_ingest_rejected_total", "Requests and items refused, by reason."),
            &["protocol", "reason"],
        )?;
        registry.register(Box::new(items.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        Ok(Self { items, rejected })
    }

    /// Items of one write: stored, and refused.
    pub fn items(&self, signal: Signal, protocol: Protocol, accepted: u64, rejected: u64) {
        let count = |outcome, n| {
            if n > 0 {
                self.items.with_label_values(&[signal.as_str(), protocol.as_str(), outcome]).inc_by(n);
            }
        };
        count("accepted", accepted);
        count("rejected", rejected);
    }

    /// A refused request (`n` = 1) or `n` refused items of one. `reason` is one of a few constants.
    pub fn rejected(&self, protocol: Protocol, reason: &'static str, n: u64) {
        if n > 0 {
            self.rejected.with_label_values(&[protocol.as_str(), reason]).inc_by(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_appear_in_the_registry_with_their_labels() {
        let registry = Registry::new();
        let metrics = IngestMetrics::register(&registry).unwrap();
        metrics.items(Signal::Logs, Protocol::Loki, 3, 0);
        metrics.rejected(Protocol::Loki, "invalid", 1);
        let families = registry.gather();
        let names: Vec<_> = families.iter().map(prometheus::proto::MetricFamily::name).collect();
        assert_eq!(names, ["quarterdeck_ingest_items_total", "quarterdeck_ingest_rejected_total"]);
        assert_eq!(families[0].get_metric().len(), 1, "nothing was rejected");
        assert!(IngestMetrics::register(&registry).is_err(), "twice is a mistake of the caller");
    }
}
