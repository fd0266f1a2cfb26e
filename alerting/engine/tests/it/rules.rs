//! Prometheus' semantics of rules, with time moved by hand.

use std::{path::Path, time::Duration};

use alerting_engine::rules::{
    NameValidation, RuleGroup, expand::ExternalData, file, group::Evaluation, restore::RestoreConfig,
};
use console_model::{alert::AlertState, metric::is_stale_nan};

use crate::fakes::FakeMetrics;

const RULES: &str = r"
groups:
  - name: g
    interval: 2s
    rules:
      - alert: High
        expr: errors > 1
        for: 10s
        keep_firing_for: 4s
        labels: { severity: critical, service: '{{ $labels.job }}' }
        annotations: { summary: '{{ $labels.job }} at {{ $value | humanizePercentage }}' }
      - record: job:errors
        expr: sum by (job) (errors)
        labels: { env: local }
";

fn group() -> RuleGroup {
    let specs = file::parse(Path::new("r.yml"), RULES, NameValidation::Utf8).expect("the rules are good");
    RuleGroup::new(specs.into_iter().next().expect("one group"))
}

async fn evaluate(group: &mut RuleGroup, metrics: &FakeMetrics, now_ms: i64) -> usize {
    let external = ExternalData::default();
    let query_timeout = Duration::from_secs(1);
    group
        .evaluate(now_ms, &Evaluation { metrics, appender: metrics, external: &external, query_timeout })
        .await
}

fn states(group: &RuleGroup) -> Vec<AlertState> {
    group.alert_rules().flat_map(|r| r.active().map(|a| a.state)).collect()
}

const NOW: RestoreConfig = RestoreConfig { outage_tolerance_ms: 3_600_000, grace_period_ms: 0 };

#[tokio::test]
async fn an_alert_is_pending_then_fires_then_is_kept_then_resolves() {
    let (mut group, metrics) = (group(), FakeMetrics::default());
    group.restore(&metrics, 0, NOW).await;
    metrics.set("errors > 1", &[(&[("__name__", "errors"), ("job", "orders")], 0.5)]);
    evaluate(&mut group, &metrics, 1_000).await;
    assert_eq!(states(&group), [AlertState::Pending]);
    evaluate(&mut group, &metrics, 10_999).await;
    assert_eq!(states(&group), [AlertState::Pending], "one millisecond before `for` is over");
    evaluate(&mut group, &metrics, 11_000).await;
    assert_eq!(states(&group), [AlertState::Firing]);
    let alert = group.alert_rules().flat_map(|r| r.active().cloned()).next().expect("the alert");
    assert_eq!(
        alert.labels.to_string(),
        r#"{alertname="High", job="orders", service="orders", severity="critical"}"#
    );
    assert_eq!(alert.annotations.get("summary"), Some("orders at 50%"));
    assert_eq!((alert.active_at_ms, alert.fired_at_ms), (1_000, Some(11_000)));

    metrics.set("errors > 1", &[]);
    evaluate(&mut group, &metrics, 13_000).await;
    evaluate(&mut group, &metrics, 16_999).await;
    assert_eq!(states(&group), [AlertState::Firing], "kept by keep_firing_for");
    evaluate(&mut group, &metrics, 17_000).await;
    assert_eq!(states(&group), [AlertState::Inactive], "resolved, within the retention");
    evaluate(&mut group, &metrics, 17_000 + 15 * 60_000).await;
    assert_eq!(states(&group), [AlertState::Inactive]);
    evaluate(&mut group, &metrics, 17_001 + 15 * 60_000).await;
    assert!(states(&group).is_empty(), "forgotten after the retention");
}

#[tokio::test]
async fn a_pending_alert_whose_expression_stops_holding_is_forgotten_at_once() {
    let (mut group, metrics) = (group(), FakeMetrics::default());
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    evaluate(&mut group, &metrics, 1_000).await;
    metrics.set("errors > 1", &[]);
    evaluate(&mut group, &metrics, 3_000).await;
    assert!(states(&group).is_empty());
}

