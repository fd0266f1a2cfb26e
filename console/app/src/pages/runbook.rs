//! Runbook.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn RunbookPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Runbook" active="runbooks" request>""</Page> }
}
