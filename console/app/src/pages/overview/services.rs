//! One row a service: is it there, how busy, how many failures, how slow, which version.

use std::collections::{BTreeMap, BTreeSet};

use console_model::alert::{Alert, AlertState};
use console_ui::Tone;

use crate::{
    pages::{
        sample::{self, Asked},
        severity::{concerns_someone, severity_tone},
    },
    view::chart_series::Steps,
};

/// A share of 5xx above which the number is marked; the alert itself has its own rule.
const ERRORS_MARKED: f64 = 0.01;

/// A line and its newest value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    pub values: Vec<Option<f64>>,
    /// None when the newest two points are missing: what is older is not now.
    pub now: Option<f64>,
}

impl Trend {
    fn of(values: Option<Vec<Option<f64>>>) -> Self {
        let values = values.unwrap_or_default();
        let now = values.iter().rev().take(2).flatten().next().copied();
        Self { values, now }
    }
}

/// All that one row shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRow {
    pub name: String,
    pub up: Option<u64>,
    /// Targets that should answer.
    pub expected: Option<u64>,
    /// Versions with how many instances run them.
    pub versions: Vec<(String, u64)>,
    pub rate: Trend,
    pub errors: Trend,
    pub p95: Trend,
    /// Names of firing alerts with their severity's colour.
    pub firing: Vec<(String, Tone)>,
}

impl ServiceRow {
    /// The row's state as colour and word. Without data it is not healthy.
    pub fn state(&self) -> (Tone, &'static str) {
        let is_bad = self.firing.iter().any(|(_, tone)| *tone == Tone::Bad);
        match (self.up, self.expected) {
            (Some(0), _) => (Tone::Bad, "down"),
            _ if is_bad => (Tone::Bad, "failing"),
            (Some(up), Some(expected)) if up < expected => (Tone::Warn, "degraded"),
            _ if !self.firing.is_empty() => (Tone::Warn, "warning"),
            (None, _) => (Tone::Neutral, "no data"),
            _ => (Tone::Ok, "healthy"),
        }
    }

    pub fn has_errors(&self) -> bool {
        self.errors.now.is_some_and(|v| v > ERRORS_MARKED)
    }
}

/// The answers that rows are made of.
pub struct Signals {
    pub rate: Asked,
    pub errors: Asked,
    pub p95: Asked,
    pub up: Asked,
    pub expected: Asked,
    pub versions: Asked,
}

/// Rows by name: every job that any answer names.
pub fn rows(signals: &Signals, alerts: &[Alert], steps: Steps) -> Vec<ServiceRow> {
    let mut rate = sample::lines_by_job(&signals.rate, steps);
    let mut errors = sample::lines_by_job(&signals.errors, steps);
    let mut p95 = sample::lines_by_job(&signals.p95, steps);
    let (up, expected) = (sample::by_job(&signals.up), sample::by_job(&signals.expected));
    let mut versions = running_versions(&signals.versions);
    let names: BTreeSet<String> = rate.keys().chain(up.keys()).chain(versions.keys()).cloned().collect();
    let row = |name: String| ServiceRow {
        up: up.get(&name).map(|v| *v as u64),
        expected: expected.get(&name).map(|v| *v as u64),
        versions: versions.remove(&name).unwrap_or_default(),
        rate: Trend::of(rate.remove(&name)),
        errors: Trend::of(errors.remove(&name)),
        p95: Trend::of(p95.remove(&name)),
        firing: firing(alerts, &name),
        name,
    };
    names.into_iter().map(row).collect()
}

fn firing(alerts: &[Alert], service: &str) -> Vec<(String, Tone)> {
    let of_service =
        |a: &&Alert| a.state == AlertState::Firing && concerns_someone(a) && a.service() == Some(service);
    alerts.iter().filter(of_service).map(|a| (a.name.clone(), severity_tone(a.severity()))).collect()
}

/// Versions by job with how many instances report each: the answer of `count by (job, version) (shop_build_info)`.
pub fn running_versions(asked: &Asked) -> BTreeMap<String, Vec<(String, u64)>> {
    let mut found: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for (labels, count) in asked.as_ref().map(sample::values).unwrap_or_default() {
        if let (Some(job), Some(version)) = (labels.get("job"), labels.get("version")) {
            found.entry(job.to_owned()).or_default().push((version.to_owned(), count as u64));
        }
    }
    for versions in found.values_mut() {
        versions.sort();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::{alert, answer};

    const STEPS: Steps = Steps { start_ms: 0, end_ms: 30_000, step_ms: 10_000 };

    fn signals(up: f64) -> Signals {
        let nothing = || Ok(answer(&[]));
        Signals {
            rate: nothing(),
            errors: nothing(),
            p95: nothing(),
            up: Ok(answer(&[(&[("job", "payments")], up)])),
            expected: Ok(answer(&[(&[("job", "payments")], 2.0)])),
            versions: Ok(answer(&[
                (&[("job", "payments"), ("version", "1.1")], 1.0),
                (&[("job", "ghost"), ("version", "1.0")], 1.0),
            ])),
        }
    }

    #[test]
    fn a_service_is_as_bad_as_its_worst_sign() {
        let state = |up: f64, alerts: &[Alert]| rows(&signals(up), alerts, STEPS)[1].state().1;
        assert_eq!(state(2.0, &[]), "healthy");
        assert_eq!(state(1.0, &[]), "degraded");
        assert_eq!(state(0.0, &[]), "down");
        assert_eq!(state(2.0, &[alert("PaymentFailures", AlertState::Firing)]), "failing");
        assert_eq!(state(2.0, &[alert("PaymentFailures", AlertState::Resolved)]), "healthy");
    }

    #[test]
    fn a_service_that_is_not_scraped_has_no_data() {
        let rows = rows(&signals(2.0), &[], STEPS);
        assert_eq!((rows[0].name.as_str(), rows[0].state().1), ("ghost", "no data"));
        assert_eq!(rows[1].versions, [("1.1".to_owned(), 1)]);
    }

    #[test]
    fn an_old_point_is_not_now() {
        assert_eq!(Trend::of(Some(vec![Some(1.0), Some(2.0), None])).now, Some(2.0));
        assert_eq!(Trend::of(Some(vec![Some(1.0), None, None])).now, None);
        assert_eq!(Trend::of(None).now, None);
    }
}
