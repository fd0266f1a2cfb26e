//! Small marks of a state.

use leptos::prelude::*;

use crate::Tone;

/// A word or two on a tinted ground.
#[component]
pub fn Badge(#[prop(optional)] tone: Tone, children: Children) -> impl IntoView {
    view! { <span class=format!("badge {}", tone.class())>{children()}</span> }
}

/// A dot beside words that say the same; the dot itself is silent for screen readers.
#[component]
pub fn Dot(#[prop(optional)] tone: Tone) -> impl IntoView {
    view! { <span class=format!("dot {}", tone.class()) aria-hidden="true"></span> }
}
