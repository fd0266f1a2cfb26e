//! A real Alertmanager, fed by a real Prometheus; and answers that neither gives.

use std::time::{Duration, Instant};

use console_model::{
    alert::{Alert, AlertState},
    clock::now_ms,
    fingerprint,
};
use console_proof::peer::{Peer, alertmanager, free_ports, prometheus};
use console_sources::{AlertmanagerConfig, AlertmanagerSource, RemoteConfig};
use console_storage::{SourceError, source::AlertsSource};
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, path},
};

const ROUTES: &str = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
const RULES: &str = r#"
groups:
  - name: test
    interval: 1s
    rules:
      - { alert: Always, expr: vector(7), labels: { severity: critical },
          annotations: { runbook_url: "http://q/runbooks/Always", log_query: '{service="orders"}' } }
      - { alert: Waits, expr: vector(1), for: 1h }
      - { record: one, expr: vector(1) }
"#;

async fn feeding(rules: &std::path::Path, port: u16) -> Peer {
    let config = format!(
        "global: {{ external_labels: {{ region: one }} }}\nrule_files: ['{}']\n\
         alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}] }}\n",
        rules.display()
    );
    let flags = ["--rules.alert.resend-delay=1s"];
    prometheus::start(&prometheus::program().unwrap(), &config, &flags).await.unwrap()
}

fn config(alertmanager: String, prometheus: String) -> AlertmanagerConfig {
    AlertmanagerConfig {
        refresh: Duration::from_millis(100),
        stale_after: Duration::from_secs(3),
        ..AlertmanagerConfig::new(RemoteConfig::new(alertmanager), RemoteConfig::new(prometheus))
    }
}

/// Asks until the answer is the wanted one.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn find(source: &AlertmanagerSource, name: &str, state: AlertState) -> Option<Alert> {
    source.alerts().await.ok()?.into_iter().find(|a| a.name == name && a.state == state)
}

