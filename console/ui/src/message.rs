//! What a page says when there is nothing to show, or when something went wrong.

use leptos::prelude::*;

use crate::{Glyph, Icon, Tone};

/// Nothing to show, and why, and what to do about it.
#[component]
pub fn Empty(#[prop(into)] title: String, children: Children) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <div class="empty-text">{children()}</div>
        </div>
    }
}

/// A part of a page that could not be answered, with the reason as the source gave it.
#[component]
pub fn ErrorPanel(#[prop(into)] title: String, #[prop(into)] message: String) -> impl IntoView {
    view! {
        <div class="error-panel" role="alert">
            <Icon glyph=Glyph::Warning/>
            <div>
                <p class="error-title">{title}</p>
                <p class="error-message">{message}</p>
            </div>
        </div>
    }
}

/// A line that the reader should see before the page.
#[component]
pub fn Notice(#[prop(optional)] tone: Tone, children: Children) -> impl IntoView {
    let glyph = if tone == Tone::Ok { Glyph::Check } else { Glyph::Info };
    view! {
        <div class=format!("notice {}", tone.class()) role="status">
            <Icon glyph=if matches!(tone, Tone::Warn | Tone::Bad) { Glyph::Warning } else { glyph }/>
            <div>{children()}</div>
        </div>
    }
}
