//! Slack messages in Block Kit: what broke, how much, since when, the proof, and where to go on.
//!
//! Text from telemetry is untrusted: `&`, `<`, `>` are escaped as Slack asks, so that no label can mention a channel or
//! forge a link, and values stand in code spans. Sizes stay below Slack's limits.

use std::path::Path;

use console_model::alert::{Alert, AlertState};
use serde_json::{Value, json};

use crate::{
    dispatch::SlackMessage,
    evidence::truncated,
    notify::{Attempt, Notice, Prepared, links::Links, secret},
    routing::Integration,
};

const POST_MESSAGE: &str = "https://slack.com/api/chat.postMessage";

/// Where a message goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// An incoming webhook: messages cannot be edited, a second one tells of the resolution.
    Webhook(String),
    /// The Web API with a bot's token.
    Bot { url: String, token: String, edit_in_place: bool },
}

impl Target {
    /// The integration's own webhook or token, else the global one; `None` when neither is configured.
    pub(crate) fn of(integration: &Integration, routing_file: &Path) -> Option<Self> {
        let find = |name: &str, global: &str| secret::lookup(integration, name, global, routing_file);
        let own =
            |name: &str| integration.fields.has(name) || integration.fields.has(&format!("{name}_file"));
        let app_url = integration.text("app_url", "slack_app_url").unwrap_or_else(|| POST_MESSAGE.to_owned());
        let edit_in_place = integration.fields.bool("update_message").unwrap_or(true);
        let credentials = integration
            .fields
            .json("http_config")
            .and_then(|c| c.get("authorization")?.get("credentials")?.as_str().map(str::to_owned));
        if !own("api_url")
            && let Some(token) = credentials.or_else(|| find("app_token", "slack_app_token"))
        {
            return Some(Self::Bot { url: app_url, token, edit_in_place });
        }
        find("api_url", "slack_api_url").map(Self::Webhook)
    }
}

/// The call that posts a message, or edits the one that was posted before.
pub(crate) fn bot_call(url: &str, payload: &str, edits: Option<&SlackMessage>) -> (String, String) {
    let Some(message) = edits else { return (url.to_owned(), payload.to_owned()) };
    let mut body: Value = serde_json::from_str(payload).unwrap_or_default();
    body["channel"] = json!(message.channel);
    body["ts"] = json!(message.ts);
    (url.replace("chat.postMessage", "chat.update"), body.to_string())
}

/// The Web API answers 200 also when it refuses.
pub(crate) fn bot_answer(answer: &str) -> Attempt {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    if answer.get("ok") == Some(&json!(true)) {
        return Attempt::Delivered(
            text("channel").zip(text("ts")).map(|(channel, ts)| SlackMessage { channel, ts }),
        );
    }
    let reason = format!("slack refused: {}", text("error").unwrap_or_else(|| "no reason given".to_owned()));
    match text("error").as_deref() {
        Some(
            "ratelimited" | "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout",
        )
        | None => Attempt::Retry { reason, after_ms: None },
        Some(_) => Attempt::GiveUp { reason },
    }
}

/// Alerts told in full; more are counted.
const MAX_ALERTS: usize = 5;
// Slack's limits, counted in characters there and in bytes here.
const MAX_HEADER: usize = 150;
const MAX_SECTION: usize = 2900;
const MAX_FIELD: usize = 1900;
const MAX_URL: usize = 3000;
const MAX_LINE: usize = 900;
const MAX_FALLBACK: usize = 3000;

/// What the routing file says about the message's looks.
#[derive(Clone, Debug, Default)]
pub struct Style {
    pub title: Option<String>,
    pub text: Option<String>,
    pub color: Option<String>,
    pub username: Option<String>,
    pub icon_emoji: Option<String>,
    pub icon_url: Option<String>,
    pub channel: Option<String>,
}

/// The message as JSON.
pub fn compose(notice: &Notice, style: &Style) -> Prepared {
    let title = style.title.clone().unwrap_or_else(|| title(notice));
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": truncated(&title, MAX_HEADER), "emoji": true },
    })];
    if let Some(text) = &style.text {
        blocks.push(section(text));
    }
    let told: Vec<&Alert> = notice.alerts.iter().take(MAX_ALERTS).collect();
    for (i, alert) in told.iter().enumerate() {
        if i > 0 {
            blocks.push(json!({ "type": "divider" }));
        }
        blocks.extend(alert_blocks(alert, notice));
    }
    let more = notice.alerts.len() - told.len();
    if more > 0 {
        blocks.push(section(&format!("and {more} more: <{}/alerts|all alerts>", notice.external_url)));
    }
    blocks.push(context(notice));
    let first = notice.alerts.first().and_then(|a| a.annotations.get("summary")).unwrap_or_default();
    let fallback =
        format!("{}{}{}", escape(&title), if first.is_empty() { "" } else { " — " }, escape(first));
    let mut message = json!({
        "text": truncated(&fallback, MAX_FALLBACK),
        "attachments": [{
            "color": style.color.clone().unwrap_or_else(|| color(notice).to_owned()),
            "blocks": blocks,
        }],
    });
    let optional = [
        ("channel", &style.channel),
        ("username", &style.username),
        ("icon_emoji", &style.icon_emoji),
        ("icon_url", &style.icon_url),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            message[name] = json!(value);
        }
    }
    Prepared { title, payload: message.to_string() }
}

