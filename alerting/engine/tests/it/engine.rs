//! The whole engine against a captured Slack, in real time with short intervals.

use std::{path::Path, sync::Arc, time::Duration};

use alerting_engine::{Condition, Deps, Engine, EngineConfig, ExternalAlert};
use console_model::{
    Labels,
    alert::{AlertState, DeliveryOutcome},
    clock::now_ms,
    span::TraceId,
};
use console_storage::source::AlertsSource;
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

use crate::fakes::{FakeEvidence, FakeMetrics};

const RULES: &str = "groups:\n  - name: g\n    interval: 20ms\n    rules:\n      - alert: PaymentFailures\n        expr: bad > 1\n        for: 40ms\n        labels: {severity: critical, service: payments}\n        annotations:\n          summary: payments fail\n          runbook_url: /runbooks/alerts/PaymentFailures\n          trace_query: '{ status = error }'\n          log_query: '{service_name=\"payments\"}'\n";

struct Running {
    engine: Arc<Engine>,
    shutdown: CancellationToken,
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        self.engine.stopped().await;
    }
}

fn start(dir: &Path, slack: &str, metrics: &Arc<FakeMetrics>, evidence: &Arc<FakeEvidence>) -> Running {
    std::fs::write(dir.join("rules.yml"), RULES).expect("written");
    let routing = format!(
        "route: {{receiver: on-call, group_by: [alertname], group_wait: 50ms, group_interval: 100ms}}\nreceivers:\n  - name: on-call\n    slack_configs:\n      - {slack}\n"
    );
    std::fs::write(dir.join("routing.yml"), routing).expect("written");
    let rules = vec![dir.join("*.yml").display().to_string().replace("*.yml", "rules.y*l")];
    let mut config = EngineConfig::new(rules, dir.join("routing.yml"), "http://console/", dir.join("data"));
    config.retry_backoff_ms = 20;
    config.restart_grace_ms = 100;
    let deps = Deps {
        metrics: metrics.clone(),
        logs: evidence.clone(),
        traces: evidence.clone(),
        appender: metrics.clone(),
        registry: prometheus::Registry::new(),
    };
    let shutdown = CancellationToken::new();
    let engine = Engine::start(config, deps, shutdown.clone()).unwrap_or_else(|e| panic!("{e}"));
    Running { engine, shutdown }
}

/// Waits for the answer of `probe`, at most ten seconds.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, probe: impl Fn() -> F) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn requests(server: &MockServer, at_least: usize) -> Vec<Request> {
    until("the request", || async { server.received_requests().await.filter(|r| r.len() >= at_least) }).await
}

async fn slack_server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

