//! The state machine of one alerting rule. Pure: takes samples and the time, answers series to write.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    alert::AlertState,
    fingerprint::fingerprint,
    labels::METRIC_NAME,
    metric::{Point, Sample},
};

use crate::rules::{
    expand::{ExternalData, expand},
    file::{RuleKind, RuleSpec},
};

/// How long a resolved alert is kept, so that its resolution cannot get lost (rules/alerting.go `resolvedRetention`).
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// One alert of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveAlert {
    pub labels: Labels,
    pub annotations: Labels,
    /// `Inactive` here means resolved, within the retention.
    pub state: AlertState,
    pub value: f64,
    pub active_at_ms: i64,
    pub fired_at_ms: Option<i64>,
    pub resolved_at_ms: Option<i64>,
    pub keep_firing_since_ms: Option<i64>,
}

/// An alerting rule with its alerts.
#[derive(Clone, Debug)]
pub struct AlertRule {
    pub spec: RuleSpec,
    for_ms: i64,
    keep_firing_for_ms: i64,
    active: BTreeMap<u64, ActiveAlert>,
    restored: bool,
}

/// What to write: the series' labels and its value now.
pub type Written = (Labels, Point);

impl AlertRule {
    /// `spec` must be of an alerting rule; `for` and `keep_firing_for` are zero otherwise.
    pub fn new(spec: RuleSpec) -> Self {
        let (for_ms, keep_firing_for_ms) = match spec.kind {
            RuleKind::Alerting { for_ms, keep_firing_for_ms } => (for_ms, keep_firing_for_ms),
            RuleKind::Recording => (0, 0),
        };
        Self { spec, for_ms, keep_firing_for_ms, active: BTreeMap::new(), restored: false }
    }

    pub fn for_ms(&self) -> i64 {
        self.for_ms
    }

    pub fn keep_firing_for_ms(&self) -> i64 {
        self.keep_firing_for_ms
    }

    pub fn active(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.active.values()
    }

    pub(crate) fn active_mut(&mut self) -> impl Iterator<Item = &mut ActiveAlert> {
        self.active.values_mut()
    }

    /// Until then no `ALERTS_FOR_STATE` is written, so that what a restart must read is not overwritten.
    pub fn set_restored(&mut self) {
        self.restored = true;
    }

    /// Whether an alert with these labels is pending or firing.
    pub fn holds(&self, labels: &Labels) -> bool {
        self.active.get(&fingerprint(labels)).is_some_and(|a| a.state != AlertState::Inactive)
    }

    /// One evaluation: the expression's vector at `now_ms`. Answers the `ALERTS` and `ALERTS_FOR_STATE` samples.
    pub fn evaluate(
        &mut self,
        vector: &[(Labels, Sample)],
        now_ms: i64,
        external: &ExternalData,
        limit: usize,
    ) -> Result<Vec<Written>, String> {
        let seen = self.instances(vector, now_ms, external)?;
        for (fp, fresh) in &seen {
            match self.active.get_mut(fp) {
                Some(known) if known.state != AlertState::Inactive => {
                    known.value = fresh.value;
                    known.annotations = fresh.annotations.clone();
                }
                _ => {
                    self.active.insert(*fp, fresh.clone());
                }
            }
        }
        let mut written = Vec::new();
        let mut count = 0;
        let (for_ms, keep_ms, restored) = (self.for_ms, self.keep_firing_for_ms, self.restored);
        self.active.retain(|fp, alert| {
            if seen.contains_key(fp) {
                alert.keep_firing_since_ms = None;
            } else if !keeps_firing(alert, now_ms, keep_ms) {
                let kept = resolve(alert, now_ms);
                return kept;
            }
            count += 1;
            if alert.state == AlertState::Pending && now_ms - alert.active_at_ms >= for_ms {
                alert.state = AlertState::Firing;
                alert.fired_at_ms = Some(now_ms);
            }
            if restored {
                written.extend(series_of(alert));
            }
            true
        });
        if limit > 0 && count > limit {
            self.active.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        Ok(written)
    }

    fn instances(
        &self,
        vector: &[(Labels, Sample)],
        now_ms: i64,
        external: &ExternalData,
    ) -> Result<BTreeMap<u64, ActiveAlert>, String> {
        let mut seen = BTreeMap::new();
        for (series, sample) in vector {
            let plain = series.filter(|name| name != METRIC_NAME);
            let text = |name: &str, template: &str| expand(name, template, &plain, sample.v, external);
            let own = self.spec.labels.iter().map(|(k, v)| (k.clone(), text(k, v)));
            let labels = Labels::from_pairs(
                plain
                    .iter()
                    .map(|l| (l.name.to_string(), l.value.to_string()))
                    .chain(own)
                    .chain([("alertname".to_owned(), self.spec.name.clone())]),
            );
            let annotations =
                Labels::from_pairs(self.spec.annotations.iter().map(|(k, v)| (k.clone(), text(k, v))));
            let alert = ActiveAlert {
                labels: labels.clone(),
                annotations,
                state: AlertState::Pending,
                value: sample.v,
                active_at_ms: now_ms,
                fired_at_ms: None,
                resolved_at_ms: None,
                keep_firing_since_ms: None,
            };
            if seen.insert(fingerprint(&labels), alert).is_some() {
                return Err(
                    "vector contains metrics with the same labelset after applying alert labels".to_owned()
                );
            }
        }
        Ok(seen)
    }
}

/// The expression stopped holding: does `keep_firing_for` still carry the alert?
fn keeps_firing(alert: &mut ActiveAlert, now_ms: i64, keep_ms: i64) -> bool {
    if alert.state != AlertState::Firing || keep_ms == 0 {
        return false;
    }
    let since = *alert.keep_firing_since_ms.get_or_insert(now_ms);
    now_ms - since < keep_ms
}

/// Resolves an alert; answers whether it is still kept.
fn resolve(alert: &mut ActiveAlert, now_ms: i64) -> bool {
    if alert.state == AlertState::Pending
        || alert.resolved_at_ms.is_some_and(|at| now_ms - at > RESOLVED_RETENTION_MS)
    {
        return false;
    }
    if alert.state != AlertState::Inactive {
        alert.state = AlertState::Inactive;
        alert.resolved_at_ms = Some(now_ms);
    }
    true
}

fn series_of(alert: &ActiveAlert) -> [Written; 2] {
    let state = if alert.state == AlertState::Firing { "firing" } else { "pending" };
    let alerts = alert.labels.with(METRIC_NAME, "ALERTS").with("alertstate", state);
    let for_state = alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE");
    let active_at_s = alert.active_at_ms.div_euclid(1000) as f64;
    [(alerts, Point::Float(1.0)), (for_state, Point::Float(active_at_s))]
}