#[tokio::test]
async fn alerts_and_recorded_series_are_written_and_marked_stale() {
    let (mut group, metrics) = (group(), FakeMetrics::default());
    group.restore(&metrics, 0, NOW).await;
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    metrics.set("sum by (job) (errors)", &[(&[("job", "orders")], 3.0)]);
    evaluate(&mut group, &metrics, 1_000).await;
    evaluate(&mut group, &metrics, 11_000).await;
    let pending = r#"ALERTS{alertname="High", alertstate="pending", job="orders", service="orders", severity="critical"}"#;
    let values = metrics.values(pending);
    assert!(values[0] == 1.0 && is_stale_nan(values[1]), "{values:?}");
    let for_state =
        r#"ALERTS_FOR_STATE{alertname="High", job="orders", service="orders", severity="critical"}"#;
    assert_eq!(metrics.values(for_state), [1.0, 1.0], "the second at which it became active");
    assert_eq!(metrics.values(r#"job:errors{env="local", job="orders"}"#), [3.0, 3.0]);
}

#[tokio::test]
async fn after_a_restart_the_alert_is_as_old_as_before() {
    let metrics = FakeMetrics::default();
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    let mut before = group();
    before.restore(&metrics, 0, NOW).await;
    for t in [1_000, 6_000] {
        evaluate(&mut before, &metrics, t).await;
    }
    // Down for a minute with five of the ten seconds spent: five remain.
    let mut after = group();
    evaluate(&mut after, &metrics, 66_000).await;
    after.restore(&metrics, 66_000, NOW).await;
    evaluate(&mut after, &metrics, 70_999).await;
    assert_eq!(states(&after), [AlertState::Pending]);
    evaluate(&mut after, &metrics, 71_000).await;
    assert_eq!(states(&after), [AlertState::Firing]);
}

#[tokio::test]
async fn with_prometheus_grace_period_short_rules_start_anew() {
    let metrics = FakeMetrics::default();
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    let mut before = group();
    before.restore(&metrics, 0, NOW).await;
    evaluate(&mut before, &metrics, 1_000).await;
    let mut after = group();
    evaluate(&mut after, &metrics, 66_000).await;
    let config = RestoreConfig { outage_tolerance_ms: 3_600_000, grace_period_ms: 600_000 };
    after.restore(&metrics, 66_000, config).await;
    evaluate(&mut after, &metrics, 75_999).await;
    assert_eq!(states(&after), [AlertState::Pending]);
}

#[tokio::test]
async fn a_failing_rule_keeps_its_error_and_its_alerts() {
    let (mut group, metrics) = (group(), FakeMetrics::default());
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    evaluate(&mut group, &metrics, 1_000).await;
    *metrics.failing.lock() = Some("store is gone".to_owned());
    assert_eq!(evaluate(&mut group, &metrics, 3_000).await, 2);
    let status = group.status(60_000);
    assert_eq!(status.rules[0].status.last_error.as_deref(), Some("store is gone"));
    assert_eq!(states(&group), [AlertState::Pending]);
    *metrics.failing.lock() = None;
    // Two samples that become one alert are an error, not one alert fewer.
    metrics.set(
        "errors > 1",
        &[(&[("__name__", "a"), ("job", "x")], 2.0), (&[("__name__", "b"), ("job", "x")], 2.0)],
    );
    evaluate(&mut group, &metrics, 5_000).await;
    assert!(
        group.status(60_000).rules[0]
            .status
            .last_error
            .as_deref()
            .is_some_and(|e| e.contains("same labelset"))
    );
}

#[tokio::test]
async fn a_group_tells_its_rules_and_their_alerts() {
    let (mut group, metrics) = (group(), FakeMetrics::default());
    assert_eq!(group.status(60_000).last_evaluation_ms, 0);
    metrics.set("errors > 1", &[(&[("job", "orders")], 2.0)]);
    evaluate(&mut group, &metrics, 1_000).await;
    let status = group.status(60_000);
    assert_eq!((status.interval_ms, status.last_evaluation_ms), (60_000, 1_000));
    assert_eq!(status.rules.len(), group.spec.rules.len());
    let alerts: Vec<_> = status.rules.iter().flat_map(|r| &r.alerts).collect();
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].state, alerts[0].value, alerts[0].active_at_ms), (AlertState::Pending, 2.0, 1_000));
    assert_eq!(alerts[0].labels.get("job"), Some("orders"));
}

#[test]
fn problems_name_file_line_and_field() {
    let text = "groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: rate(hi)\n        annotations:\n          summary: '{{ nope }}'\n      - record: bad{a=\"b\"}\n        expr: 1\n        for: 1m\n";
    let error =
        file::parse(Path::new("r.yml"), text, NameValidation::Utf8).expect_err("it is bad").to_string();
    for part in [
        "r.yml:5: groups[0].rules[0].expr",
        "r.yml:7: groups[0].rules[0].annotations.summary",
        "r.yml:8: groups[0].rules[1].record",
        "r.yml:10: groups[0].rules[1].for",
    ] {
        assert!(error.contains(part), "{part} in\n{error}");
    }
    let unknown = "groups:\n  - name: a\n    rules:\n      - alert: X\n        exprr: 1\n";
    let error =
        file::parse(Path::new("r.yml"), unknown, NameValidation::Utf8).expect_err("it is bad").to_string();
    assert!(error.contains("r.yml:5") && error.contains("exprr"), "{error}");
}
