//! Copies a text.

use leptos::prelude::*;

/// A button that copies `text` and says whether it did.
#[island]
pub fn CopyButton(
    #[prop(into)] text: String,
    /// What is copied, for the button's words: `trace id`.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    let words = RwSignal::new(format!("Copy {what}"));
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        live::copy(text.clone(), words);
        #[cfg(not(feature = "hydrate"))]
        let _ = &text;
    };
    view! {
        <button class="button small copy" type="button" on:click=copy>
            <span role="status">{move || words.get()}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
mod live {
    use std::time::Duration;

    use leptos::{prelude::*, task::spawn_local};
    use wasm_bindgen_futures::JsFuture;

    pub fn copy(text: String, words: RwSignal<String>) {
        let before = words.get_untracked();
        if before.starts_with("Cop") && before.ends_with('!') {
            return;
        }
        spawn_local(async move {
            // Without TLS (other than on this machine) browsers have no clipboard for pages.
            let is_copied = window().is_secure_context()
                && JsFuture::from(window().navigator().clipboard().write_text(&text)).await.is_ok();
            words.set(if is_copied { "Copied!".to_owned() } else { "Cannot copy here".to_owned() });
            set_timeout(move || words.set(before), Duration::from_secs(2));
        });
    }
}
