//! E-mail over SMTP: plain text and HTML.

use std::{path::Path, time::Duration};

use console_model::alert::{Alert, AlertState};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, Mailboxes, MultiPart},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};

use crate::{
    notify::{Attempt, Notice, Prepared, links::Links, secret, webhook::rfc3339},
    routing::Integration,
};

const MAX_ALERTS: usize = 20;

/// Subject and the two bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Mail {
    pub fn compose(notice: &Notice) -> Self {
        let subject =
            format!("[{}] {}", notice.status().to_uppercase(), notice.headline()).replace(['\r', '\n'], " ");
        let (mut text, mut html) = (String::new(), String::new());
        for alert in notice.alerts.iter().take(MAX_ALERTS) {
            add(alert, notice, &mut text, &mut html);
        }
        let more = notice.alerts.len().saturating_sub(MAX_ALERTS);
        if more > 0 {
            text.push_str(&format!("and {more} more: {}/alerts\n", notice.external_url));
            html.push_str(&format!(
                "<p>and {more} more: <a href=\"{0}/alerts\">all alerts</a></p>",
                escape(&notice.external_url)
            ));
        }
        let html = format!(
            "<!doctype html><html><body style=\"font-family:sans-serif;max-width:640px\"><h2>{}</h2>{html}</body></html>",
            escape(&subject)
        );
        Self { subject, text, html }
    }

    /// As kept for the preview.
    pub fn prepared(&self) -> Prepared {
        Prepared {
            title: self.subject.clone(),
            payload: format!("Subject: {}\n\n{}", self.subject, self.text),
        }
    }
}

fn add(alert: &Alert, notice: &Notice, text: &mut String, html: &mut String) {
    let links = Links::of(alert, &notice.external_url);
    let state = if alert.state == AlertState::Resolved { "resolved" } else { "firing" };
    let summary = alert.annotations.get("summary").unwrap_or(&alert.name);
    let mut rows = vec![
        ("State", state.to_owned()),
        ("Service", alert.service().unwrap_or("-").to_owned()),
        ("Severity", alert.severity().to_owned()),
    ];
    if !alert.is_external() {
        rows.push(("Value", console_template::format_significant(alert.value, 4)));
    }
    rows.push(("Since", rfc3339(alert.active_at_ms)));
    if let Some(at) = alert.resolved_at_ms {
        rows.push(("Resolved", rfc3339(at)));
    }
    if let Some(line) = &alert.evidence.log_line {
        rows.push(("Log line", line.clone()));
    }
    let pages = [
        ("Alert", Some(links.alert)),
        ("Trace", links.trace),
        ("Logs", links.logs),
        ("Runbook", links.runbook),
    ];
    text.push_str(&format!("{summary}\n"));
    html.push_str(&format!("<h3>{}</h3>", escape(summary)));
    if let Some(description) = alert.annotations.get("description") {
        text.push_str(&format!("{description}\n"));
        html.push_str(&format!("<p>{}</p>", escape(description)));
    }
    html.push_str("<table cellpadding=\"4\">");
    for (name, value) in rows {
        text.push_str(&format!("  {name}: {value}\n"));
        html.push_str(&format!("<tr><td><b>{name}</b></td><td>{}</td></tr>", escape(&value)));
    }
    html.push_str("</table><p>");
    for (name, url) in pages {
        if let Some(url) = url {
            text.push_str(&format!("  {name}: {url}\n"));
            html.push_str(&format!("<a href=\"{}\">{name}</a> ", escape(&url)));
        }
    }
    text.push('\n');
    html.push_str("</p>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Sends a mail. A smarthost in the reserved domain `.invalid` means that no mail server is configured: Alertmanager
/// demands a smarthost in a file that names mail receivers.
pub async fn send(integration: &Integration, mail: &Mail, beside: &Path, timeout: Duration) -> Attempt {
    let Some(smarthost) = integration.text("smarthost", "smtp_smarthost") else {
        return Attempt::NotConfigured;
    };
    let (host, port) = smarthost.rsplit_once(':').unwrap_or((&smarthost, "25"));
    if host == "invalid" || host.ends_with(".invalid") {
        return Attempt::NotConfigured;
    }
    let give_up = |what: &str, e: &dyn std::fmt::Display| Attempt::GiveUp { reason: format!("{what}: {e}") };
    let message = match build(integration, mail) {
        Ok(message) => message,
        Err(e) => return give_up("message", &e),
    };
    let port: u16 = port.parse().unwrap_or(25);
    let wants_tls =
        integration.fields.bool("require_tls").or_else(|| integration.global.bool("smtp_require_tls"));
    let tls = match TlsParameters::new(host.to_owned()) {
        Ok(parameters) if port == 465 => Tls::Wrapper(parameters),
        Ok(parameters) if wants_tls.unwrap_or(true) => Tls::Required(parameters),
        Ok(parameters) => Tls::Opportunistic(parameters),
        Err(e) => return give_up("tls", &e),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(tls)
        .timeout(Some(timeout));
    if let Some(hello) = integration.text("hello", "smtp_hello") {
        builder = builder.hello_name(ClientId::Domain(hello));
    }
    let user = integration.text("auth_username", "smtp_auth_username");
    let password = secret::lookup(integration, "auth_password", "smtp_auth_password", beside);
    if let (Some(user), Some(password)) = (user, password) {
        builder = builder.credentials(Credentials::new(user, password));
    }
    match builder.build().send(message).await {
        Ok(_) => Attempt::Delivered(None),
        Err(e) if e.is_permanent() => give_up("smtp", &e),
        Err(e) => Attempt::Retry { reason: format!("smtp: {e}"), after_ms: None },
    }
}

fn build(integration: &Integration, mail: &Mail) -> Result<Message, String> {
    let from = integration.text("from", "smtp_from").unwrap_or_default();
    let from: Mailbox = from.parse().map_err(|e| format!("from {from:?}: {e}"))?;
    let to = integration.fields.text("to").unwrap_or_default();
    let to: Mailboxes = to.parse().map_err(|e| format!("to {to:?}: {e}"))?;
    let mut builder = Message::builder().from(from).subject(&mail.subject);
    for mailbox in to {
        builder = builder.to(mailbox);
    }
    builder
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|e| e.to_string())
}