#[tokio::test]
async fn alerts_silences_and_an_outage_are_told_as_they_are() {
    let [port] = free_ports().unwrap();
    let start = || async {
        let program = alertmanager::program().unwrap();
        alertmanager::start(&program, ROUTES, port).await.unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.yml");
    std::fs::write(&rules, RULES).unwrap();
    let (peer, feeder) = (start().await, feeding(&rules, port).await);
    let endpoint = feeder.endpoint().url("");
    let source =
        AlertmanagerSource::start(config(format!("http://127.0.0.1:{port}/"), endpoint), now_ms).unwrap();

    let always = until("the alert has come through Alertmanager", async || {
        find(&source, "Always", AlertState::Firing).await.filter(|a| a.labels.get("region").is_some())
    })
    .await;
    assert_eq!((always.value, always.expr.as_str(), always.severity()), (7.0, "vector(7)", "critical"));
    assert_eq!(always.runbook.as_deref(), Some("Always"));
    assert_eq!(always.evidence.log_query.as_deref(), Some("{service=\"orders\"}"));
    assert_eq!(always.fingerprint, fingerprint::hex(&always.labels), "computed as Alertmanager does");
    let own = fingerprint::hex(&always.labels.filter(|name| name != "region"));
    assert_eq!(source.alert(&own).await.unwrap().map(|a| a.fingerprint), Some(always.fingerprint.clone()));
    let waits =
        until("what waits is told by Prometheus", async || find(&source, "Waits", AlertState::Pending).await)
            .await;
    assert_eq!((waits.for_ms, waits.fired_at_ms), (3_600_000, None));
    let rules = source.rules().await.unwrap();
    let names: Vec<&str> = rules.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["Always", "Waits", "one"]);
    assert!(rules.iter().all(|r| r.last_error.is_none() && now_ms() - r.last_evaluation_ms < 60_000));
    assert!(rules[2].is_recording && source.rule_groups().await.unwrap()[0].interval_ms == 1000);
    let facts = source.facts();
    assert!(facts.iter().any(|(name, value)| name == "version" && value.contains('.')), "{facts:?}");
    assert!(matches!(source.notifications(1).await, Err(SourceError::Unsupported(_))));

    // Somebody else's alert, from its beginning to its end.
    let labels = console_model::Labels::from_pairs([("alertname", "Elsewhere"), ("severity", "warning")]);
    let none = console_model::Labels::default();
    source.post(&labels, &none, now_ms() - 1000, now_ms() + 3_600_000).await.unwrap();
    let told = until("it is told", async || find(&source, "Elsewhere", AlertState::Firing).await).await;
    assert!(told.is_external() && told.fingerprint == fingerprint::hex(&labels));
    source.post(&labels, &none, now_ms() - 1000, now_ms()).await.unwrap();
    let over =
        until("its end is told", async || find(&source, "Elsewhere", AlertState::Resolved).await).await;
    assert!(over.resolved_at_ms.is_some());
    assert!(source.alert(&told.fingerprint).await.unwrap().is_some(), "its page stays for a while");

    assert_eq!(source.silencing().await.unwrap().unwrap().mutes.len(), 0);
    let silence = json!({
        "matchers": [{"name": "alertname", "value": "Al.*", "isRegex": true, "isEqual": true}],
        "startsAt": chrono::DateTime::from_timestamp_millis(now_ms()).unwrap().to_rfc3339(),
        "endsAt": chrono::DateTime::from_timestamp_millis(now_ms() + 3_600_000).unwrap().to_rfc3339(),
        "createdBy": "kim", "comment": "upgrade",
    });
    let made = reqwest::Client::new().post(format!("http://127.0.0.1:{port}/api/v2/silences")).json(&silence);
    assert!(made.send().await.unwrap().status().is_success());
    let silencing = until("the silence counts", async || {
        source.silencing().await.unwrap().filter(|s| s.mutes.contains_key(&always.fingerprint))
    })
    .await;
    let silence = silencing.find(&silencing.mutes[&always.fingerprint].silences[0]).unwrap();
    assert_eq!((silence.created_by.as_str(), silence.matchers[0].as_str()), ("kim", "alertname=~\"Al.*\""));
    assert!(find(&source, "Always", AlertState::Firing).await.is_some(), "it fires all the same");

    peer.stop().await.unwrap();
    let told = until("the outage is told", async || source.alerts().await.err()).await.to_string();
    assert!(
        told.starts_with(&format!("Alertmanager at http://127.0.0.1:{port} is unavailable: since 20")),
        "{told}"
    );
    assert!(source.silencing().await.is_err() && source.alert(&always.fingerprint).await.is_err());
    assert!(source.rules().await.is_ok(), "Prometheus is there");
    let peer = start().await;
    until("it is back", async || find(&source, "Always", AlertState::Firing).await).await;
    feeder.stop().await.unwrap();
    let told = until("the other outage is told", async || source.rules().await.err()).await.to_string();
    assert!(told.starts_with("Prometheus at ") && told.contains("since 20"), "{told}");
    peer.stop().await.unwrap();
}

async fn refusal(source: &AlertmanagerSource) -> String {
    until("a refusal is told", async || {
        let told = source.alerts().await.err()?.to_string();
        told.contains("since").then_some(told)
    })
    .await
}

