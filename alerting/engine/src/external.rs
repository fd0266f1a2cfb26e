//! Alerts that somebody else decides: no rule of ours is evaluated for them, only what is told counts. From here on they
//! are alerts like any other: grouped, routed, shown. Pure: takes the time, answers what the dispatcher must hear.
//!
//! Must always hold: what is told twice, or late and out of order, changes nothing; what fires survives a restart.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    alert::{Alert, AlertState, TOLD_STATE},
    fingerprint,
};
use serde::{Deserialize, Serialize};

use crate::rules::alerting::RESOLVED_RETENTION_MS;

/// How long the end of an alert is remembered, so that an older message that comes late does not begin it anew.
const ORDER_RETENTION_MS: i64 = 2 * 3_600_000;
/// How long an alert is shown of which nobody knows whether it fires. Whoever decides may have deleted it meanwhile, which
/// nobody tells.
const UNKNOWN_RETENTION_MS: i64 = 24 * 3_600_000;

/// What is said of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Firing,
    Resolved,
    /// Whoever decides does not know: what fires goes on, anything else is shown and tells nobody.
    Unknown,
}

/// What somebody tells of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAlert {
    /// Names the alert for good; its labels may change with our configuration.
    pub key: String,
    /// With `alertname`.
    pub labels: Labels,
    pub annotations: Labels,
    pub condition: Condition,
    /// The teller's own word for the condition.
    pub told_state: String,
    /// Since when the condition holds, by the teller's clock: later ones replace earlier ones.
    pub changed_at_ms: i64,
}

