//! One number that matters.

use leptos::prelude::*;

use crate::Tone;

/// A label, its value with unit, and what it is compared with.
#[component]
pub fn Stat(
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional, into)] note: Option<String>,
    #[prop(optional)] tone: Tone,
) -> impl IntoView {
    view! {
        <div class=format!("stat {}", tone.class())>
            <div class="stat-label">{label}</div>
            <div class="stat-value">{value}</div>
            {note.map(|note| view! { <div class="stat-note">{note}</div> })}
        </div>
    }
}