fn title(notice: &Notice) -> String {
    if !notice.is_firing() {
        return format!("✅ Resolved: {}", notice.headline());
    }
    let sign = match notice.severity() {
        "critical" | "page" => "🔴",
        "warning" => "🟠",
        _ => "🔵",
    };
    let count = notice.firing().count();
    let count = if count > 1 { format!(" ({count} alerts)") } else { String::new() };
    format!("{sign} {}{count}", notice.headline())
}

fn color(notice: &Notice) -> &'static str {
    if !notice.is_firing() {
        return "#2e9e5b";
    }
    match notice.severity() {
        "critical" | "page" => "#d1293d",
        "warning" => "#e08a00",
        _ => "#3a78c9",
    }
}

fn alert_blocks(alert: &Alert, notice: &Notice) -> Vec<Value> {
    let links = Links::of(alert, &notice.external_url);
    let mut blocks = Vec::new();
    let text = ["summary", "description"]
        .iter()
        .filter_map(|n| alert.annotations.get(n))
        .enumerate()
        .map(|(i, t)| if i == 0 { format!("*{}*", escape(t)) } else { escape(t) })
        .collect::<Vec<_>>()
        .join("\n");
    if !text.is_empty() {
        blocks.push(section(&text));
    }
    let mut fields = vec![field("Service", &code(alert.service().unwrap_or("-")))];
    if !alert.is_external() {
        fields.push(field("Value", &code(&console_template::format_significant(alert.value, 4))));
    }
    fields.push(field("Since", &date(alert.active_at_ms)));
    fields.push(field("Severity", &code(alert.severity())));
    if let (AlertState::Resolved, Some(at)) = (alert.state, alert.resolved_at_ms) {
        fields.push(field("Resolved", &date(at)));
        fields.push(field("Lasted", &lasted(at - alert.active_at_ms)));
    }
    blocks.push(json!({ "type": "section", "fields": fields }));
    if let Some(evidence) = evidence(alert, &links) {
        blocks.push(evidence);
    }
    let buttons = [
        ("Open alert", Some(&links.alert)),
        ("Trace", links.trace.as_ref()),
        ("Logs", links.logs.as_ref()),
        ("Runbook", links.runbook.as_ref()),
    ];
    let buttons: Vec<Value> = buttons
        .into_iter()
        .filter_map(|(name, url)| url.filter(|u| u.len() <= MAX_URL).map(|u| (name, u)))
        .enumerate()
        .map(|(i, (name, url))| {
            let mut button =
                json!({ "type": "button", "text": { "type": "plain_text", "text": name }, "url": url });
            if i == 0 && alert.state == AlertState::Firing {
                button["style"] = json!("primary");
            }
            button
        })
        .collect();
    blocks.push(json!({ "type": "actions", "elements": buttons }));
    blocks
}

fn evidence(alert: &Alert, links: &Links) -> Option<Value> {
    let trace = links
        .trace
        .as_ref()
        .zip(alert.evidence.trace_id)
        .map(|(url, id)| format!("*Trace* <{}|{}>", escape(url), &id.to_string()[..16]));
    let line = alert.evidence.log_line.as_deref().map(|line| {
        let shown = readable(line).replace("```", "'''");
        format!("*Log line*\n```{}```", escape(&truncated(&shown, MAX_LINE)))
    });
    let text: Vec<String> = trace.into_iter().chain(line).collect();
    (!text.is_empty()).then(|| section(&text.join("\n")))
}

/// A JSON line as `message key=value …`, anything else as it is.
fn readable(line: &str) -> String {
    let Ok(Value::Object(map)) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    let mut fields = map;
    let message = ["message", "msg"].iter().find_map(|k| fields.remove(*k));
    let Some(Value::String(message)) = message else { return line.to_owned() };
    if let Some(Value::Object(inner)) = fields.remove("fields") {
        fields.extend(inner);
    }
    let noise = |k: &str| {
        matches!(k, "timestamp" | "target" | "span_id" | "span" | "spans" | "level" | "trace_id")
            || k.starts_with('_')
    };
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let rest: Vec<String> =
        fields.iter().filter(|(k, _)| !noise(k)).map(|(k, v)| format!("{k}={}", text(v))).collect();
    format!("{message} {}", rest.join(" ")).trim_end().to_owned()
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": truncated(text, MAX_SECTION) } })
}

fn field(name: &str, value: &str) -> Value {
    json!({ "type": "mrkdwn", "text": truncated(&format!("*{name}*\n{value}"), MAX_FIELD) })
}

fn context(notice: &Notice) -> Value {
    let labels: Vec<String> = notice.group_labels.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
    let text = format!("Quarterdeck · {} · receiver {}", escape(&labels.join(" ")), escape(&notice.receiver));
    json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": truncated(&text, MAX_FIELD) }] })
}

/// A date that Slack shows in the reader's time zone.
fn date(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let plain =
        chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC");
    format!("<!date^{seconds}^{{date_short_pretty}} {{time_secs}}|{plain}>")
}

fn lasted(ms: i64) -> String {
    crate::duration::PromDuration((ms / 1000).max(1) * 1000).to_string()
}

fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'"))
}

/// Slack's three control characters (api.slack.com/reference/surfaces/formatting).
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