#[tokio::test]
async fn a_user_and_his_password_are_sent_and_refusals_and_nonsense_are_told() {
    let server = MockServer::start().await;
    let answer = |p: &str, body: serde_json::Value| {
        Mock::given(path(p))
            .and(header("authorization", "Basic a2ltOnNlY3JldA=="))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
    };
    let status = json!({"versionInfo": {"version": "9"}, "cluster": {"status": "ready", "peers": [{}, {}]}});
    answer("/api/v2/status", status).mount(&server).await;
    let silence = |id: &str, state: &str| {
        json!({"id": id, "matchers": [{"name": "service", "value": "orders", "isRegex": false, "isEqual": true}],
            "startsAt": "2026-01-02T03:04:05Z", "endsAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
            "createdBy": "kim", "comment": "upgrade", "status": {"state": state}})
    };
    let ended = ["a", "b"].map(|id| silence(id, "expired"));
    let silences =
        [&ended[..], &[silence("c", "pending"), silence("d", "pending"), silence("e", "active")]].concat();
    answer("/api/v2/silences", json!(silences)).mount(&server).await;
    let alert = |n: u32| {
        json!({"labels": {"alertname": format!("A{n}")}, "annotations": {}, "fingerprint": format!("{n:016x}"),
            "startsAt": "2026-01-02T03:04:05Z", "endsAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
            "receivers": [], "status": {"state": "suppressed", "silencedBy": [], "inhibitedBy": [format!("{:016x}", 1)],
            "mutedBy": ["nights"]}})
    };
    answer("/api/v2/alerts", json!([alert(1), alert(2)])).mount(&server).await;
    let mut good = config(server.uri(), server.uri());
    good.alertmanager.basic = Some(("kim".to_owned(), "secret".to_owned()));
    let start = |config: &AlertmanagerConfig| AlertmanagerSource::start(config.clone(), now_ms).unwrap();

    let source = start(&good);
    let alerts = until("both are there", async || source.alerts().await.ok()).await;
    assert_eq!(alerts.len(), 2);
    let mute = source.silencing().await.unwrap().unwrap().mutes["0000000000000002"].clone();
    assert_eq!(
        (mute.inhibited_by, mute.intervals),
        (vec!["0000000000000001".to_owned()], vec!["nights".to_owned()])
    );
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(source.facts().contains(&fact("cluster", "ready, 2 peers")));
    assert!(source.facts().contains(&fact("silences", "3")), "those that ended do not count");
    let ids = async |source: &AlertmanagerSource| -> Vec<String> {
        source.silencing().await.unwrap().unwrap().silences.into_iter().map(|s| s.id).collect()
    };
    assert_eq!(ids(&source).await, ["c", "d", "e"]);

    let fewer = start(&AlertmanagerConfig { max_alerts: 2, ..good.clone() });
    until("too many silences are no reason to know nothing", async || fewer.alerts().await.ok()).await;
    assert_eq!(ids(&fewer).await, ["c", "e"], "those that count now come first");
    assert!(fewer.facts().contains(&fact("silences", "3, of which 2 are shown")));

    let few = start(&AlertmanagerConfig { max_alerts: 1, ..good.clone() });
    assert!(refusal(&few).await.contains("it has 2 alerts: more than 1 are not read"));
    let mut stranger = good.clone();
    stranger.alertmanager.basic = None;
    let told = refusal(&start(&stranger)).await;
    assert!(told.contains("answers 404"), "{told}");
    assert!(!format!("{good:?}").contains("secret"), "a password does not print");

    // Two servers: of a server's answers the first wrong one is told, whichever that is.
    let nonsense = ResponseTemplate::new(200).set_body_string("[{\"labels\": 1}]");
    for (at, wrong, said) in [
        ("/api/v2/status", ResponseTemplate::new(401), "/api/v2/status answers 401: it wants another token"),
        ("/api/v2/alerts", nonsense, "its answer is not understood: invalid type: integer `1`"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path(at)).respond_with(wrong).mount(&server).await;
        let status = json!({"versionInfo": {"version": "9"}, "cluster": {"status": "ready"}});
        for (right, body) in
            [("/api/v2/status", status), ("/api/v2/alerts", json!([])), ("/api/v2/silences", json!([]))]
        {
            let answer = ResponseTemplate::new(200).set_body_json(body);
            Mock::given(path(right)).respond_with(answer).with_priority(9).mount(&server).await;
        }
        let told = refusal(&start(&config(server.uri(), server.uri()))).await;
        assert!(told.contains(said), "{told}");
    }
}
