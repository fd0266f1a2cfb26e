//! Alarms of AWS: only what SNS signed, of a configured topic, of now, and once; then an alert like any other.

use std::{net::TcpListener, path::Path, time::Duration};

use console_model::clock::now_ms;
use console_proof::peer::{alertmanager, free_ports};
use console_server::{Config, config::SnsEndpoint};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shop_testkit::TestDb;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    alertmanager::{ROUTES, in_front},
    console::{Console, PASSWORD, lay_out},
    fake_sns::{FakeSns, HOST, Has, TOPIC, cert_url, confirm_url, moment},
};

const ROUTING: &str = "route: { receiver: on-call, group_wait: 10ms, group_interval: 50ms, group_by: [alertname] }\n\
                       receivers:\n  - name: on-call\n    slack_configs: [{ channel: '#on-call', api_url_file: absent }]\n";

fn config(dir: &Path, sns: &FakeSns) -> Config {
    let mut config = lay_out(dir);
    std::fs::write(dir.join("routing.yml"), ROUTING).unwrap();
    config.sns.severities = [("shop-edge-".to_owned(), "critical".to_owned())].into();
    hear(&mut config, sns);
    config
}

fn hear(config: &mut Config, sns: &FakeSns) {
    config.sns.topics = vec![TOPIC.to_owned().try_into().unwrap()];
    config.sns.endpoint = Some(SnsEndpoint { address: sns.address, ca_file: Some(sns.ca_file()) });
}

async fn start(dir: &Path) -> (Console, FakeSns) {
    let (sns, listener) = FakeSns::new(dir);
    sns.serve(listener, Has::Certificate);
    (Console::start_with(config(dir, &sns)).await, sns)
}

fn alarm(name: &str, state: &str, changed_ms: i64) -> String {
    let changed = moment(changed_ms).replace('Z', "+0000");
    json!({
        "AlarmName": name, "AlarmDescription": format!("what {name} <b>says</b>"), "AWSAccountId": "111122223333",
        "NewStateValue": state, "NewStateReason": "Threshold Crossed", "StateChangeTime": changed,
        "Region": "EU (Frankfurt)", "OldStateValue": "OK",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:{name}"),
        "Trigger": {"MetricName": "M", "Namespace": "AWS/ApplicationELB", "Dimensions": []},
    })
    .to_string()
}

