//! Alerts of Alertmanager beside the rules that made them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

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

/// Alerts of rules by their labels' names, those with most of them first, and then by the values. Alerts of one name may be
/// thousands; the sets of names that they have are a few.
type ByLabels<'a> = BTreeMap<(Reverse<usize>, Vec<&'a str>), HashMap<Vec<&'a str>, Ruled<'a>>>;

pub fn join(
    told: &[WireAlert],
    silences: &[WireSilence],
    groups: Option<&[RuleGroupStatus]>,
    now_ms: i64,
) -> Known {
    let mut known = Known::default();
    let mut of_rules: Vec<Ruled<'_>> = Vec::new();
    let mut by_name: HashMap<&str, ByLabels<'_>> = HashMap::new();
    for rule in groups.unwrap_or_default().iter().flat_map(|g| &g.rules).filter(|r| !r.status.is_recording) {
        let by_labels = by_name.entry(&rule.status.name).or_default();
        for alert in &rule.alerts {
            of_rules.push((alert, rule));
            let (names, values): (Vec<&str>, Vec<&str>) =
                alert.labels.iter().map(|l| (&*l.name, &*l.value)).unzip();
            by_labels.entry((Reverse(names.len()), names)).or_default().insert(values, (alert, rule));
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
    for (alert, rule) in of_rules {
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
    known
        .alerts
        .sort_by_key(|a| (a.state != AlertState::Firing, Reverse(a.active_at_ms), a.fingerprint.clone()));
    known.silencing.silences = silences.iter().map(silence).collect();
    known.silencing.silences.sort_by_key(|s| (s.ends_at_ms, s.id.clone()));
    known
}

/// The alert whose labels are all among these; the one with most of them. Prometheus adds `external_labels` on the way.
fn closest<'a>(all: &ByLabels<'a>, labels: &'a BTreeMap<String, String>) -> Option<Ruled<'a>> {
    all.iter().find_map(|((_, names), alerts)| {
        let values = names.iter().map(|name| labels.get(*name).map(String::as_str));
        alerts.get(&values.collect::<Option<Vec<&str>>>()?).copied()
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::rules::WireRules, *};

    fn pairs(labels: &Labels) -> BTreeMap<&str, &str> {
        labels.iter().map(|l| (&*l.name, &*l.value)).collect()
    }

    fn told(labels: &Labels) -> WireAlert {
        let alert = json!({"labels": pairs(labels), "fingerprint": "of the sender", "startsAt": "2026-01-02T03:04:05Z",
            "status": {}});
        serde_json::from_value(alert).unwrap()
    }

    /// A rule `A` whose alerts have these labels; the n-th has the value n.
    fn rules(alerts: &[Labels]) -> Vec<RuleGroupStatus> {
        let alerts = alerts
            .iter()
            .enumerate()
            .map(|(n, labels)| json!({"labels": pairs(labels), "state": "firing", "value": n.to_string()}));
        let rule =
            json!({"name": "A", "query": "x", "type": "alerting", "alerts": alerts.collect::<Vec<_>>()});
        let groups = json!({"groups": [{"name": "g", "interval": 1, "rules": [rule]}]});
        serde_json::from_value::<WireRules>(groups).unwrap().read().0
    }

    fn named(more: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(more.iter().copied().chain([("alertname", "A")]))
    }

    #[test]
    fn an_alert_is_that_of_the_rule_with_most_of_its_labels() {
        let rules = rules(&[
            named(&[]),
            named(&[("a", "1")]),
            named(&[("b", "2")]),
            named(&[("a", "1"), ("b", "2")]),
        ]);
        let values = |labels: Labels| -> Vec<f64> {
            let known = join(&[told(&labels)], &[], Some(&rules), 0);
            known.alerts.iter().filter(|a| a.fingerprint == "of the sender").map(|a| a.value).collect()
        };
        assert_eq!(values(named(&[("a", "1"), ("b", "2"), ("region", "one")])), [3.0]);
        assert_eq!(values(named(&[("a", "1"), ("b", "3")])), [1.0]);
        assert_eq!(values(named(&[("c", "1")])), [0.0]);
        assert!(values(Labels::from_pairs([("alertname", "B"), ("a", "1")]))[0].is_nan());
    }
}
