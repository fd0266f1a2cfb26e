//! Whether anything is wrong, and whether that can be known.

use console_model::{
    alert::{Alert, AlertState, RuleStatus},
    metric::QueryAnswer,
};
use console_storage::SourceError;

use crate::{
    pages::{sample, severity::concerns_someone},
    view::format,
};

/// Rules and targets that are silent for longer say nothing any more.
const FRESH_MS: i64 = 60_000;

/// What the top of the page says.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Firing alerts that concern somebody, as the source orders them.
    pub firing: Vec<Alert>,
    /// Why "nothing fires" would not be known; empty: it is.
    pub blind: Vec<String>,
    /// Alert rules that are evaluated.
    pub rules: usize,
    /// Of the last evaluation.
    pub checked_at_ms: Option<i64>,
}

impl Watch {
    /// `scraped_at` is the answer of `max(timestamp(up))`.
    pub fn of(
        alerts: Result<Vec<Alert>, SourceError>,
        rules: Result<Vec<RuleStatus>, SourceError>,
        scraped_at: &Result<QueryAnswer, SourceError>,
        now_ms: i64,
    ) -> Self {
        let mut blind = Vec::new();
        let firing = alerts.unwrap_or_else(|error| {
            blind.push(format!("The state of alerts cannot be read: {error}."));
            Vec::new()
        });
        let firing =
            firing.into_iter().filter(|a| a.state == AlertState::Firing && concerns_someone(a)).collect();
        let (count, checked_at_ms) = match &rules {
            Ok(rules) => {
                let watching: Vec<&RuleStatus> = rules.iter().filter(|r| !r.is_recording).collect();
                blind.extend(silent_rules(&watching, now_ms));
                (watching.len(), watching.iter().map(|r| r.last_evaluation_ms).max().filter(|t| *t > 0))
            }
            Err(error) => {
                blind.push(format!("The alert rules cannot be read: {error}."));
                (0, None)
            }
        };
        blind.extend(silent_targets(scraped_at, now_ms));
        Self { firing, blind, rules: count, checked_at_ms }
    }
}

fn silent_rules(rules: &[&RuleStatus], now_ms: i64) -> Option<String> {
    let Some(last) = rules.iter().map(|r| r.last_evaluation_ms).max() else {
        return Some("No alert rule is loaded.".to_owned());
    };
    if last <= 0 {
        return Some("No alert rule has been evaluated yet.".to_owned());
    }
    if now_ms - last > FRESH_MS {
        return Some(format!("Alert rules were last evaluated {}.", format::ago(last, now_ms)));
    }
    let failing: Vec<&str> =
        rules.iter().filter(|r| r.last_error.is_some()).map(|r| r.name.as_str()).collect();
    (!failing.is_empty()).then(|| format!("Rules that cannot be evaluated: {}.", failing.join(", ")))
}

fn silent_targets(scraped_at: &Result<QueryAnswer, SourceError>, now_ms: i64) -> Option<String> {
    let answer = match scraped_at {
        Ok(answer) => answer,
        Err(error) => return Some(format!("It cannot be told whether targets are scraped: {error}.")),
    };
    let Some(last_s) = sample::values(answer).first().map(|(_, v)| *v) else {
        return Some("No target has been scraped in the last five minutes.".to_owned());
    };
    let last_ms = (last_s * 1000.0) as i64;
    (now_ms - last_ms > FRESH_MS)
        .then(|| format!("Targets were last scraped {}.", format::ago(last_ms, now_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::testing::{alert, answer, rule};

    const NOW: i64 = 1_800_000_000_000;

    fn scraped(ago_ms: i64) -> Result<QueryAnswer, SourceError> {
        Ok(answer(&[(&[], (NOW - ago_ms) as f64 / 1000.0)]))
    }

    #[test]
    fn quiet_needs_fresh_rules_and_fresh_targets() {
        let watch = Watch::of(Ok(vec![]), Ok(vec![rule("A", NOW - 2_000)]), &scraped(2_000), NOW);
        assert_eq!((watch.firing.len(), watch.blind.len(), watch.rules), (0, 0, 1));
        let stale = Watch::of(Ok(vec![]), Ok(vec![rule("A", NOW - 90_000)]), &scraped(600_000), NOW);
        assert_eq!(
            stale.blind,
            ["Alert rules were last evaluated 90 s ago.", "Targets were last scraped 10 min ago."]
        );
    }

    #[test]
    fn what_cannot_be_read_is_blind_and_not_quiet() {
        let down = || SourceError::Unavailable { backend: "alerts".into(), reason: "refused".into() };
        let watch = Watch::of(Err(down()), Err(down()), &Err(SourceError::Timeout), NOW);
        assert_eq!(watch.blind.len(), 3);
        let nothing = Watch::of(Ok(vec![]), Ok(vec![]), &Ok(answer(&[])), NOW);
        assert_eq!(
            nothing.blind,
            ["No alert rule is loaded.", "No target has been scraped in the last five minutes."]
        );
    }

    #[test]
    fn a_dead_mans_switch_is_no_trouble() {
        let mut switch = alert("DeadMansSwitch", AlertState::Firing);
        switch.labels = switch.labels.with("severity", "none");
        let real = alert("ServiceDown", AlertState::Firing);
        let watch = Watch::of(
            Ok(vec![switch, real, alert("Soon", AlertState::Pending)]),
            Ok(vec![rule("A", NOW)]),
            &scraped(0),
            NOW,
        );
        assert_eq!(watch.firing.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["ServiceDown"]);
    }
}
