//! Receivers: the integrations Alertmanager knows, their fields, and what each needs.

use crate::{error::Problems, routing::fields::Fields};

/// A receiver with the integrations that this engine sends through.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    pub name: String,
    pub integrations: Vec<Integration>,
}

/// One way out of a receiver. Secrets do not print.
#[derive(Clone)]
pub struct Integration {
    pub kind: Kind,
    pub(crate) fields: Fields,
    pub(crate) global: std::sync::Arc<Fields>,
    /// Position among the receiver's integrations of this kind.
    pub index: usize,
}

impl std::fmt::Debug for Integration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.kind.name(), self.index)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Slack,
    Email,
    Webhook,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }
}

impl Integration {
    /// The field of the integration, else the global one under `global_name`.
    pub(crate) fn text(&self, name: &str, global_name: &str) -> Option<String> {
        self.fields.text(name).or_else(|| self.global.text(global_name))
    }

    /// Alertmanager's defaults: on for webhooks, off for Slack and e-mail. Here Slack resolves too unless it is
    /// switched off, because a message must not stay untrue.
    pub fn send_resolved(&self) -> bool {
        self.fields.bool("send_resolved").unwrap_or(!matches!(self.kind, Kind::Email))
    }
}

/// Fields that every integration has.
const COMMON: &[&str] = &["send_resolved", "http_config"];

/// An integration of Alertmanager: its YAML key, its fields, and credentials as (own, global) pairs of alternatives.
struct Known {
    key: &'static str,
    sends: Option<Kind>,
    fields: &'static [&'static str],
    /// At least one of these fields of the integration, or of the global section, must be set.
    needs: &'static [Need],
}

struct Need {
    own: &'static [&'static str],
    global: &'static [&'static str],
    message: &'static str,
}

