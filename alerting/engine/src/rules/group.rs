//! One rule group: evaluates its rules in order and writes what they produce (rules/group.go `Eval`).

use std::{collections::HashSet, time::Duration};

use console_model::{
    Labels,
    alert::{AlertState, RuleAlert, RuleDetail, RuleGroupStatus, RuleStatus},
    labels::METRIC_NAME,
    metric::{HistogramSample, Point, QueryValue, Sample, stale_nan},
};
use console_storage::{
    metrics::{SampleAppender, SeriesBatch},
    source::MetricsSource,
};

use crate::rules::{
    alerting::{ActiveAlert, AlertRule, Written},
    expand::ExternalData,
    file::{GroupSpec, RuleKind, RuleSpec},
    restore::{self, RestoreConfig},
};

/// A rule at run time.
#[derive(Debug)]
pub enum Rule {
    Recording(RuleSpec),
    Alerting(AlertRule),
}

/// What the last evaluation of a rule came to.
#[derive(Clone, Debug, Default)]
struct Health {
    last_error: Option<String>,
    last_evaluation_ms: i64,
    evaluation_us: u64,
    /// Series written by the last good evaluation, to mark those that vanish as stale.
    written: HashSet<Labels>,
}

/// A group with the state of its rules.
#[derive(Debug)]
pub struct RuleGroup {
    pub spec: GroupSpec,
    rules: Vec<(Rule, Health)>,
    /// 0 before the first one.
    last_evaluation_ms: i64,
    evaluation_us: u64,
}

/// What evaluation reads and writes.
pub struct Evaluation<'a> {
    pub metrics: &'a dyn MetricsSource,
    pub appender: &'a dyn SampleAppender,
    pub external: &'a ExternalData,
    pub query_timeout: Duration,
}

impl RuleGroup {
    pub fn new(spec: GroupSpec) -> Self {
        let rule = |r: &RuleSpec| match r.kind {
            RuleKind::Recording => Rule::Recording(r.clone()),
            RuleKind::Alerting { .. } => Rule::Alerting(AlertRule::new(r.clone())),
        };
        let rules = spec.rules.iter().map(|r| (rule(r), Health::default())).collect();
        Self { spec, rules, last_evaluation_ms: 0, evaluation_us: 0 }
    }

    /// Evaluates every rule at `now_ms`. A rule that fails keeps its error and its state; the others go on.
    /// Answers how many failed.
    pub async fn evaluate(&mut self, now_ms: i64, with: &Evaluation<'_>) -> usize {
        let begun = std::time::Instant::now();
        let mut failures = 0;
        let at_ms = now_ms - self.spec.query_offset_ms;
        for (rule, health) in &mut self.rules {
            let started = std::time::Instant::now();
            let result = evaluate_rule(rule, at_ms, now_ms, self.spec.limit, with).await;
            health.last_evaluation_ms = now_ms;
            let outcome = result.and_then(|samples| write(health, samples, now_ms, with.appender));
            health.evaluation_us = started.elapsed().as_micros() as u64;
            failures += usize::from(outcome.is_err());
            if let Err(error) = &outcome
                && health.last_error.as_ref() != Some(error)
            {
                tracing::warn!(group = %self.spec.name, rule = name_of(rule), %error, "rule evaluation failed");
            }
            health.last_error = outcome.err();
        }
        self.last_evaluation_ms = now_ms;
        self.evaluation_us = begun.elapsed().as_micros() as u64;
        failures
    }

    /// Restores the `for` state of the group's alerts; after the first evaluations, as Prometheus does.
    pub async fn restore(&mut self, metrics: &dyn MetricsSource, now_ms: i64, config: RestoreConfig) {
        for (rule, _) in &mut self.rules {
            if let Rule::Alerting(rule) = rule {
                restore::restore(rule, metrics, now_ms, config).await;
            }
        }
    }

    pub fn alert_rules(&self) -> impl Iterator<Item = &AlertRule> {
        self.rules.iter().filter_map(|(rule, _)| match rule {
            Rule::Alerting(rule) => Some(rule),
            Rule::Recording(_) => None,
        })
    }

    /// The group as pages and APIs show it.
    pub fn status(&self, interval_ms: i64) -> RuleGroupStatus {
        let detail = |(rule, health): &(Rule, Health)| {
            let (keep_firing_for_ms, alerts) = match rule {
                Rule::Recording(_) => (0, Vec::new()),
                Rule::Alerting(rule) => {
                    let active = rule.active().filter(|a| a.state != AlertState::Inactive);
                    (rule.keep_firing_for_ms(), active.map(to_rule_alert).collect())
                }
            };
            RuleDetail { status: self.status_of(rule, health), keep_firing_for_ms, alerts }
        };
        RuleGroupStatus {
            name: self.spec.name.clone(),
            file: self.spec.file.clone(),
            interval_ms,
            limit: self.spec.limit,
            last_evaluation_ms: self.last_evaluation_ms,
            evaluation_us: self.evaluation_us,
            rules: self.rules.iter().map(detail).collect(),
        }
    }

