//! Room for a table that may be wider than the page.

use leptos::prelude::*;

/// Scrolls by itself, can be reached and scrolled with the keyboard, and says what it is.
#[component]
pub fn TableScroll(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=label>
            {children()}
        </div>
    }
}
