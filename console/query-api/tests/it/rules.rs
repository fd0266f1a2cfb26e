//! `rules`, `alerts`, `alertmanagers`.

use axum::http::StatusCode;
use console_model::{
    Labels,
    alert::{AlertState, RuleAlert, RuleDetail, RuleGroupStatus, RuleStatus},
};
use serde_json::{Value, json};

use crate::harness::{Api, NOW_S, Told};

fn status(group: &str, name: &str, expr: &str) -> RuleStatus {
    RuleStatus {
        group: group.to_owned(),
        file: format!("{group}.yml"),
        name: name.to_owned(),
        is_recording: false,
        expr: expr.to_owned(),
        for_ms: 300_000,
        labels: Labels::from_pairs([("severity", "page")]),
        annotations: Labels::from_pairs([("summary", "It is down")]),
        state: AlertState::Inactive,
        last_error: None,
        last_evaluation_ms: NOW_S * 1000 + 123,
        evaluation_us: 1500,
    }
}

fn groups() -> Vec<RuleGroupStatus> {
    let firing = RuleAlert {
        labels: Labels::from_pairs([("alertname", "Down"), ("job", "shop")]),
        annotations: Labels::default(),
        state: AlertState::Firing,
        active_at_ms: NOW_S * 1000,
        keep_firing_since_ms: Some(NOW_S * 1000 + 1000),
        value: 0.0,
    };
    let down = RuleDetail {
        status: RuleStatus { state: AlertState::Firing, ..status("shop", "Down", "up==0") },
        keep_firing_for_ms: 60_000,
        alerts: vec![firing],
    };
    let broken = RuleStatus { last_error: Some("no".to_owned()), ..status("shop", "Broken", "x") };
    let record = RuleStatus {
        is_recording: true,
        for_ms: 0,
        annotations: Labels::default(),
        labels: Labels::default(),
        last_evaluation_ms: 0,
        ..status("sums", "job:up:sum", "sum(up)by(job)")
    };
    let detail = |status| RuleDetail { status, keep_firing_for_ms: 0, alerts: Vec::new() };
    let group = |name: &str, rules| RuleGroupStatus {
        name: name.to_owned(),
        file: format!("{name}.yml"),
        interval_ms: 15_000,
        limit: 0,
        last_evaluation_ms: NOW_S * 1000,
        evaluation_us: 2500,
        rules,
    };
    vec![group("shop", vec![down, detail(broken)]), group("sums", vec![detail(record)])]
}

fn api() -> Api {
    Api::start_with(Told { groups: groups(), ..Told::default() })
}

/// `group/rule` of all that is answered.
fn names(data: &Value) -> Vec<String> {
    let all = data["groups"].as_array().unwrap().iter();
    all.flat_map(|g| {
        g["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| format!("{}/{}", g["name"].as_str().unwrap(), r["name"].as_str().unwrap()))
    })
    .collect()
}

#[tokio::test]
async fn groups_are_told_with_rules_and_alerts() {
    let data = api().data("/rules").await;
    let group = &data["groups"][0];
    for (field, wanted) in [
        ("name", json!("shop")),
        ("file", json!("shop.yml")),
        ("interval", json!(15.0)),
        ("limit", json!(0)),
        ("evaluationTime", json!(0.0025)),
        ("lastEvaluation", json!("2027-01-15T08:00:00Z")),
    ] {
        assert_eq!(group[field], wanted, "{field}");
    }
    assert_eq!(
        group["rules"][0],
        json!({
            "type": "alerting", "state": "firing", "name": "Down", "query": "up == 0", "duration": 300.0,
            "keepFiringFor": 60.0, "labels": {"severity": "page"}, "annotations": {"summary": "It is down"},
            "health": "ok", "evaluationTime": 0.0015, "lastEvaluation": "2027-01-15T08:00:00.123Z",
            "alerts": [{
                "labels": {"alertname": "Down", "job": "shop"}, "annotations": {}, "state": "firing",
                "activeAt": "2027-01-15T08:00:00Z", "keepFiringSince": "2027-01-15T08:00:01Z", "value": "0e+00",
            }],
        })
    );
    assert_eq!(
        (&group["rules"][1]["health"], &group["rules"][1]["lastError"]),
        (&json!("err"), &json!("no"))
    );
    assert_eq!(
        data["groups"][1]["rules"][0],
        json!({
            "type": "recording", "name": "job:up:sum", "query": "sum by (job) (up)", "labels": {}, "health": "unknown",
            "evaluationTime": 0.0015, "lastEvaluation": "0001-01-01T00:00:00Z",
        })
    );
}

#[tokio::test]
async fn rules_are_chosen_by_kind_name_group_file_and_labels() {
    let api = api();
    let (down, broken, sum) = ("shop/Down", "shop/Broken", "sums/job:up:sum");
    for (query, wanted) in [
        ("", vec![down, broken, sum]),
        ("type=alert", vec![down, broken]),
        ("type=record", vec![sum]),
        ("rule_name[]=Down&rule_name[]=job:up:sum", vec![down, sum]),
        ("rule_group[]=sums", vec![sum]),
        ("file[]=shop.yml", vec![down, broken]),
        ("file[]=none.yml", vec![]),
        ("match[]=%7Bseverity=%22page%22%7D", vec![down, broken]),
    ] {
        assert_eq!(names(&api.data(&format!("/rules?{query}")).await), wanted, "{query}");
    }
    let quiet = api.data("/rules?exclude_alerts=true").await;
    assert_eq!(quiet["groups"][0]["rules"][0]["alerts"], Value::Null);
    for (query, message) in [
        ("type=other", "invalid parameter \"type\": not supported value \"other\""),
        (
            "exclude_alerts=maybe",
            "invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (
            "group_limit=x",
            "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("group_limit=0", "invalid parameter \"group_limit\": group_limit needs to be greater than 0"),
        (
            "group_next_token=x",
            "invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups",
        ),
        (
            "group_limit=1&group_next_token=x",
            "invalid parameter \"group_next_token\": invalid group_next_token 'x'. were rule groups changed?",
        ),
    ] {
        let (status, answer) = api.get(&format!("/rules?{query}")).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(message)));
    }
}

#[tokio::test]
async fn groups_come_page_by_page() {
    let api = api();
    let first = api.data("/rules?group_limit=1").await;
    assert_eq!(names(&first), ["shop/Down", "shop/Broken"]);
    let token = first["groupNextToken"].as_str().unwrap();
    let second = api.data(&format!("/rules?group_limit=1&group_next_token={token}")).await;
    assert_eq!((names(&second), second.get("groupNextToken")), (vec!["sums/job:up:sum".to_owned()], None));
}

#[tokio::test]
async fn alerts_are_those_of_all_rules() {
    let api = api();
    let data = api.data("/alerts").await;
    assert_eq!(data["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&data["alerts"][0]["state"], &data["alerts"][0]["value"]),
        (&json!("firing"), &json!("0e+00"))
    );
    let none = json!({"activeAlertmanagers": [], "droppedAlertmanagers": []});
    assert_eq!(api.data("/alertmanagers").await, none);
}