/// Why an alert was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    #[error("{limit} alerts of others are held: {alert} is not taken")]
    TooMany { limit: usize, alert: String },
    #[error("the state of alerting cannot be written: {0}")]
    Unwritable(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Held {
    changed_at_ms: i64,
    /// `Inactive`: known to be well, and not shown.
    alert: Alert,
}

/// All alerts of others, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExternalAlerts(BTreeMap<String, Held>);

impl ExternalAlerts {
    /// Takes what is told; answers what the dispatcher must hear of it. At most `limit` are held: of those that nobody was
    /// told of, the oldest makes room.
    pub fn take(
        &mut self,
        told: ExternalAlert,
        now_ms: i64,
        limit: usize,
    ) -> Result<Vec<Alert>, ExternalError> {
        self.expire(now_ms);
        let before = self.0.get(&told.key).cloned();
        if before.as_ref().is_some_and(|held| held.changed_at_ms >= told.changed_at_ms) {
            return Ok(Vec::new());
        }
        if before.is_none() && self.0.len() >= limit && !self.make_room() {
            let alert = told.labels.get("alertname").unwrap_or_default().to_owned();
            return Err(ExternalError::TooMany { limit, alert });
        }
        let before = before.map(|held| held.alert);
        let alert = next(before.as_ref(), &told, now_ms);
        // Under other labels it is another alert to everybody who was told.
        let left = before
            .filter(|b| b.state == AlertState::Firing && b.fingerprint != alert.fingerprint)
            .map(|b| Alert { state: AlertState::Resolved, resolved_at_ms: Some(now_ms), ..b });
        self.0.insert(told.key, Held { changed_at_ms: told.changed_at_ms, alert: alert.clone() });
        Ok(left.into_iter().chain(is_told(&alert).then_some(alert)).collect())
    }

    /// Pending, firing, and lately resolved alerts.
    pub fn shown(&self, now_ms: i64) -> impl Iterator<Item = &Alert> {
        let is_shown = move |a: &&Alert| match a.state {
            AlertState::Firing => true,
            AlertState::Pending => now_ms - a.active_at_ms <= UNKNOWN_RETENTION_MS,
            AlertState::Resolved => a.resolved_at_ms.is_some_and(|at| now_ms - at <= RESOLVED_RETENTION_MS),
            AlertState::Inactive => false,
        };
        self.0.values().map(|held| &held.alert).filter(is_shown)
    }

    /// What a dispatcher that has just started must hear again; who was told already is not told twice.
    pub fn told(&self, now_ms: i64) -> Vec<Alert> {
        self.shown(now_ms).filter(|a| is_told(a)).cloned().collect()
    }

    /// Whether the alert is one of these and not one of a rule.
    pub fn holds(&self, fingerprint: &str) -> bool {
        self.0.values().any(|held| held.alert.fingerprint == fingerprint)
    }

    fn expire(&mut self, now_ms: i64) {
        self.0.retain(|_, held| match held.alert.state {
            AlertState::Firing => true,
            AlertState::Pending => now_ms - held.alert.active_at_ms <= UNKNOWN_RETENTION_MS,
            AlertState::Resolved | AlertState::Inactive => {
                let ended_ms = held.alert.resolved_at_ms.unwrap_or(held.changed_at_ms);
                now_ms - ended_ms <= ORDER_RETENTION_MS
            }
        });
    }

    /// Whether one that nobody was told of could go.
    fn make_room(&mut self) -> bool {
        let untold = self.0.iter().filter(|(_, held)| !is_told(&held.alert));
        let oldest = untold.min_by_key(|(_, held)| held.changed_at_ms).map(|(key, _)| key.clone());
        oldest.is_some_and(|key| self.0.remove(&key).is_some())
    }
}

fn is_told(alert: &Alert) -> bool {
    matches!(alert.state, AlertState::Firing | AlertState::Resolved)
}

/// The alert after what was told. An end is of now: who counts from it must not forget it before it was told.
fn next(before: Option<&Alert>, told: &ExternalAlert, now_ms: i64) -> Alert {
    let firing = before.filter(|b| b.state == AlertState::Firing);
    let state = match (told.condition, firing) {
        (Condition::Firing, _) | (Condition::Unknown, Some(_)) => AlertState::Firing,
        (Condition::Unknown, None) => AlertState::Pending,
        (Condition::Resolved, Some(_)) => AlertState::Resolved,
        (Condition::Resolved, None) => AlertState::Inactive,
    };
    let since_ms = told.changed_at_ms.min(now_ms);
    Alert {
        fingerprint: fingerprint::hex(&told.labels),
        name: told.labels.get("alertname").unwrap_or_default().to_owned(),
        labels: told.labels.clone(),
        annotations: told.annotations.with(TOLD_STATE, &told.told_state),
        state,
        active_at_ms: firing.map_or(since_ms, |b| b.active_at_ms),
        fired_at_ms: firing.map_or((state == AlertState::Firing).then_some(now_ms), |b| b.fired_at_ms),
        resolved_at_ms: (state == AlertState::Resolved).then_some(now_ms),
        value: 0.0,
        expr: String::new(),
        for_ms: 0,
        runbook: told
            .annotations
            .get("runbook_url")
            .and_then(|url| url.split_once("/runbooks/"))
            .map(|(_, slug)| slug.to_owned()),
        evidence: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(condition: Condition, changed_at_ms: i64) -> ExternalAlert {
        ExternalAlert {
            key: "arn:of:the:alarm".to_owned(),
            labels: Labels::from_pairs([("alertname", "copy-lags"), ("severity", "warning")]),
            annotations: Labels::from_pairs([("runbook_url", "/runbooks/guides/cloud")]),
            condition,
            told_state: format!("{condition:?}"),
            changed_at_ms,
        }
    }

    fn states(all: &[Alert]) -> Vec<AlertState> {
        all.iter().map(|a| a.state).collect()
    }

    fn shown(all: &ExternalAlerts, now_ms: i64) -> Vec<AlertState> {
        all.shown(now_ms).map(|a| a.state).collect()
    }

    #[test]
    fn an_alert_begins_goes_on_and_ends() {
        let mut all = ExternalAlerts::default();
        let first = all.take(told(Condition::Firing, 1_000), 2_000, 9).unwrap();
        assert_eq!(states(&first), [AlertState::Firing]);
        assert_eq!((first[0].active_at_ms, first[0].fired_at_ms), (1_000, Some(2_000)));
        assert_eq!(first[0].runbook.as_deref(), Some("guides/cloud"));
        // Nobody knows whether it is over: it is not.
        let unknown = all.take(told(Condition::Unknown, 3_000), 3_000, 9).unwrap();
        assert_eq!((states(&unknown), unknown[0].active_at_ms), (vec![AlertState::Firing], 1_000));
        assert_eq!(unknown[0].annotations.get(TOLD_STATE), Some("Unknown"));
        let over = all.take(told(Condition::Resolved, 4_000), 5_000, 9).unwrap();
        assert_eq!((states(&over), over[0].resolved_at_ms), (vec![AlertState::Resolved], Some(5_000)));
        assert_eq!(shown(&all, 5_000 + RESOLVED_RETENTION_MS), [AlertState::Resolved]);
        assert_eq!(shown(&all, 5_001 + RESOLVED_RETENTION_MS), []);
    }

    #[test]
    fn what_comes_twice_or_late_changes_nothing() {
        let mut all = ExternalAlerts::default();
        all.take(told(Condition::Firing, 1_000), 1_000, 9).unwrap();
        assert_eq!(all.take(told(Condition::Firing, 1_000), 1_500, 9).unwrap(), []);
        all.take(told(Condition::Resolved, 2_000), 2_000, 9).unwrap();
        let before = all.clone();
        assert_eq!(all.take(told(Condition::Firing, 1_999), 3_000, 9).unwrap(), []);
        assert_eq!(all, before);
        // Its end is remembered longer than a message may be on its way.
        all.take(told(Condition::Firing, 1_500), 2_000 + ORDER_RETENTION_MS, 9).unwrap();
        assert_eq!(shown(&all, 2_000), [AlertState::Resolved]);
    }

    #[test]
    fn what_nobody_knows_is_shown_and_told_to_nobody() {
        let mut all = ExternalAlerts::default();
        assert_eq!(all.take(told(Condition::Unknown, 1), 1, 9).unwrap(), []);
        assert_eq!((shown(&all, 1), all.told(1)), (vec![AlertState::Pending], Vec::new()));
        assert_eq!(all.take(told(Condition::Resolved, 2), 2, 9).unwrap(), []);
        assert_eq!(shown(&all, 2), []);
        // An end without a beginning.
        let mut other = ExternalAlerts::default();
        assert_eq!(other.take(told(Condition::Resolved, 2), 2, 9).unwrap(), []);
        assert_eq!(other.take(told(Condition::Firing, 1), 3, 9).unwrap(), []);
        assert_eq!(shown(&other, 3), []);
    }

    #[test]
    fn under_other_labels_the_one_that_was_told_ends() {
        let mut all = ExternalAlerts::default();
        let first = all.take(told(Condition::Firing, 1), 1, 9).unwrap();
        let mut other = told(Condition::Resolved, 2);
        other.labels = Labels::from_pairs([("alertname", "copy-lags"), ("severity", "critical")]);
        let batch = all.take(other, 2, 9).unwrap();
        assert_eq!(states(&batch), [AlertState::Resolved, AlertState::Resolved]);
        assert_eq!(batch[0].fingerprint, first[0].fingerprint);
        assert_ne!(batch[1].fingerprint, first[0].fingerprint);
    }

    #[test]
    fn there_are_no_more_than_the_limit_and_ends_make_room() {
        let mut all = ExternalAlerts::default();
        all.take(told(Condition::Firing, 1), 1, 1).unwrap();
        let other = || ExternalAlert { key: "other".to_owned(), ..told(Condition::Firing, 2) };
        let error = all.take(other(), 2, 1).unwrap_err();
        assert_eq!(error.to_string(), "1 alerts of others are held: copy-lags is not taken");
        all.take(told(Condition::Resolved, 3), 3, 1).unwrap();
        let batch = all.take(other(), 4 + ORDER_RETENTION_MS, 1).unwrap();
        assert_eq!(states(&batch), [AlertState::Firing]);
    }

    #[test]
    fn what_nobody_knows_any_more_is_forgotten_after_a_day() {
        let mut all = ExternalAlerts::default();
        all.take(told(Condition::Unknown, 1_000), 1_000, 9).unwrap();
        assert_eq!(shown(&all, 1_000 + UNKNOWN_RETENTION_MS), [AlertState::Pending]);
        assert_eq!(shown(&all, 1_001 + UNKNOWN_RETENTION_MS), []);
        let other = ExternalAlert { key: "other".to_owned(), ..told(Condition::Firing, 2_000) };
        all.take(other, 1_001 + UNKNOWN_RETENTION_MS, 9).unwrap();
        assert_eq!(all.0.keys().collect::<Vec<_>>(), ["other"]);
    }

    #[test]
    fn alarms_without_data_keep_no_firing_one_out() {
        let mut all = ExternalAlerts::default();
        let of =
            |key: &str, condition, at_ms| ExternalAlert { key: key.to_owned(), ..told(condition, at_ms) };
        for (key, condition, at_ms) in [
            ("old", Condition::Unknown, 1),
            ("older", Condition::Resolved, 0),
            ("fires", Condition::Firing, 2),
        ] {
            all.take(of(key, condition, at_ms), 9, 3).unwrap();
        }
        for key in ["b", "c"] {
            assert_eq!(states(&all.take(of(key, Condition::Firing, 3), 9, 3).unwrap()), [AlertState::Firing]);
        }
        assert_eq!(all.0.keys().collect::<Vec<_>>(), ["b", "c", "fires"]);
        assert!(all.take(of("d", Condition::Firing, 4), 9, 3).is_err());
    }
}
