//! A titled surface.

use leptos::prelude::*;

/// A surface with a heading, a quiet note beside it, and room for links at the right.
#[component]
pub fn Card(
    #[prop(into)] title: String,
    #[prop(optional, into)] note: Option<String>,
    #[prop(optional, into)] id: Option<String>,
    /// More classes: `flush` lets a table or list touch the edges.
    #[prop(optional, into)]
    class: Option<String>,
    #[prop(optional)] actions: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let class = class.map_or_else(|| "card".to_owned(), |more| format!("card {more}"));
    view! {
        <section class=class id=id>
            <header class="card-head">
                <h2>{title}</h2>
                {note.map(|note| view! { <span class="card-note">{note}</span> })}
                {actions.map(|actions| view! { <div class="card-actions">{actions}</div> })}
            </header>
            <div class="card-body">{children()}</div>
        </section>
    }
}
