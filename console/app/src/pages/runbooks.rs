//! Runbooks.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn RunbooksPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Runbooks" active="runbooks" request>""</Page> }
}
