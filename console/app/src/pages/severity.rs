//! How bad an alert is, in words and colour.

use console_model::alert::{Alert, AlertState, TOLD_STATE};
use console_ui::{Badge, Tone};
use leptos::prelude::*;

/// The colour of a severity label. `none` and unknown ones are neutral.
pub fn severity_tone(severity: &str) -> Tone {
    match severity {
        "critical" | "page" | "error" => Tone::Bad,
        "warning" | "ticket" => Tone::Warn,
        "info" => Tone::Info,
        _ => Tone::Neutral,
    }
}

/// Whether somebody has to look: an alert of severity `none` only proves that alerting works.
pub fn concerns_someone(alert: &Alert) -> bool {
    alert.severity() != "none"
}

/// State and severity as one colour: only what fires is loud.
pub fn alert_tone(alert: &Alert) -> Tone {
    match alert.state {
        AlertState::Firing => severity_tone(alert.severity()),
        AlertState::Pending => Tone::Info,
        AlertState::Resolved => Tone::Ok,
        AlertState::Inactive => Tone::Neutral,
    }
}

/// `Firing`, `Pending`, `Resolved`, `Inactive`.
pub fn state_words(state: AlertState) -> &'static str {
    match state {
        AlertState::Firing => "Firing",
        AlertState::Pending => "Pending",
        AlertState::Resolved => "Resolved",
        AlertState::Inactive => "Inactive",
    }
}

/// The state on its colour.
#[component]
pub fn StateBadge(alert: Alert) -> impl IntoView {
    // No rule of ours waits for anything here: the words of whoever decides say why.
    let told = alert.annotations.get(TOLD_STATE).filter(|_| alert.state == AlertState::Pending);
    let words = told.unwrap_or(state_words(alert.state)).to_owned();
    view! { <Badge tone=alert_tone(&alert)>{words}</Badge> }
}
