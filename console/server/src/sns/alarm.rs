//! The alarm in a message of CloudWatch, as an alert.

use alerting_engine::{Condition, ExternalAlert};
use chrono::DateTime;
use console_model::Labels;
use serde::Deserialize;
use serde_json::Value;

use crate::config::SnsConfig;

const MAX_NAME_CHARS: usize = 255;
const MAX_TEXT_CHARS: usize = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    #[serde(default)]
    alarm_description: Option<String>,
    #[serde(rename = "AWSAccountId")]
    account: String,
    #[serde(rename = "NewStateValue")]
    state: String,
    #[serde(default, rename = "NewStateReason")]
    reason: String,
    state_change_time: String,
    alarm_arn: String,
    #[serde(default)]
    trigger: Option<Trigger>,
}

/// Of a composite alarm there is none, and one of several metrics has the namespace below each.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    metrics: Vec<Value>,
}

/// The alert of a message; none where it is of no alarm. An error names the field.
pub fn read(message: &str, config: &SnsConfig) -> Result<Option<ExternalAlert>, String> {
    let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(message) else { return Ok(None) };
    if value.get("AlarmName").is_none() || value.get("NewStateValue").is_none() {
        return Ok(None);
    }
    let alarm: Alarm = serde_json::from_value(value).map_err(|e| format!("Message: not an alarm: {e}"))?;
    let wrong = |field: &str, why: &str| format!("Message.{field}: {why}");
    let condition = match alarm.state.as_str() {
        "ALARM" => Condition::Firing,
        "OK" => Condition::Resolved,
        "INSUFFICIENT_DATA" => Condition::Unknown,
        _ => return Err(wrong("NewStateValue", "not ALARM, OK or INSUFFICIENT_DATA")),
    };
    if alarm.alarm_name.is_empty() || alarm.alarm_name.chars().count() > MAX_NAME_CHARS {
        return Err(wrong("AlarmName", "not 1 to 255 characters"));
    }
    let account = &alarm.account;
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("AWSAccountId", "not 12 digits"));
    }
    // arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME. `Region` beside it is a name for people.
    let parts: Vec<&str> = alarm.alarm_arn.splitn(7, ':').collect();
    let ["arn", _, "cloudwatch", region, of, "alarm", name] = parts.as_slice() else {
        return Err(wrong("AlarmArn", "not arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME"));
    };
    if of != account || name != &alarm.alarm_name {
        return Err(wrong("AlarmArn", "of another account or alarm than the message names"));
    }
    let changed_at_ms = moment(&alarm.state_change_time).map_err(|why| wrong("StateChangeTime", &why))?;
    let labels = [
        ("alertname", alarm.alarm_name.as_str()),
        ("severity", config.severity_of(&alarm.alarm_name)),
        ("source", "cloudwatch"),
        ("account", account.as_str()),
        ("region", *region),
    ];
    let namespace = alarm.trigger.as_ref().and_then(Trigger::namespace).unwrap_or_default();
    // An empty label is none.
    let labels = labels.into_iter().chain([("namespace", namespace)]).filter(|(_, v)| !v.is_empty());
    let what = alarm.alarm_description.as_deref().unwrap_or_default().trim();
    let mut summary = cut(if what.is_empty() { &alarm.alarm_name } else { what });
    if condition == Condition::Unknown {
        summary = format!("{}: {summary}", alarm.state);
    }
    let reason = cut(&alarm.reason);
    let runbook = config.runbook_url.as_deref().unwrap_or_default();
    let annotations =
        [("summary", summary.as_str()), ("description", reason.as_str()), ("runbook_url", runbook)];
    Ok(Some(ExternalAlert {
        key: alarm.alarm_arn.clone(),
        labels: Labels::from_pairs(labels),
        annotations: Labels::from_pairs(annotations.into_iter().filter(|(_, v)| !v.is_empty())),
        condition,
        told_state: alarm.state.clone(),
        changed_at_ms,
    }))
}

impl Trigger {
    fn namespace(&self) -> Option<&str> {
        let of_metrics =
            || self.metrics.iter().find_map(|m| m.pointer("/MetricStat/Metric/Namespace")?.as_str());
        self.namespace.as_deref().or_else(of_metrics).filter(|n| n.chars().count() <= MAX_NAME_CHARS)
    }
}

