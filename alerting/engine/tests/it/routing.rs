//! Route trees, grouping, inhibition.

use std::path::Path;

use alerting_engine::{
    dispatch::Dispatcher,
    routing::{RoutingConfig, tree},
};
use console_model::{
    Labels,
    alert::{Alert, AlertState},
    fingerprint,
};

const ROUTES: &str = r#"
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1s
  group_interval: 5s
  routes:
    - matchers: ['severity = "critical"']
      receiver: page
      continue: true
    - match: { service: orders }
      receiver: orders
      group_by: ['...']
      routes:
        - match_re: { team: 'a|b' }
          receiver: team
    - matchers: ['night="yes"']
      receiver: default
      mute_time_intervals: [always]
time_intervals:
  - name: always
    time_intervals: [{ years: ['1970:2999'] }]
inhibit_rules:
  - source_matchers: [alertname="Down"]
    target_matchers: [severity="warning"]
    equal: [service]
receivers: [{ name: default }, { name: page }, { name: orders }, { name: team }]
"#;

pub fn alert(labels: &[(&str, &str)], state: AlertState, at_ms: i64) -> Alert {
    let labels = Labels::from_pairs(labels.iter().copied());
    Alert {
        fingerprint: fingerprint::hex(&labels),
        name: labels.get("alertname").unwrap_or_default().to_owned(),
        labels,
        annotations: Labels::default(),
        state,
        active_at_ms: at_ms,
        fired_at_ms: Some(at_ms),
        resolved_at_ms: (state == AlertState::Resolved).then_some(at_ms),
        value: 1.0,
        expr: "x".to_owned(),
        for_ms: 0,
        runbook: None,
        evidence: Default::default(),
    }
}

fn config() -> RoutingConfig {
    RoutingConfig::parse(Path::new("am.yml"), ROUTES).expect("the routes are good")
}

#[test]
fn alerts_go_to_the_deepest_matching_routes() {
    let config = config();
    for (labels, receivers) in [
        (vec![("severity", "info")], vec!["default"]),
        (vec![("severity", "critical")], vec!["page"]),
        (vec![("severity", "critical"), ("service", "orders")], vec!["page", "orders"]),
        (vec![("service", "orders"), ("team", "b")], vec!["team"]),
        (vec![("service", "orders"), ("team", "bb")], vec!["orders"]),
    ] {
        let found = tree::matching(&config.routes, &Labels::from_pairs(labels.clone()));
        let names: Vec<&str> = found.iter().map(|r| config.routes[*r].receiver.as_str()).collect();
        assert_eq!(names, receivers, "{labels:?}");
    }
}

#[test]
fn a_group_waits_goes_out_and_is_closed_when_all_is_told() {
    let mut d = Dispatcher::new(config(), 10);
    d.put(&alert(&[("alertname", "A"), ("i", "1")], AlertState::Firing, 1000), 1000).expect("room");
    d.put(&alert(&[("alertname", "A"), ("i", "2")], AlertState::Firing, 1500), 1500).expect("room");
    assert!(d.due(1999).is_empty());
    let flush = d.due(2000).pop().expect("group_wait is over");
    assert_eq!(flush.alerts.len(), 2, "both in one group");
    assert!(d.due(60_000).is_empty(), "not again while it is being sent");
    d.done(&flush, true);
    assert_eq!(d.next_deadline_ms(), Some(7000), "group_interval later");
    d.put(&alert(&[("alertname", "A"), ("i", "1")], AlertState::Resolved, 3000), 3000).expect("room");
    d.put(&alert(&[("alertname", "A"), ("i", "2")], AlertState::Resolved, 3000), 3000).expect("room");
    let flush = d.due(7000).pop().expect("group_interval is over");
    d.done(&flush, false);
    assert_eq!(d.group_count(), 1, "a failed flush keeps its alerts");
    let flush = d.due(12_000).pop().expect("again");
    d.done(&flush, true);
    assert_eq!(d.group_count(), 0);
}

#[test]
fn a_limit_bounds_the_groups() {
    let mut d = Dispatcher::new(config(), 1);
    d.put(&alert(&[("alertname", "A")], AlertState::Firing, 0), 0).expect("room");
    assert!(d.put(&alert(&[("alertname", "B")], AlertState::Firing, 0), 0).is_err());
}

#[test]
fn a_firing_source_mutes_its_targets_and_time_mutes_routes() {
    let mut d = Dispatcher::new(config(), 10);
    let target = Labels::from_pairs([("alertname", "Slow"), ("severity", "warning"), ("service", "orders")]);
    assert!(!d.is_inhibited(&target));
    d.put(&alert(&[("alertname", "Down"), ("service", "orders")], AlertState::Firing, 0), 0).expect("room");
    assert!(d.is_inhibited(&target));
    assert!(!d.is_inhibited(&target.with("service", "payments")), "another service");
    d.put(&alert(&[("alertname", "Down"), ("service", "orders")], AlertState::Resolved, 1), 1).expect("room");
    assert!(!d.is_inhibited(&target));
    let night = tree::matching(&config().routes, &Labels::from_pairs([("night", "yes")]))[0];
    assert!(d.is_muted(night, 1_795_518_000_000) && !d.is_muted(0, 1_795_518_000_000));
}

#[test]
fn problems_of_routing_name_line_and_field() {
    for (text, part) in [
        ("route:\n  receiver: nobody\nreceivers: []\n", "am.yml:2: route.receiver: undefined receiver"),
        ("receivers: [{name: a}]\n", "no route provided"),
        ("route:\n  receiver: a\n  group_by: ['...', x]\nreceivers: [{name: a}]\n", "group_by"),
        (
            "route:\n  receiver: a\n  routes:\n    - matchers: ['x']\nreceivers: [{name: a}]\n",
            "am.yml:4: route.routes[0].matchers",
        ),
        (
            "route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n      - chanel: x\n",
            "unknown field \"chanel\"",
        ),
        ("route: {receiver: a, group_waitt: 1s}\nreceivers: [{name: a}]\n", "am.yml:1"),
    ] {
        let error = RoutingConfig::parse(Path::new("am.yml"), text).expect_err(text).to_string();
        assert!(error.contains(part), "{part} in {error}");
    }
    let pager =
        "route: {receiver: a}\nreceivers:\n  - name: a\n    pagerduty_configs:\n      - routing_key: k\n";
    let config = RoutingConfig::parse(Path::new("am.yml"), pager).expect("Alertmanager accepts it");
    assert!(config.unsupported().expect_err("refused here").to_string().contains("pagerduty_configs"));
}