    fn status_of(&self, rule: &Rule, health: &Health) -> RuleStatus {
        let (spec, for_ms, state) = match rule {
            Rule::Recording(spec) => (spec, 0, AlertState::Inactive),
            Rule::Alerting(rule) => {
                let held = |s: AlertState| rule.active().any(|a| a.state == s);
                let state = if held(AlertState::Firing) {
                    AlertState::Firing
                } else if held(AlertState::Pending) {
                    AlertState::Pending
                } else {
                    AlertState::Inactive
                };
                (&rule.spec, rule.for_ms(), state)
            }
        };
        RuleStatus {
            group: self.spec.name.clone(),
            file: self.spec.file.clone(),
            name: spec.name.clone(),
            is_recording: matches!(rule, Rule::Recording(_)),
            expr: spec.expr.clone(),
            for_ms,
            labels: Labels::from_pairs(&spec.labels),
            annotations: Labels::from_pairs(&spec.annotations),
            state,
            last_error: health.last_error.clone(),
            last_evaluation_ms: health.last_evaluation_ms,
            evaluation_us: health.evaluation_us,
        }
    }
}

fn to_rule_alert(alert: &ActiveAlert) -> RuleAlert {
    RuleAlert {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        state: alert.state,
        active_at_ms: alert.active_at_ms,
        keep_firing_since_ms: alert.keep_firing_since_ms,
        value: alert.value,
    }
}

fn name_of(rule: &Rule) -> &str {
    match rule {
        Rule::Recording(spec) => &spec.name,
        Rule::Alerting(rule) => &rule.spec.name,
    }
}

async fn evaluate_rule(
    rule: &mut Rule,
    at_ms: i64,
    now_ms: i64,
    limit: usize,
    with: &Evaluation<'_>,
) -> Result<Vec<Written>, String> {
    let expr = match rule {
        Rule::Recording(spec) => &spec.expr,
        Rule::Alerting(rule) => &rule.spec.expr,
    };
    let answer = tokio::time::timeout(with.query_timeout, with.metrics.query(expr, at_ms)).await;
    let answer = answer.map_err(|_| "query timed out".to_owned())?.map_err(|e| e.to_string())?;
    let vector = match answer.value {
        QueryValue::Vector(vector) => vector.into_iter().map(|(l, s)| (l, Point::Float(s.v))).collect(),
        QueryValue::PointVector { elements, .. } => elements,
        QueryValue::Scalar(sample) => vec![(Labels::default(), Point::Float(sample.v))],
        QueryValue::String { .. } | QueryValue::Matrix(_) | QueryValue::PointMatrix(_) => {
            return Err("rule result is not a vector or scalar".to_owned());
        }
    };
    match rule {
        Rule::Alerting(rule) => {
            // As in Prometheus, an alert on a native histogram has the value 0.
            let float = |(labels, point)| match point {
                Point::Float(v) => (labels, Sample { t_ms: at_ms, v }),
                Point::Histogram(_) => (labels, Sample { t_ms: at_ms, v: 0.0 }),
            };
            let vector: Vec<(Labels, Sample)> = vector.into_iter().map(float).collect();
            rule.evaluate(&vector, now_ms, with.external, limit)
        }
        Rule::Recording(spec) => record(spec, vector, limit),
    }
}

fn record(spec: &RuleSpec, vector: Vec<Written>, limit: usize) -> Result<Vec<Written>, String> {
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(vector.len());
    for (labels, point) in vector {
        let own = spec.labels.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let series = Labels::from_pairs(
            labels
                .iter()
                .map(|l| (&*l.name, &*l.value))
                .chain(own)
                .chain([(METRIC_NAME, spec.name.as_str())]),
        );
        if !seen.insert(series.clone()) {
            return Err(
                "vector contains metrics with the same labelset after applying rule labels".to_owned()
            );
        }
        out.push((series, point));
    }
    if limit > 0 && out.len() > limit {
        return Err(format!("exceeded limit of {limit} with {} series", out.len()));
    }
    Ok(out)
}

/// Writes the samples, and staleness markers for series that the rule no longer produces.
fn write(
    health: &mut Health,
    samples: Vec<Written>,
    now_ms: i64,
    appender: &dyn SampleAppender,
) -> Result<(), String> {
    let current: HashSet<Labels> = samples.iter().map(|(l, _)| l.clone()).collect();
    let stale = health.written.difference(&current).map(|l| (l.clone(), Point::Float(stale_nan())));
    let one = |(labels, point): Written| match point {
        Point::Float(v) => SeriesBatch::floats(labels, vec![Sample { t_ms: now_ms, v }]),
        Point::Histogram(h) => {
            let histograms = vec![HistogramSample { t_ms: now_ms, h }];
            SeriesBatch { labels, histograms, ..SeriesBatch::default() }
        }
    };
    let batch: Vec<SeriesBatch> = stale.chain(samples).map(one).collect();
    health.written = current;
    if batch.is_empty() {
        return Ok(());
    }
    match appender.append(&batch) {
        Ok((outcome, Some(first))) if outcome.rejected > 0 => {
            Err(format!("{} samples were rejected: {first}", outcome.rejected))
        }
        Ok(_) => Ok(()),
        Err(e) => Err(format!("could not write: {e}")),
    }
}