/// `2026-01-02T03:04:05.678+0000`: the offset has no colon, which RFC 3339 wants.
fn moment(text: &str) -> Result<i64, String> {
    let parsed = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    parsed.map(|at| at.timestamp_millis()).map_err(|e| e.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As CloudWatch writes it.
    fn alarm() -> Value {
        json!({
            "AlarmName": "shop-edge-errors", "AlarmDescription": "the load balancer answers 5xx by itself",
            "AWSAccountId": "111122223333", "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000",
            "NewStateValue": "ALARM", "NewStateReason": "Threshold Crossed: 3 datapoints were greater than 20.0.",
            "StateChangeTime": "2026-01-02T03:04:05.678+0000", "Region": "EU (Frankfurt)",
            "AlarmArn": "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:shop-edge-errors", "OldStateValue": "OK",
            "OKActions": [], "AlarmActions": ["arn:aws:sns:eu-central-1:111122223333:alarms"],
            "InsufficientDataActions": [],
            "Trigger": {"MetricName": "HTTPCode_ELB_5XX_Count", "Namespace": "AWS/ApplicationELB",
                "StatisticType": "Statistic", "Statistic": "SUM", "Unit": null,
                "Dimensions": [{"value": "app/shop/1", "name": "LoadBalancer"}], "Period": 60,
                "EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 20.0},
        })
    }

    fn config() -> SnsConfig {
        SnsConfig {
            severities: [
                ("shop-".to_owned(), "info".to_owned()),
                ("shop-edge-".to_owned(), "critical".to_owned()),
            ]
            .into(),
            runbook_url: Some("/runbooks/guides/cloud".to_owned()),
            ..SnsConfig::default()
        }
    }

    fn of(change: impl FnOnce(&mut Value)) -> Result<Option<ExternalAlert>, String> {
        let mut sent = alarm();
        change(&mut sent);
        read(&sent.to_string(), &config())
    }

    #[test]
    fn an_alarm_is_an_alert() {
        let alert = of(|_| ()).unwrap().unwrap();
        assert_eq!(
            alert.labels.to_string(),
            r#"{account="111122223333", alertname="shop-edge-errors", namespace="AWS/ApplicationELB", region="eu-central-1", severity="critical", source="cloudwatch"}"#
        );
        assert_eq!(alert.annotations.get("summary"), Some("the load balancer answers 5xx by itself"));
        assert!(alert.annotations.get("description").unwrap().starts_with("Threshold Crossed"));
        assert_eq!((alert.condition, alert.changed_at_ms), (Condition::Firing, 1_767_323_045_678));
        let over = of(|a| a["NewStateValue"] = json!("OK")).unwrap().unwrap();
        assert_eq!((over.condition, &over.key), (Condition::Resolved, &alert.key));
        let unknown = of(|a| a["NewStateValue"] = json!("INSUFFICIENT_DATA")).unwrap().unwrap();
        assert_eq!(unknown.condition, Condition::Unknown);
        assert!(unknown.annotations.get("summary").unwrap().starts_with("INSUFFICIENT_DATA: the load"));
    }

    #[test]
    fn alarms_of_several_metrics_and_of_other_alarms_are_read() {
        let metrics = json!({"Metrics": [{"Expression": "a/b", "Id": "e"},
            {"Id": "a", "MetricStat": {"Metric": {"Namespace": "AWS/S3"}, "Stat": "Sum"}}]});
        let alert = of(|a| a["Trigger"] = metrics).unwrap().unwrap();
        assert_eq!(alert.labels.get("namespace"), Some("AWS/S3"));
        let composite = of(|a| {
            a["Trigger"] = Value::Null;
            a["AlarmDescription"] = Value::Null;
            a["StateChangeTime"] = json!("2026-01-02T03:04:05Z");
        });
        let alert = composite.unwrap().unwrap();
        assert_eq!((alert.labels.get("namespace"), alert.changed_at_ms), (None, 1_767_323_045_000));
        assert_eq!(alert.annotations.get("summary"), Some("shop-edge-errors"));
    }

    #[test]
    fn what_is_no_alarm_is_none_and_what_is_wrong_in_one_is_named() {
        for other in
            ["Hello world!", "[1]", "{\"detail-type\": \"AWS Health Event\"}", "{\"AlarmName\": \"x\"}", ""]
        {
            assert_eq!(read(other, &config()), Ok(None), "{other}");
        }
        let error = |field: &str, value: Value| of(|a| a[field] = value).unwrap_err();
        for (field, value) in [
            ("NewStateValue", json!("BAD")),
            ("AlarmName", json!("x".repeat(256))),
            ("AWSAccountId", json!("1")),
            ("AlarmArn", json!("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:other")),
            ("StateChangeTime", json!("yesterday")),
        ] {
            let text = error(field, value);
            assert!(text.starts_with(&format!("Message.{field}: ")), "{text}");
        }
        let text = of(|a| drop(a.as_object_mut().unwrap().remove("AlarmArn"))).unwrap_err();
        assert!(text.contains("AlarmArn"), "{text}");
    }
}
