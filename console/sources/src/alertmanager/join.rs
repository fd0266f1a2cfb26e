//! Alerts of Alertmanager beside the rules that made them.

use std::collections::{BTreeMap, HashMap, HashSet};

use console_model::{
    Labels,
    alert::{Alert, AlertState, Evidence, RuleAlert, RuleDetail, RuleGroupStatus},
    fingerprint,
    silence::{Mute, Silence, Silencing},
};

use super::wire::{WireAlert, WireSilence};

/// What Prometheus sends reaches Alertmanager at once and is sent again every minute: what is not there after this time
/// does not come.
const UNSENT_AFTER_MS: i64 = 90_000;

/// Everything that is known of alerts at one moment.
#[derive(Debug, Default)]
pub struct Known {
    /// Firing and pending; firing first, then newest first.
    pub alerts: Vec<Alert>,
    pub silencing: Silencing,
    /// A rule's own fingerprint of an alert, where labels that were added on the way gave it another.
    pub aliases: HashMap<String, String>,
}

/// An alert of a rule with its rule.
type Ruled<'a> = (&'a RuleAlert, &'a RuleDetail);

pub fn join(
    told: &[WireAlert],
    silences: &[WireSilence],
    groups: Option<&[RuleGroupStatus]>,
    now_ms: i64,
) -> Known {
    let mut known = Known::default();
    let mut by_name: BTreeMap<&str, Vec<Ruled<'_>>> = BTreeMap::new();
    for rule in groups.unwrap_or_default().iter().flat_map(|g| &g.rules).filter(|r| !r.status.is_recording) {
        for alert in &rule.alerts {
            by_name.entry(&rule.status.name).or_default().push((alert, rule));
        }
    }
    let mut sent: HashSet<*const RuleAlert> = HashSet::new();
    for wire in told {
        let name = wire.labels.get("alertname").map(String::as_str).unwrap_or_default();
        let ruled = by_name.get(name).and_then(|all| closest(all, &wire.labels));
        if let Some((alert, _)) = ruled {
            sent.insert(std::ptr::from_ref(alert));
            let own = fingerprint::hex(&alert.labels);
            if own != wire.fingerprint {
                known.aliases.insert(own, wire.fingerprint.clone());
            }
        }
        known.alerts.push(firing(wire, ruled));
        let mute = Mute {
            silences: wire.status.silenced_by.clone(),
            inhibited_by: wire.status.inhibited_by.clone(),
            intervals: wire.status.muted_by.clone(),
            is_unsent: false,
        };
        if !mute.is_empty() {
            known.silencing.mutes.insert(wire.fingerprint.clone(), mute);
        }
    }
    for (alert, rule) in by_name.into_values().flatten() {
        if sent.contains(&std::ptr::from_ref(alert)) {
            continue;
        }
        let shown = of_rule(alert, rule);
        let since = shown.fired_at_ms.unwrap_or(now_ms);
        if shown.state == AlertState::Firing && now_ms - since > UNSENT_AFTER_MS {
            let mute = Mute { is_unsent: true, ..Mute::default() };
            known.silencing.mutes.insert(shown.fingerprint.clone(), mute);
        }
        known.alerts.push(shown);
    }
    known.alerts.sort_by_key(|a| {
        (a.state != AlertState::Firing, std::cmp::Reverse(a.active_at_ms), a.fingerprint.clone())
    });
    known.silencing.silences = silences.iter().filter(|s| s.status.state != "expired").map(silence).collect();
    known.silencing.silences.sort_by_key(|s| (s.ends_at_ms, s.id.clone()));
    known
}

/// The alert whose labels are all among these; the one with most of them. Prometheus adds `external_labels` on the way.
fn closest<'a>(all: &[Ruled<'a>], labels: &BTreeMap<String, String>) -> Option<Ruled<'a>> {
    let is_among = |alert: &RuleAlert| {
        alert.labels.iter().all(|l| labels.get(&*l.name).is_some_and(|v| **v == *l.value))
    };
    all.iter().filter(|(alert, _)| is_among(alert)).max_by_key(|(alert, _)| alert.labels.len()).copied()
}

fn firing(wire: &WireAlert, ruled: Option<Ruled<'_>>) -> Alert {
    let starts_ms = wire.starts_at.timestamp_millis();
    let annotations = Labels::from_pairs(&wire.annotations);
    Alert {
        fingerprint: wire.fingerprint.clone(),
        name: wire.labels.get("alertname").cloned().unwrap_or_default(),
        labels: Labels::from_pairs(&wire.labels),
        state: AlertState::Firing,
        active_at_ms: ruled.map_or(starts_ms, |(alert, _)| alert.active_at_ms.min(starts_ms)),
        fired_at_ms: Some(starts_ms),
        resolved_at_ms: None,
        value: ruled.map_or(f64::NAN, |(alert, _)| alert.value),
        expr: ruled.map_or_else(|| expression(&wire.generator_url), |(_, rule)| rule.status.expr.clone()),
        for_ms: ruled.map_or(0, |(_, rule)| rule.status.for_ms),
        runbook: runbook(&annotations),
        evidence: evidence(&annotations),
        annotations,
    }
}

fn of_rule(alert: &RuleAlert, rule: &RuleDetail) -> Alert {
    let is_firing = alert.state == AlertState::Firing;
    Alert {
        fingerprint: fingerprint::hex(&alert.labels),
        name: rule.status.name.clone(),
        labels: alert.labels.clone(),
        state: alert.state,
        active_at_ms: alert.active_at_ms,
        fired_at_ms: is_firing.then_some(alert.active_at_ms + rule.status.for_ms),
        resolved_at_ms: None,
        value: alert.value,
        expr: rule.status.expr.clone(),
        for_ms: rule.status.for_ms,
        runbook: runbook(&alert.annotations),
        evidence: evidence(&alert.annotations),
        annotations: alert.annotations.clone(),
    }
}

fn silence(wire: &WireSilence) -> Silence {
    Silence {
        id: wire.id.clone(),
        matchers: wire.matchers.iter().map(super::wire::WireMatcher::words).collect(),
        created_by: wire.created_by.clone(),
        comment: wire.comment.clone(),
        starts_at_ms: wire.starts_at.timestamp_millis(),
        ends_at_ms: wire.ends_at.timestamp_millis(),
    }
}

/// `g0.expr` of Prometheus' address of an alert; empty when it has none.
fn expression(generator_url: &str) -> String {
    let url = reqwest::Url::parse(generator_url).ok();
    let found =
        url.and_then(|u| u.query_pairs().find(|(name, _)| name == "g0.expr").map(|(_, v)| v.into_owned()));
    found.unwrap_or_default()
}

fn runbook(annotations: &Labels) -> Option<String> {
    annotations.get("runbook_url")?.split_once("/runbooks/").map(|(_, slug)| slug.to_owned())
}

/// What the alert's own annotations ask for; nothing is looked up.
fn evidence(annotations: &Labels) -> Evidence {
    Evidence {
        trace_query: annotations.get("trace_query").map(str::to_owned),
        log_query: annotations.get("log_query").map(str::to_owned),
        ..Evidence::default()
    }
}
