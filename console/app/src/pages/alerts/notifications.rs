//! What was sent, and how the receiver sees it.

use console_model::alert::{DeliveryOutcome, Notification};
use console_ui::{Badge, Notice, Tone};
use leptos::prelude::*;

use crate::pages::{moment::When, slack::SlackMessage};

/// Messages with what became of each, newest first.
#[component]
pub fn Notifications(notifications: Vec<Notification>, now_ms: i64) -> impl IntoView {
    let is_preview = notifications.iter().any(|n| n.outcome == DeliveryOutcome::NotConfigured);
    let hint = is_preview.then(|| {
        view! {
            <Notice tone=Tone::Info>
                "A receiver without an address is shown here only: this is exactly what it would have got."
            </Notice>
        }
    });
    let rows = notifications.into_iter().enumerate().map(|(i, n)| row(n, i == 0, now_ms)).collect_view();
    view! { {hint.map(|hint| view! { <div class="card-hint">{hint}</div> })} <div class="messages">{rows}</div> }
}

fn row(notification: Notification, is_first: bool, now_ms: i64) -> impl IntoView {
    let Notification { id, at_ms, receiver, integration, title, payload, outcome, .. } = notification;
    let (tone, words, reason) = match outcome {
        DeliveryOutcome::Delivered => (Tone::Ok, "Delivered", None),
        DeliveryOutcome::NotConfigured => (Tone::Neutral, "Preview only", None),
        DeliveryOutcome::Failed { reason, attempts } => {
            (Tone::Bad, "Failed", Some(format!("After {attempts} attempts: {reason}")))
        }
    };
    let shown = if integration == "slack" {
        view! { <SlackMessage payload at_ms/> }.into_any()
    } else {
        view! { <pre class="code-block wrap">{payload}</pre> }.into_any()
    };
    view! {
        <details class="fold message" id=format!("message-{id}") open=is_first>
            <summary>
                <span class="message-title">{title}</span>
                <span class="message-side muted">
                    <Badge tone>{words}</Badge>
                    <span>{integration}" · "{receiver}</span>
                    <When t_ms=at_ms now_ms/>
                </span>
            </summary>
            {reason.map(|r| view! { <p class="error-message">{r}</p> })}
            {shown}
        </details>
    }
}
