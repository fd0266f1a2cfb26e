//! Moments as people read them: how long ago, and exactly when, in UTC.

use leptos::prelude::*;

use crate::view::format;

/// `3 min ago`; the exact time stands in the title.
#[component]
pub fn When(t_ms: i64, now_ms: i64) -> impl IntoView {
    let exact = format!("{} UTC", format::time_utc(t_ms));
    view! { <time datetime=format::rfc3339(t_ms) title=exact>{format::ago(t_ms, now_ms)}</time> }
}

/// `2026-01-31 12:00:05 UTC, 3 min ago`.
#[component]
pub fn Moment(t_ms: i64, now_ms: i64) -> impl IntoView {
    view! {
        <time datetime=format::rfc3339(t_ms)>{format!("{} UTC", format::time_utc(t_ms))}</time>
        <span class="muted">{format!(", {}", format::ago(t_ms, now_ms))}</span>
    }
}
