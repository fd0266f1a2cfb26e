//! Inhibition (inhibit/inhibit.go).

use std::collections::BTreeMap;

use console_model::{
    Labels,
    alert::{Alert, AlertState},
};

use crate::routing::{LabelMatcher, config::InhibitRule};

/// Firing alerts and the rules by which they mute others.
#[derive(Debug)]
pub struct Inhibitor {
    rules: Vec<InhibitRule>,
    firing: BTreeMap<String, Labels>,
}

impl Inhibitor {
    pub fn new(rules: Vec<InhibitRule>) -> Self {
        Self { rules, firing: BTreeMap::new() }
    }

    pub fn put(&mut self, alert: &Alert) {
        if alert.state == AlertState::Firing {
            self.firing.insert(alert.fingerprint.clone(), alert.labels.clone());
        } else {
            self.firing.remove(&alert.fingerprint);
        }
    }

    pub fn mutes(&self, labels: &Labels) -> bool {
        self.rules.iter().any(|rule| {
            if !all(&rule.target, labels) {
                return false;
            }
            // An alert that matches both sides is not muted by others of which the same is true.
            let two_sided = all(&rule.source, labels);
            self.firing.values().any(|source| {
                all(&rule.source, source)
                    && rule.equal.iter().all(|l| source.get(l) == labels.get(l))
                    && !(two_sided && all(&rule.target, source))
            })
        })
    }
}

fn all(matchers: &[LabelMatcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches(labels))
}
