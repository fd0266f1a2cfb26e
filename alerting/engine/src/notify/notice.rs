//! What is to be told: a group's alerts with what they have in common.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    alert::{Alert, AlertState},
};

/// A group's notification, before it is composed for a receiver.
#[derive(Clone, Debug)]
pub struct Notice {
    pub receiver: String,
    pub group_key: String,
    pub group_labels: Labels,
    /// Firing first, then the newest.
    pub alerts: Vec<Alert>,
    pub external_url: String,
    pub now_ms: i64,
}

impl Notice {
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|a| a.state == AlertState::Firing)
    }

    pub fn resolved(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|a| a.state == AlertState::Resolved)
    }

    pub fn is_firing(&self) -> bool {
        self.firing().next().is_some()
    }

    /// `firing` or `resolved`.
    pub fn status(&self) -> &'static str {
        if self.is_firing() { "firing" } else { "resolved" }
    }

    /// The worst severity among the alerts that still fire, else among all.
    pub fn severity(&self) -> &str {
        let rank = |s: &str| match s {
            "critical" | "page" => 3,
            "warning" => 2,
            "info" => 1,
            _ => 0,
        };
        let firing = self.is_firing();
        let of = self.alerts.iter().filter(|a| !firing || a.state == AlertState::Firing).map(Alert::severity);
        of.max_by_key(|s| rank(s)).unwrap_or("none")
    }

    /// Names of the alerts and the services that they speak of: `PaymentFailures: payments`.
    pub fn headline(&self) -> String {
        let distinct = |values: Vec<&str>| {
            let mut all: Vec<&str> = Vec::new();
            for v in values {
                if !all.contains(&v) {
                    all.push(v);
                }
            }
            all.join(", ")
        };
        let firing = self.is_firing();
        let told: Vec<&Alert> =
            self.alerts.iter().filter(|a| !firing || a.state == AlertState::Firing).collect();
        let names = distinct(told.iter().map(|a| a.name.as_str()).collect());
        let services = distinct(told.iter().filter_map(|a| a.service()).collect());
        if services.is_empty() { names } else { format!("{names}: {services}") }
    }

    /// Labels with the same value on all alerts.
    pub fn common_labels(&self) -> Labels {
        common(self.alerts.iter().map(|a| &a.labels))
    }

    pub fn common_annotations(&self) -> Labels {
        common(self.alerts.iter().map(|a| &a.annotations))
    }
}

fn common<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> Labels {
    let Some(first) = sets.next() else { return Labels::default() };
    let mut left: BTreeMap<&str, &str> = first.iter().map(|l| (&*l.name, &*l.value)).collect();
    for set in sets {
        left.retain(|name, value| set.get(name) == Some(*value));
    }
    Labels::from_pairs(left)
}