const fn need(own: &'static [&'static str], global: &'static [&'static str], message: &'static str) -> Need {
    Need { own, global, message }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { key: "slack_configs", sends: Some(Kind::Slack), fields: &["api_url", "api_url_file", "app_token",
        "app_token_file", "app_url", "channel", "username", "color", "title", "title_link", "pretext", "text",
        "message_text", "fields", "short_fields", "footer", "fallback", "callback_id", "icon_emoji", "icon_url", "image_url",
        "thumb_url", "link_names", "mrkdwn_in", "actions", "update_message", "timeout"],
        needs: &[need(&["api_url", "api_url_file", "app_token", "app_token_file"],
            &["slack_api_url", "slack_api_url_file", "slack_app_token", "slack_app_token_file"],
            "no global Slack API URL nor App token set either inline or in a file")] },
    Known { key: "email_configs", sends: Some(Kind::Email), fields: &["to", "from", "hello", "smarthost",
        "auth_username", "auth_password", "auth_password_file", "auth_secret", "auth_secret_file", "auth_identity",
        "headers", "html", "text", "require_tls", "force_implicit_tls", "tls_config", "threading"],
        needs: &[need(&["to"], &[], "missing to address in email config"),
            need(&["smarthost"], &["smtp_smarthost"], "no global SMTP smarthost set"),
            need(&["from"], &["smtp_from"], "no global SMTP from set")] },
    Known { key: "webhook_configs", sends: Some(Kind::Webhook), fields: &["url", "url_file", "max_alerts", "timeout"],
        needs: &[need(&["url", "url_file"], &[], "one of url or url_file must be configured")] },
    Known { key: "pagerduty_configs", sends: None, fields: &["service_key", "service_key_file", "routing_key",
        "routing_key_file", "url", "client", "client_url", "description", "details", "images", "links", "source",
        "severity", "class", "component", "group", "timeout"],
        needs: &[need(&["service_key", "service_key_file", "routing_key", "routing_key_file"], &[],
            "missing service or routing key in PagerDuty config")] },
    Known { key: "opsgenie_configs", sends: None, fields: &["api_key", "api_key_file", "api_url", "message",
        "description", "source", "details", "entity", "responders", "actions", "tags", "note", "priority",
        "update_alerts"],
        needs: &[need(&["api_key", "api_key_file"], &["opsgenie_api_key", "opsgenie_api_key_file"],
            "no global OpsGenie API Key set either inline or in a file")] },
    Known { key: "victorops_configs", sends: None, fields: &["api_key", "api_key_file", "api_url", "routing_key",
        "message_type", "state_message", "entity_display_name", "monitoring_tool", "custom_fields"],
        needs: &[need(&["routing_key"], &[], "missing Routing key in VictorOps config"),
            need(&["api_key", "api_key_file"], &["victorops_api_key", "victorops_api_key_file"],
            "no global VictorOps API Key set")] },
    Known { key: "pushover_configs", sends: None, fields: &["user_key", "user_key_file", "token", "token_file",
        "title", "message", "url", "url_title", "device", "sound", "priority", "retry", "expire", "ttl", "html",
        "monospace"],
        needs: &[need(&["user_key", "user_key_file"], &[], "one of user_key or user_key_file must be configured"),
            need(&["token", "token_file"], &[], "one of token or token_file must be configured")] },
    Known { key: "wechat_configs", sends: None, fields: &["api_secret", "api_secret_file", "corp_id", "message",
        "api_url", "to_user", "to_party", "to_tag", "agent_id", "message_type"],
        needs: &[need(&["api_secret", "api_secret_file"], &["wechat_api_secret", "wechat_api_secret_file"],
            "no global Wechat Api Secret set either inline or in a file"),
            need(&["corp_id"], &["wechat_api_corp_id"], "no global Wechat CorpID set")] },
    Known { key: "sns_configs", sends: None, fields: &["api_url", "sigv4", "topic_arn", "phone_number", "target_arn",
        "subject", "message", "attributes"],
        needs: &[need(&["topic_arn", "phone_number", "target_arn"], &[],
            "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config")] },
    Known { key: "telegram_configs", sends: None, fields: &["api_url", "bot_token", "bot_token_file", "chat_id",
        "chat_id_file", "message_thread_id", "message", "disable_notifications", "parse_mode"],
        needs: &[need(&["bot_token", "bot_token_file"], &["telegram_bot_token", "telegram_bot_token_file"],
            "missing bot_token or bot_token_file on telegram_config"),
            need(&["chat_id", "chat_id_file"], &[], "missing chat_id on telegram_config")] },
    Known { key: "discord_configs", sends: None, fields: &["webhook_url", "webhook_url_file", "content", "username",
        "avatar_url", "title", "message"],
        needs: &[need(&["webhook_url", "webhook_url_file"], &[], "no discord webhook URL provided")] },
    Known { key: "webex_configs", sends: None, fields: &["api_url", "room_id", "message"],
        needs: &[need(&["room_id"], &[], "missing room_id on webex_config")] },
    Known { key: "msteams_configs", sends: None, fields: &["webhook_url", "webhook_url_file", "title", "summary",
        "text"],
        needs: &[need(&["webhook_url", "webhook_url_file"], &[], "no msteams webhook URL or URLFile provided")] },
    Known { key: "msteamsv2_configs", sends: None, fields: &["webhook_url", "webhook_url_file", "title", "text"],
        needs: &[need(&["webhook_url", "webhook_url_file"], &[], "no msteamsv2 webhook URL or URLFile provided")] },
    Known { key: "jira_configs", sends: None, fields: &["api_url", "api_type", "project", "summary", "description",
        "labels", "priority", "issue_type", "reopen_transition", "resolve_transition", "wont_fix_resolution",
        "reopen_duration", "fields", "custom_fields"],
        needs: &[need(&["project"], &[], "missing project in jira_config"),
            need(&["issue_type"], &[], "missing issue_type in jira_config"),
            need(&["api_url"], &["jira_api_url"], "no global Jira Cloud URL set")] },
    Known { key: "rocketchat_configs", sends: None, fields: &["api_url", "channel", "token", "token_file", "token_id",
        "token_id_file", "title", "title_link", "text", "fields", "short_fields", "image_url", "thumb_url",
        "link_names", "emoji", "icon_url", "color", "actions"],
        needs: &[need(&["token", "token_file"], &["rocketchat_token", "rocketchat_token_file"],
            "no global Rocketchat Token set either inline or in a file"),
            need(&["token_id", "token_id_file"], &["rocketchat_token_id", "rocketchat_token_id_file"],
            "no global Rocketchat TokenID set either inline or in a file")] },
    Known { key: "mattermost_configs", sends: None, fields: &["webhook_url", "webhook_url_file", "channel",
        "username", "text", "icon_url", "icon_emoji", "fallback", "color", "pretext", "author_name", "author_link",
        "author_icon", "title", "title_link", "fields", "thumb_url", "footer", "footer_icon", "image_url",
        "attachments", "props", "priority", "type"],
        needs: &[need(&["webhook_url", "webhook_url_file"], &["mattermost_webhook_url", "mattermost_webhook_url_file"],
            "no global Mattermost Webhook URL set either inline or in a file")] },
    Known { key: "incidentio_configs", sends: None, fields: &["url", "url_file", "alert_source_token",
        "alert_source_token_file", "max_alerts", "timeout"],
        needs: &[need(&["url", "url_file"], &[], "one of url or url_file must be configured")] },
];

