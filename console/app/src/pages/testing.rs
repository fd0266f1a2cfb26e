//! Values that tests of pages start from.

use console_model::{
    Labels,
    alert::{Alert, AlertState, Evidence, RuleStatus},
    deploy::DeployCommit,
    metric::{QueryAnswer, QueryStats, QueryValue, Sample},
};

pub fn alert(name: &str, state: AlertState) -> Alert {
    Alert {
        fingerprint: "0123456789abcdef".to_owned(),
        name: name.to_owned(),
        labels: Labels::from_pairs([("alertname", name), ("severity", "critical"), ("service", "payments")]),
        annotations: Labels::default(),
        state,
        active_at_ms: 1_000_000,
        fired_at_ms: None,
        resolved_at_ms: None,
        value: 1.0,
        expr: "up == 0".to_owned(),
        for_ms: 0,
        runbook: None,
        evidence: Evidence::default(),
    }
}

pub fn rule(name: &str, last_evaluation_ms: i64) -> RuleStatus {
    RuleStatus {
        group: "g".to_owned(),
        file: "f.yml".to_owned(),
        name: name.to_owned(),
        is_recording: false,
        expr: "up == 0".to_owned(),
        for_ms: 0,
        labels: Labels::from_pairs([("severity", "critical"), ("service", "{{ $labels.job }}")]),
        annotations: Labels::default(),
        state: AlertState::Inactive,
        last_error: None,
        last_evaluation_ms,
        evaluation_us: 12,
    }
}

/// A vector.
pub fn answer(samples: &[(&[(&str, &str)], f64)]) -> QueryAnswer {
    let samples =
        samples.iter().map(|(l, v)| (Labels::from_pairs(l.iter().copied()), Sample { t_ms: 0, v: *v }));
    QueryAnswer {
        value: QueryValue::Vector(samples.collect()),
        warnings: Vec::new(),
        infos: Vec::new(),
        stats: QueryStats::default(),
    }
}

pub fn commit(sha: &str, at_ms: i64, services: &[&str]) -> DeployCommit {
    DeployCommit {
        sha: sha.to_owned(),
        author: "Kim".to_owned(),
        at_ms,
        subject: format!("deploy {sha}"),
        body: String::new(),
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        files: Vec::new(),
        url: None,
    }
}
