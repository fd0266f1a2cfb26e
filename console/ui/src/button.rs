//! Links that look like buttons. Real buttons are `<button class="button">`.

use leptos::prelude::*;

/// A link to another page, drawn as a button.
#[component]
pub fn ButtonLink(
    #[prop(into)] href: String,
    #[prop(optional)] primary: bool,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    let class = if primary { "button primary" } else { "button" };
    view! { <a class=class href=href id=id>{children()}</a> }
}