async fn post(console: &Console, body: String) -> (StatusCode, String) {
    let request = console.http.post(console.url("/api/sns/messages"));
    let response =
        request.header("content-type", "text/plain; charset=UTF-8").body(body).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

async fn taken(console: &Console, sent: &Value) {
    assert_eq!(post(console, sent.to_string()).await, (StatusCode::NO_CONTENT, String::new()), "{sent}");
}

async fn refused(console: &Console, sent: &Value, status: u16, why: &str) {
    let (answered, text) = post(console, sent.to_string()).await;
    assert_eq!(answered.as_u16(), status, "{text}{sent}");
    assert!(text.starts_with(why), "{why} in {text}{sent}");
}

/// How many messages had an outcome.
async fn counted(console: &Console, outcome: &str) -> u64 {
    let text = console.fetch("/metrics").await.1;
    let name = format!("quarterdeck_sns_messages_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|l| l.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

/// The row of an alarm on the page of alerts.
async fn row(console: &Console, name: &str) -> Option<String> {
    let (status, page) = console.fetch("/alerts").await;
    assert_eq!(status, 200);
    let from = page.split_once(&format!("data-alert=\"{name}\""))?.1;
    Some(from.split_once("</tr>")?.0.to_owned())
}

async fn message_sent(console: &Console, words: &[&str]) {
    let sent = async {
        loop {
            let page = console.fetch("/alerts").await.1;
            let messages = page.split_once("id=\"messages\"").map_or("", |(_, rest)| rest);
            if words.iter().all(|w| messages.contains(w)) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sent)
        .await
        .unwrap_or_else(|_| panic!("no message: {words:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_told_and_shown_until_it_is_over_over_a_restart_and_in_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    let began = now_ms() - 60_000;
    let mut first = sns.notification("1", &alarm("shop-edge-errors", "ALARM", began));
    first["SignatureVersion"] = json!("1");
    first["Subject"] = json!("ALARM: \"shop-edge-errors\" in EU (Frankfurt)");
    sns.sign(&mut first);
    taken(&console, &first).await;
    taken(&console, &sns.notification("2", &alarm("shop-copy-lags", "ALARM", began))).await;
    let fetched = || sns.asked.lock().iter().filter(|t| t.contains(".pem")).count();
    assert_eq!(fetched(), 1, "the certificate is kept");
    console.log_in("admin", PASSWORD, "/").await;
    let edge = row(&console, "shop-edge-errors").await.unwrap();
    assert!(edge.contains("Firing") && edge.contains("critical"), "{edge}");
    assert!(edge.contains("&lt;b&gt;says&lt;/b&gt;") && !edge.contains("<b>says"), "{edge}");
    assert!(row(&console, "shop-copy-lags").await.unwrap().contains("warning"));
    message_sent(&console, &["shop-edge-errors", "shop-copy-lags"]).await;
    let page = edge.split_once("href=\"").and_then(|(_, r)| r.split_once('"')).unwrap().0.to_owned();
    let (status, page) = console.fetch(&page).await;
    assert_eq!(status, 200);
    for part in ["Threshold Crossed", "AWS/ApplicationELB", "eu-central-1", "111122223333", "cloudwatch"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    console.stop().await;

    let console = Console::start_with(config(dir.path(), &sns)).await;
    console.log_in("admin", PASSWORD, "/").await;
    for name in ["shop-edge-errors", "shop-copy-lags"] {
        assert!(row(&console, name).await.unwrap().contains("Firing"), "{name} after the restart");
    }
    taken(&console, &sns.notification("3", &alarm("shop-edge-errors", "OK", now_ms()))).await;
    assert!(row(&console, "shop-edge-errors").await.unwrap().contains("Resolved"));
    message_sent(&console, &["shop-edge-errors", "Resolved"]).await;
    // The alarm of before comes again, late: it is over all the same.
    taken(&console, &first).await;
    assert!(row(&console, "shop-edge-errors").await.unwrap().contains("Resolved"));
    assert!(row(&console, "shop-copy-lags").await.unwrap().contains("Firing"));
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_an_alarm_is_shown_as_that_and_told_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    console.log_in("admin", PASSWORD, "/").await;
    taken(&console, &sns.notification("1", &alarm("shop-valkey", "INSUFFICIENT_DATA", now_ms()))).await;
    let shown = row(&console, "shop-valkey").await.unwrap();
    assert!(shown.contains("INSUFFICIENT_DATA") && !shown.contains("Firing"), "{shown}");
    let fires = sns.notification("2", &alarm("shop-edge-errors", "ALARM", now_ms()));
    taken(&console, &fires).await;
    message_sent(&console, &["shop-edge-errors"]).await;
    let page = console.fetch("/alerts").await.1;
    let messages = page.split_once("id=\"messages\"").unwrap().1;
    assert!(!messages.contains("shop-valkey"), "{messages}");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_field_is_named_or_breaks_the_signature() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    let mut good = sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()));
    good["Subject"] = json!("ALARM");
    sns.sign(&mut good);
    let other = alarm("shop-edge-errors", "OK", now_ms());
    for (field, value, why) in [
        ("Message", json!(other), "Signature: "),
        ("MessageId", json!("2"), "Signature: "),
        ("Subject", json!("OK"), "Signature: "),
        ("Subject", Value::Null, "Signature: "),
        ("Timestamp", json!(moment(now_ms() - 100_000)), "Signature: "),
        ("SignatureVersion", json!("1"), "Signature: "),
        ("Signature", json!("AAEC"), "Signature: "),
        ("Signature", json!(""), "Signature: "),
        ("TopicArn", json!(TOPIC.replace("shop", "other")), "TopicArn: "),
        ("SigningCertURL", json!(cert_url().replace("eu-central-1", "us-east-1")), "SigningCertURL: "),
    ] {
        let mut forged = good.clone();
        forged[field] = value;
        refused(&console, &forged, 403, why).await;
    }
    let mut stranger = good.clone();
    sns.sign_as_a_stranger(&mut stranger);
    refused(&console, &stranger, 403, "Signature: ").await;
    // Another topic of the same SNS, rightly signed.
    let mut theirs = good.clone();
    theirs["TopicArn"] = json!("arn:aws:sns:eu-central-1:999988887777:shop-alarms");
    sns.sign(&mut theirs);
    refused(&console, &theirs, 403, "TopicArn: ").await;
    console.log_in("admin", PASSWORD, "/").await;
    assert_eq!(row(&console, "shop-edge-errors").await, None, "nothing of it was believed");
    assert_eq!((counted(&console, "untrusted").await, counted(&console, "alarm").await), (12, 0));
    taken(&console, &good).await;
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_taken_once_and_only_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    let good = sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()));
    taken(&console, &good).await;
    taken(&console, &good).await;
    assert_eq!((counted(&console, "alarm").await, counted(&console, "repeated").await), (1, 1));
    for (at_ms, why) in [
        (now_ms() - 3_601_000, "Timestamp: older than an hour"),
        (now_ms() + 360_000, "Timestamp: more than five minutes from now"),
    ] {
        let mut other = sns.notification("2", &alarm("shop-edge-errors", "OK", now_ms()));
        other["Timestamp"] = json!(moment(at_ms));
        sns.sign(&mut other);
        refused(&console, &other, 403, why).await;
    }
    // Its place among those that were seen does not keep anybody's message out.
    taken(&console, &sns.notification("2", &alarm("shop-edge-errors", "OK", now_ms()))).await;
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_keep_no_message_out() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    taken(&console, &sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()))).await;
    // More addresses than certificates are kept, and each has one that is in force.
    let mut forged = sns.notification("2", &alarm("shop-edge-errors", "OK", now_ms()));
    sns.sign_as_a_stranger(&mut forged);
    for n in 0..20 {
        forged["SigningCertURL"] = json!(cert_url().replace("0a1b", &format!("{n:04x}")));
        refused(&console, &forged, 403, "Signature: ").await;
    }
    // One file has one address.
    forged["SigningCertURL"] = json!(cert_url().replace("Simple", "%53imple"));
    refused(&console, &forged, 403, "SigningCertURL: ").await;
    // More senders than have a turn, whose messages do not come.
    let address = console.base.strip_prefix("http://").unwrap();
    let mut silent = Vec::new();
    for _ in 0..64 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = "POST /api/sns/messages HTTP/1.1\r\nhost: console\r\ncontent-length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let sent = sns.notification("3", &alarm("shop-edge-errors", "OK", now_ms()));
    taken(&console, &sent).await;
    let certificate = "/SimpleNotificationService-0a1b.pem";
    assert_eq!(sns.asked.lock().iter().filter(|path| *path == certificate).count(), 1);
    // They are told, each in its own time.
    let mut answer = [0; 12];
    silent[0].read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_repeated_of_a_bad_message_is_short() {
    let dir = tempfile::tempdir().unwrap();
    let (console, _sns) = start(dir.path()).await;
    let (status, text) = post(&console, format!("\"{}\"", "x".repeat(200 << 10))).await;
    assert_eq!(status, 400);
    assert!(text.len() < 300, "{} bytes", text.len());
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_address_is_ever_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    let port = sns.address.port();
    let wrong = [
        format!("http://{HOST}/x.pem"),
        format!("https://{HOST}.evil.test/x.pem"),
        format!("https://{HOST}@evil.test/x.pem"),
        format!("https://kim@{HOST}/x.pem"),
        format!("https://{HOST}:{port}/x.pem"),
        format!("https://127.0.0.1:{port}/x.pem"),
        "https://169.254.169.254/x.pem".to_owned(),
        "https://sns.eu.amazonaws.com.evil.test/x.pem".to_owned(),
        "https://sns.us-east-1.amazonaws.com/x.pem".to_owned(),
        "file:///etc/ssl/x.pem".to_owned(),
        format!("https://{HOST}/x.html"),
        format!("https://{HOST}/?x.pem"),
    ];
    for url in wrong {
        let mut sent = sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()));
        sent["SigningCertURL"] = json!(url);
        refused(&console, &sent, 403, "SigningCertURL: ").await;
    }
    assert!(sns.asked.lock().is_empty(), "{:?}", sns.asked.lock());
    for url in
        ["http://evil.test/", "https://sns.eu-central-1.amazonaws.com.evil.test/", "https://127.0.0.1/"]
    {
        refused(&console, &sns.confirmation("SubscriptionConfirmation", "1", url), 403, "SubscribeURL: ")
            .await;
    }
    assert_eq!(*sns.asked.lock(), ["/SimpleNotificationService-0a1b.pem"], "only the certificate");
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_of_a_configured_topic_confirms_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    let confirmation = sns.confirmation("SubscriptionConfirmation", "1", &confirm_url());
    let mut forged = confirmation.clone();
    forged["Token"] = json!("another");
    refused(&console, &forged, 403, "Signature: ").await;
    taken(&console, &confirmation).await;
    taken(&console, &confirmation).await;
    let confirmed: Vec<String> = sns.asked.lock().iter().filter(|t| t.starts_with("/?")).cloned().collect();
    assert_eq!(confirmed.len(), 1, "{confirmed:?}");
    assert!(confirmed[0].contains("Token=2336412f37fb"), "{confirmed:?}");
    // Going away is heard, and nobody is called back for it.
    taken(&console, &sns.confirmation("UnsubscribeConfirmation", "2", &confirm_url())).await;
    assert_eq!(sns.asked.lock().iter().filter(|t| t.starts_with("/?")).count(), 1);
    assert_eq!((counted(&console, "confirmed").await, counted(&console, "unsubscribed").await), (1, 1));
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_certificate_cannot_be_had_sns_is_told_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (sns, listener) = FakeSns::new(dir.path());
    drop(listener);
    let console = Console::start_with(config(dir.path(), &sns)).await;
    let sent = sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()));
    refused(&console, &sent, 503, "SigningCertURL: ").await;
    sns.serve(TcpListener::bind(sns.address).unwrap(), Has::Certificate);
    taken(&console, &sent).await;
    assert_eq!(counted(&console, "unavailable").await, 1);
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_certificate_is_not_kept_as_one() {
    for text in ["<html>".to_owned(), "x".repeat((64 << 10) + 1)] {
        let dir = tempfile::tempdir().unwrap();
        let (sns, listener) = FakeSns::new(dir.path());
        sns.serve(listener, Has::Text(text));
        let console = Console::start_with(config(dir.path(), &sns)).await;
        let sent = sns.notification("1", &alarm("shop-edge-errors", "ALARM", now_ms()));
        refused(&console, &sent, 503, "SigningCertURL: ").await;
        refused(&console, &sent, 503, "SigningCertURL: ").await;
        assert_eq!(sns.asked.lock().len(), 2);
        console.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_alarm_is_counted_and_what_is_no_message_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (console, sns) = start(dir.path()).await;
    taken(&console, &sns.notification("1", "Your budget is above its limit")).await;
    assert_eq!(counted(&console, "no_alarm").await, 1);
    let wrong = alarm("shop-edge-errors", "ON FIRE", now_ms());
    refused(&console, &sns.notification("2", &wrong), 400, "Message.NewStateValue: ").await;
    let mut unknown = sns.notification("3", "Hello");
    unknown["SignatureVersion"] = json!("3");
    refused(&console, &unknown, 400, "SignatureVersion: ").await;
    // Raw delivery: nothing of it is signed.
    let (status, text) = post(&console, alarm("shop-edge-errors", "ALARM", now_ms())).await;
    assert_eq!(status, 400);
    assert!(text.contains("Type"), "{text}");
    assert_eq!(post(&console, "x".repeat((256 << 10) + 1)).await.0, 413);
    assert_eq!(counted(&console, "malformed").await, 3);
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_topics_there_is_no_such_address() {
    let dir = tempfile::tempdir().unwrap();
    let (sns, _listener) = FakeSns::new(dir.path());
    let console = Console::start_with(lay_out(dir.path())).await;
    let (status, text) = post(&console, sns.notification("1", "Hello").to_string()).await;
    assert_eq!(status, 404);
    assert!(text.contains("sns.topics"), "{text}");
    console.stop().await;
}

/// Names and severities of what fires at an Alertmanager.
async fn firing(base: &str) -> Vec<(String, String)> {
    let asked = reqwest::Client::new().get(format!("{base}/api/v2/alerts")).send().await.unwrap();
    let alerts: Vec<Value> = asked.json().await.unwrap();
    let label = |a: &Value, name: &str| a["labels"][name].as_str().unwrap_or_default().to_owned();
    alerts.iter().map(|a| (label(a, "alertname"), label(a, "severity"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn consoles_that_share_a_state_hand_on_one_order_and_end_what_they_began() {
    let (db, [port]) = (TestDb::empty().await, free_ports().unwrap());
    let base = format!("http://127.0.0.1:{port}");
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (sns, listener) = FakeSns::new(dirs[0].path());
    sns.serve(listener, Has::Certificate);
    let mut configs = dirs.each_ref().map(|dir| {
        let mut config = in_front(dir.path(), &base, "http://127.0.0.1:1");
        hear(&mut config, &sns);
        std::fs::write(dir.path().join("state-url"), &db.url).unwrap();
        config.state.postgres_url_file = Some(dir.path().join("state-url"));
        config
    });
    // A rollout: the second has other severities already.
    configs[0].sns.severity = "critical".to_owned();
    let [first, second] = configs;
    let (first, second) = tokio::join!(Console::start_with(first), Console::start_with(second));

    let began = now_ms() - 60_000;
    let fires = sns.notification("1", &alarm("shop-edge-errors", "ALARM", began));
    refused(&first, &fires, 503, "the alert cannot be kept now").await;
    let peer = alertmanager::start(&alertmanager::program().unwrap(), ROUTES, port).await.unwrap();
    taken(&first, &fires).await;
    let critical = [("shop-edge-errors".to_owned(), "critical".to_owned())];
    assert_eq!(firing(&base).await, critical);

    taken(&second, &sns.notification("2", &alarm("shop-edge-errors", "INSUFFICIENT_DATA", began + 20_000)))
        .await;
    assert_eq!(firing(&base).await, critical, "what fires goes on");
    // As an operator publishes it for an alarm that was deleted: without what it measured.
    let mut over: Value = serde_json::from_str(&alarm("shop-edge-errors", "OK", began + 10_000)).unwrap();
    over["Trigger"].take();
    taken(&second, &sns.notification("3", &over.to_string())).await;
    assert_eq!(firing(&base).await, [], "under whatever labels it ends");
    // SNS sends the beginning again, to one that has not seen it.
    taken(&second, &fires).await;
    assert_eq!(firing(&base).await, [], "it is over");

    taken(&second, &sns.notification("4", &alarm("shop-edge-errors", "ALARM", now_ms()))).await;
    assert_eq!(firing(&base).await, [("shop-edge-errors".to_owned(), "warning".to_owned())]);
    first.stop().await;
    second.stop().await;
    peer.stop().await.unwrap();
}