fn evidence() -> Arc<FakeEvidence> {
    let id = TraceId([0xab; 16]);
    let lines = vec![
        r#"{"message":"unrelated","trace_id":"00000000000000000000000000000001"}"#.to_owned(),
        format!(r#"{{"message":"payment declined by provider","trace_id":"{id}"}}"#),
    ];
    Arc::new(FakeEvidence { trace_id: Some(id), lines, delay: Duration::ZERO })
}

#[tokio::test]
async fn a_fault_reaches_slack_with_evidence_and_its_end_too() {
    let server = slack_server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slack = format!("api_url: {}/services/x", server.uri());
    let running = start(dir.path(), &slack, &metrics, &evidence());
    metrics.set("bad > 1", &[(&[("job", "payments")], 0.9)]);
    let firing = String::from_utf8(requests(&server, 1).await[0].body.clone()).expect("text");
    for part in ["PaymentFailures", "payment declined by provider", &"ab".repeat(16)] {
        assert!(firing.contains(part), "{part} in {firing}");
    }
    assert!(!firing.contains("unrelated"), "trace and line belong together");
    let alerts = running.engine.alerts().await.expect("alerts");
    assert_eq!(alerts[0].state, AlertState::Firing);
    assert_eq!(alerts[0].runbook.as_deref(), Some("alerts/PaymentFailures"));
    assert!(alerts[0].evidence.trace_id.is_some());
    let by_id = running.engine.alert(&alerts[0].fingerprint).await.expect("alert");
    assert_eq!(by_id.map(|a| a.name), Some("PaymentFailures".to_owned()));
    metrics.set("bad > 1", &[]);
    let all = requests(&server, 2).await;
    assert!(String::from_utf8_lossy(&all[1].body).contains("Resolved"));
    running.stop().await;
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets() {
    let server = slack_server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slack = format!("api_url: {}/services/x", server.uri());
    metrics.set("bad > 1", &[(&[("job", "payments")], 0.9)]);
    let first = start(dir.path(), &slack, &metrics, &evidence());
    requests(&server, 1).await;
    let told = || async { first.engine.notifications(5).await.ok().filter(|n| !n.is_empty()) };
    until("the notification", told).await;
    first.stop().await;
    let second = start(dir.path(), &slack, &metrics, &evidence());
    let firing = || async {
        let alerts = second.engine.alerts().await.expect("alerts");
        alerts.into_iter().find(|a| a.state == AlertState::Firing)
    };
    until("firing again", firing).await;
    second.stop().await;
    assert_eq!(requests(&server, 1).await.len(), 1, "nobody hears the same twice");
    // The trouble ends while the console is down: the resolution is told after the grace period.
    metrics.set("bad > 1", &[]);
    let third = start(dir.path(), &slack, &metrics, &evidence());
    let all = requests(&server, 2).await;
    assert!(String::from_utf8_lossy(&all[1].body).contains("Resolved"));
    third.stop().await;
}

#[tokio::test]
async fn a_bot_edits_its_message_in_place() {
    let answer = serde_json::json!({ "ok": true, "channel": "C1", "ts": "17.5" });
    let server = slack_server(ResponseTemplate::new(200).set_body_json(answer)).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slack =
        format!("{{channel: '#c', app_token: xoxb-1, app_url: '{}/api/chat.postMessage'}}", server.uri());
    let running = start(dir.path(), &slack, &metrics, &evidence());
    metrics.set("bad > 1", &[(&[("job", "payments")], 0.9)]);
    requests(&server, 1).await;
    metrics.set("bad > 1", &[]);
    let all = requests(&server, 2).await;
    assert_eq!(all[0].url.path(), "/api/chat.postMessage");
    assert_eq!(all[1].url.path(), "/api/chat.update");
    let edit: serde_json::Value = serde_json::from_slice(&all[1].body).expect("JSON");
    assert_eq!((&edit["channel"], &edit["ts"]), (&"C1".into(), &"17.5".into()));
    assert_eq!(all[0].headers["authorization"], "Bearer xoxb-1");
    running.stop().await;
}

#[tokio::test]
async fn a_failing_receiver_is_tried_again() {
    let server = MockServer::start().await;
    let failing = Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2);
    failing.mount(&server).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let running = start(dir.path(), &format!("api_url: {}/x", server.uri()), &metrics, &FakeEvidence::none());
    metrics.set("bad > 1", &[(&[("job", "payments")], 0.9)]);
    let delivered = || async {
        let all = running.engine.notifications(5).await.expect("notifications");
        all.into_iter().find(|n| n.outcome == DeliveryOutcome::Delivered)
    };
    until("the delivery", delivered).await;
    assert_eq!(requests(&server, 3).await.len(), 3);
    running.stop().await;
}

#[tokio::test]
async fn without_a_webhook_the_exact_message_is_kept_and_slow_evidence_does_not_hold_it() {
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slow = Arc::new(FakeEvidence { trace_id: None, lines: Vec::new(), delay: Duration::from_hours(1) });
    let running = start(dir.path(), "api_url_file: absent", &metrics, &slow);
    let started = std::time::Instant::now();
    metrics.set("bad > 1", &[(&[("job", "payments")], 0.9)]);
    let kept = || async { running.engine.notifications(5).await.ok().and_then(|n| n.into_iter().next()) };
    let kept = until("the preview", kept).await;
    assert_eq!(kept.outcome, DeliveryOutcome::NotConfigured);
    assert!(kept.payload.contains("\"blocks\"") && started.elapsed() < Duration::from_secs(3));
    running.stop().await;
}

fn told(condition: Condition) -> ExternalAlert {
    ExternalAlert {
        key: "arn:of:the:alarm".to_owned(),
        labels: Labels::from_pairs([("alertname", "copy-lags"), ("severity", "warning")]),
        annotations: Labels::from_pairs([("summary", "the copy stays behind")]),
        condition,
        told_state: format!("{condition:?}"),
        changed_at_ms: now_ms(),
    }
}

#[tokio::test]
async fn an_alert_of_somebody_else_is_routed_and_outlives_the_engine() {
    let server = slack_server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slack = format!("api_url: {}/services/x", server.uri());
    let first = start(dir.path(), &slack, &metrics, &FakeEvidence::none());
    first.engine.tell(told(Condition::Firing)).await.expect("taken");
    let firing = String::from_utf8(requests(&server, 1).await[0].body.clone()).expect("text");
    assert!(firing.contains("copy-lags") && firing.contains("the copy stays behind"), "{firing}");
    assert!(!firing.contains("metrics-explorer"), "there is nothing to look at there: {firing}");
    let heard = || async { first.engine.notifications(5).await.ok().filter(|n| !n.is_empty()) };
    until("the notification", heard).await;
    first.stop().await;

    let second = start(dir.path(), &slack, &metrics, &FakeEvidence::none());
    // Past the grace period and several group intervals: it is not taken for an alert of a rule that is gone.
    let started_ms = now_ms();
    let evaluated = || async {
        let groups = second.engine.rule_groups().await.expect("groups");
        groups.iter().any(|g| g.last_evaluation_ms > started_ms + 500).then_some(())
    };
    until("an evaluation", evaluated).await;
    assert_eq!(requests(&server, 1).await.len(), 1, "nobody hears the same twice, or of an end");
    let alerts = second.engine.alerts().await.expect("alerts");
    assert_eq!((alerts.len(), alerts[0].state), (1, AlertState::Firing));
    second.engine.tell(told(Condition::Resolved)).await.expect("taken");
    let all = requests(&server, 2).await;
    assert!(String::from_utf8_lossy(&all[1].body).contains("Resolved"));
    second.stop().await;
}

#[tokio::test]
async fn an_end_that_nobody_heard_of_is_told_after_the_restart() {
    let server = slack_server(ResponseTemplate::new(200).set_body_string("ok")).await;
    let (dir, metrics) = (tempfile::tempdir().expect("a folder"), Arc::new(FakeMetrics::default()));
    let slack = format!("api_url: {}/services/x", server.uri());
    let first = start(dir.path(), &slack, &metrics, &FakeEvidence::none());
    first.engine.tell(told(Condition::Firing)).await.expect("taken");
    let heard = || async { first.engine.notifications(5).await.ok().filter(|n| !n.is_empty()) };
    until("the notification", heard).await;
    first.engine.tell(told(Condition::Resolved)).await.expect("taken");
    first.stop().await;
    let second = start(dir.path(), &slack, &metrics, &FakeEvidence::none());
    let all = requests(&server, 2).await;
    assert!(String::from_utf8_lossy(&all[1].body).contains("Resolved"));
    second.stop().await;
}
