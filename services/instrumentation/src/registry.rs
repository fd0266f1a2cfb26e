//! The registry of metric names (`registry/metrics.toml`) and the checks that hold services to it.
//!
//! In a service's tests, scrape its `/metrics` once and compare: [`undeclared`] must be empty for every service, and
//! [`missing`] says which declared names the text does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

const SOURCE: &str = include_str!("../registry/metrics.toml");

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only ever goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Distribution over fixed buckets.
    Histogram,
}

/// One declared metric.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Full name in Prometheus spelling.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Unit, `1` for plain counts.
    pub unit: String,
    /// Label names.
    pub labels: Vec<String>,
    /// Closed value sets of labels; listed series exist as zero from the start.
    #[serde(default)]
    pub values: BTreeMap<String, Vec<String>>,
    /// Upper bounds, of a histogram.
    #[serde(default)]
    pub buckets: Vec<f64>,
    /// Services that emit it; `*` is all.
    pub services: Vec<String>,
    /// What it means.
    pub help: String,
}

#[derive(Deserialize)]
struct File {
    metric: Vec<Declaration>,
}

static DECLARATIONS: LazyLock<BTreeMap<String, Declaration>> = LazyLock::new(|| {
    let file: File = toml::from_str(SOURCE).expect("the embedded registry is valid: a unit test parses it");
    file.metric.into_iter().map(|declaration| (declaration.name.clone(), declaration)).collect()
});

/// All declared metrics, by name.
pub fn declarations() -> &'static BTreeMap<String, Declaration> {
    &DECLARATIONS
}

/// The declaration of a name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    DECLARATIONS.get(name)
}

/// Names in a `/metrics` text that `service` must not emit: undeclared, declared for another service, or of another type.
pub fn undeclared(service: &str, exposition: &str) -> Vec<String> {
    emitted(exposition)
        .into_iter()
        .filter(|(name, kind)| {
            !find(name).is_some_and(|found| found.is_emitted_by(service) && kind_name(found.kind) == kind)
        })
        .map(|(name, _)| name)
        .collect()
}

/// Names that are declared for this very service (not for all) and that its `/metrics` text does not have.
pub fn missing(service: &str, exposition: &str) -> Vec<String> {
    let present: BTreeSet<String> = emitted(exposition).into_iter().map(|(name, _)| name).collect();
    DECLARATIONS
        .values()
        .filter(|found| found.services.iter().any(|name| name == service) && !present.contains(&found.name))
        .map(|found| found.name.clone())
        .collect()
}

impl Declaration {
    /// Whether `service` may emit it.
    pub fn is_emitted_by(&self, service: &str) -> bool {
        self.services.iter().any(|name| name == "*" || name == service)
    }

    /// All combinations of the closed label values, in label order; empty when some label is open.
    pub fn known_series(&self) -> Vec<Vec<&str>> {
        let mut series: Vec<Vec<&str>> = vec![Vec::new()];
        for label in &self.labels {
            let Some(values) = self.values.get(label) else { return Vec::new() };
            series = series
                .into_iter()
                .flat_map(|prefix| {
                    values.iter().map(move |value| {
                        let mut next = prefix.clone();
                        next.push(value.as_str());
                        next
                    })
                })
                .collect();
        }
        series
    }
}

fn emitted(exposition: &str) -> Vec<(String, String)> {
    exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.trim().to_owned()))
        .collect()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_well_formed() {
        let file: File = toml::from_str(SOURCE).unwrap();
        assert_eq!(file.metric.len(), declarations().len(), "a name is declared twice");
        for found in declarations().values() {
            assert_eq!(found.kind == Kind::Counter, found.name.ends_with("_total"), "{}", found.name);
            assert_eq!(found.kind == Kind::Histogram, !found.buckets.is_empty(), "{}", found.name);
            assert!(found.buckets.is_sorted(), "{}", found.name);
            assert!(found.values.keys().all(|label| found.labels.contains(label)), "{}", found.name);
            assert!(found.help.ends_with('.') && !found.services.is_empty() && !found.unit.is_empty());
        }
    }

    #[test]
    fn undeclared_foreign_and_mistyped_names_are_found() {
        let text = "# TYPE shop_build_info gauge\n# TYPE nonsense gauge\n# TYPE shop_searches_total counter\n\
                    # TYPE shop_outbox_pending counter\n";
        assert_eq!(undeclared("orders", text), ["nonsense", "shop_searches_total", "shop_outbox_pending"]);
        assert!(missing("catalog", text).contains(&"shop_catalog_cache_requests_total".to_owned()));
    }

    #[test]
    fn closed_labels_give_all_series() {
        assert_eq!(find("shop_notifications_sent_total").unwrap().known_series().len(), 60);
        assert!(find("shop_orders_failed_total").unwrap().known_series().is_empty());
    }
}
