//! What one console has, in another one: the program copies a window while both run.

use std::process::{Command, Output};

use console_model::clock::now_ns;
use serde_json::{Value, json};

use super::console::{Console, TOKEN, lay_out};

const SECOND: i64 = 1_000_000_000;

fn export(arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quarterdeck")).arg("export").args(arguments).output().unwrap()
}

async fn post(console: &Console, url: &str, body: &Value) {
    let answer = console.http.post(url).bearer_auth(TOKEN).json(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_goes_from_one_console_to_another() {
    let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (config, other_config) = (lay_out(dir.path()), lay_out(other_dir.path()));
    let (otlp, to_otlp) =
        (format!("http://{}", config.otlp_http), format!("http://{}", other_config.otlp_http));
    let (from, to) = (Console::start_with(config).await, Console::start_with(other_config).await);
    let now = now_ns() - 60 * SECOND;
    let values: Vec<Value> = (0..7000_i64)
        .map(|i| json!([(now + i / 9).to_string(), format!("line {i}"), {"attempt": i.to_string()}]))
        .collect();
    let push = json!({"streams": [{"stream": {"app": "shop", "service_name": "orders"}, "values": values}]});
    post(&from, &from.url("/loki/api/v1/push"), &push).await;
    let spans: Vec<Value> = (1..=40_i64)
        .map(|i| {
            json!({"traceId": format!("{i:032x}"), "spanId": format!("{i:016x}"), "name": "POST /orders", "kind": 2,
                "startTimeUnixNano": (now + i).to_string(), "endTimeUnixNano": (now + i + SECOND).to_string(),
                "attributes": [{"key": "n", "value": {"intValue": i.to_string()}}]})
        })
        .collect();
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]});
    let scope = json!({"name": "s", "version": "1", "attributes": [{"key": "of", "value": {"stringValue": "scope"}}]});
    let spans =
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]});
    post(&from, &format!("{otlp}/v1/traces"), &spans).await;

    let token = dir.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let (token, journal) =
        (token.display().to_string(), dir.path().join("export.json").display().to_string());
    let (start, end) = ((now / SECOND - 5).to_string(), (now / SECOND + 5).to_string());
    let arguments = |logs: &str| -> Vec<String> {
        [
            ("--from", from.base.as_str()),
            ("--from-token-file", &token),
            ("--logs-to", &to.base),
            ("--logs-token-file", &token),
            ("--logs", logs),
            ("--traces-to", &to_otlp),
            ("--traces-token-file", &token),
            ("--start", &start),
            ("--end", &end),
            ("--journal", &journal),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
        .collect()
    };
    let asked = arguments(r#"{app="shop"}"#);
    let copied = tokio::task::spawn_blocking({
        let asked = asked.clone();
        move || export(&asked)
    });
    let copied = copied.await.unwrap();
    let told = String::from_utf8(copied.stdout).unwrap();
    assert!(copied.status.success(), "{told} {}", String::from_utf8_lossy(&copied.stderr));
    assert_eq!(told, "7000 lines and 40 traces are copied\n");
    assert!(String::from_utf8_lossy(&copied.stderr).contains("100 %"));

    let count = "/loki/api/v1/query?query=sum(count_over_time(%7Bapp%3D%22shop%22%7D%5B1h%5D))";
    let counted = to.query(count).await;
    assert_eq!(counted["data"]["result"][0]["value"][1], "7000", "{counted}");
    let series = to
        .query(&format!("/loki/api/v1/series?match[]=%7Bapp%3D%22shop%22%7D&start={start}&end={end}"))
        .await;
    assert_eq!(
        series["data"],
        json!([{"app": "shop", "service_name": "orders"}]),
        "metadata is no label of a stream"
    );
    for id in [1, 40] {
        let path = format!("/api/traces/{id:032x}");
        assert_eq!(to.query(&path).await, from.query(&path).await);
    }

    let other = arguments(r#"{app="bank"}"#);
    let refused = tokio::task::spawn_blocking(move || export(&other)).await.unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("is the journal of another copy") && told.contains("goes on where"), "{told}");
    from.stop().await;
    to.stop().await;
}
