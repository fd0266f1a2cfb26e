//! The Slack message: what it says, what it escapes, how large it may become.

use alerting_engine::notify::{Notice, email::Mail, slack, webhook};
use console_model::{
    Labels,
    alert::{AlertState, Evidence},
    span::TraceId,
};
use serde_json::Value;

use crate::routing::alert;

fn notice(state: AlertState, count: usize) -> Notice {
    let alerts = (0..count).map(|i| {
        let i = i.to_string();
        let labels = [
            ("alertname", "PaymentFailures"),
            ("service", "payments"),
            ("severity", "critical"),
            ("i", i.as_str()),
        ];
        let mut a = alert(&labels, state, 1_795_518_000_000);
        a.value = 0.98765;
        a.annotations = Labels::from_pairs([
            ("summary", "98 % of payments <fail> & more"),
            ("runbook_url", "/runbooks/alerts/PaymentFailures"),
        ]);
        a.evidence = Evidence {
            trace_id: Some(TraceId([0xab; 16])),
            log_query: Some("{service_name=\"payments\"}".to_owned()),
            log_line: Some(
                r#"{"message":"payment declined by provider","order_id":"o-1","level":"error"}"#.to_owned(),
            ),
            ..Evidence::default()
        };
        a
    });
    Notice {
        receiver: "on-call".to_owned(),
        group_key: "{}:{}".to_owned(),
        group_labels: Labels::from_pairs([("alertname", "PaymentFailures")]),
        alerts: alerts.collect(),
        external_url: "http://console".to_owned(),
        now_ms: 1_795_518_060_000,
    }
}

#[test]
fn a_message_names_service_value_onset_and_evidence() {
    let notice = notice(AlertState::Firing, 1);
    let prepared = slack::compose(&notice, &slack::Style::default());
    let message: Value = serde_json::from_str(&prepared.payload).expect("it is JSON");
    let text = message.to_string();
    let trace = "ab".repeat(16);
    let page = format!("http://console/alerts/{}", notice.alerts[0].fingerprint);
    for part in [
        "🔴 PaymentFailures: payments",
        "`payments`",
        "`0.9877`",
        "<!date^1795518000^",
        "98 % of payments &lt;fail&gt; &amp; more",
        "payment declined by provider order_id=o-1",
        &format!("http://console/traces/{trace}"),
        "http://console/runbooks/alerts/PaymentFailures",
        &page,
        "#d1293d",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!message["text"].as_str().expect("a fallback").contains("<fail>"));
}

#[test]
fn sizes_stay_below_slacks_limits() {
    let mut notice = notice(AlertState::Firing, 60);
    for a in &mut notice.alerts {
        a.annotations =
            Labels::from_pairs([("summary", "ä".repeat(9000)), ("description", "x".repeat(9000))]);
        a.evidence.log_line = Some("```<".repeat(4000));
    }
    let payload = slack::compose(&notice, &slack::Style::default()).payload;
    let message: Value = serde_json::from_str(&payload).expect("it is JSON");
    let blocks = message["attachments"][0]["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50 && payload.len() < 100_000);
    for block in blocks {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        let limit = if block["type"] == "header" { 150 } else { 3000 };
        assert!(text.chars().count() <= limit, "{} of {limit}", text.len());
    }
}

#[test]
fn a_resolution_is_told_in_every_channel() {
    let notice = notice(AlertState::Resolved, 1);
    assert!(
        slack::compose(&notice, &slack::Style::default()).title.starts_with("✅ Resolved: PaymentFailures")
    );
    let mail = Mail::compose(&notice);
    assert_eq!(mail.subject, "[RESOLVED] PaymentFailures: payments");
    assert!(mail.html.contains("&lt;fail&gt;") && mail.text.contains("http://console/traces/"));
    let hook: Value = serde_json::from_str(&webhook::compose(&notice, 0).payload).expect("it is JSON");
    assert_eq!((&hook["version"], &hook["status"]), (&"4".into(), &"resolved".into()));
    assert_eq!(hook["alerts"][0]["endsAt"], "2026-11-24T11:00:00.000Z");
}

#[test]
fn an_alert_that_somebody_else_decides_shows_no_value() {
    let mut notice = notice(AlertState::Firing, 1);
    notice.alerts[0].expr.clear();
    let payload = slack::compose(&notice, &slack::Style::default()).payload;
    assert!(!payload.contains("*Value*") && payload.contains("*Since*"), "{payload}");
    let mail = Mail::compose(&notice);
    assert!(!mail.text.contains("Value:") && !mail.html.contains("<b>Value</b>"), "{}", mail.text);
}