/// Checks a list of integrations under `key`. Answers those that can be sent through; `unsupported` gets the others.
pub(crate) fn check_integrations(
    path: &str,
    key: &str,
    line: u64,
    list: Vec<Fields>,
    global: &std::sync::Arc<Fields>,
    problems: &mut Problems,
    unsupported: &mut Vec<(u64, String)>,
) -> Vec<Integration> {
    let Some(known) = KNOWN.iter().find(|k| k.key == key) else {
        problems.add(line, path, format!("unknown field {key:?}"));
        return Vec::new();
    };
    let mut out = Vec::new();
    for (index, fields) in list.into_iter().enumerate() {
        let path = format!("{path}.{key}[{index}]");
        fields.check_known(&path, &[COMMON, known.fields], problems);
        for file in known.fields.iter().filter(|f| f.ends_with("_file")) {
            fields.check_one_of(&path, file.trim_end_matches("_file"), file, problems);
        }
        for n in known.needs {
            let set = n.own.iter().any(|f| fields.has(f)) || n.global.iter().any(|f| global.has(f));
            if !set {
                problems.add(line, &path, n.message);
            }
        }
        match known.sends {
            Some(kind) => {
                check_sendable(kind, &fields, global, &path, line, problems);
                out.push(Integration { kind, fields, global: global.clone(), index });
            }
            None => unsupported.push((line, format!("{path}: this integration is not supported"))),
        }
    }
    out
}

fn check_sendable(
    kind: Kind,
    fields: &Fields,
    global: &Fields,
    path: &str,
    line: u64,
    problems: &mut Problems,
) {
    match kind {
        Kind::Slack => {
            let webhook = fields.has("api_url") || fields.has("api_url_file");
            let token = fields.has("app_token") || fields.has("app_token_file");
            if webhook && token {
                problems.add(
                    line,
                    path,
                    "at most one of app_token/app_token_file & api_url/api_url_file must be configured",
                );
            }
            let url = fields.text("api_url").or_else(|| global.text("slack_api_url")).unwrap_or_default();
            let global_token = global.has("slack_app_token") || global.has("slack_app_token_file");
            let by_token = token || url.ends_with("/chat.postMessage") || (!webhook && global_token);
            if fields.bool("update_message") == Some(true) && !by_token {
                problems.add(
                    fields.line("update_message"),
                    path,
                    "update_message needs a bot token: webhook messages can't be edited",
                );
            }
            for name in ["api_url", "app_url"] {
                check_url(fields, name, path, problems);
            }
        }
        Kind::Webhook => check_url(fields, "url", path, problems),
        Kind::Email => {
            if let Some(host) = fields.text("smarthost")
                && !host_and_port(&host)
            {
                problems.add(fields.line("smarthost"), path, format!("address {host:?}: missing port"));
            }
        }
    }
}

pub(crate) fn check_url(fields: &Fields, name: &str, path: &str, problems: &mut Problems) {
    let Some(text) = fields.text(name) else { return };
    let good = url::Url::parse(&text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    if !good {
        // The value may hold a secret: it is not repeated.
        problems.add(fields.line(name), format!("{path}.{name}"), "must be an http or https URL");
    }
}

pub(crate) fn host_and_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}
