//! Traces: search, and one trace as a waterfall.

pub mod waterfall;

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn TracesPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Traces" active="traces" request>""</Page> }
}

#[component]
pub fn TracePage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Trace" active="traces" request>""</Page> }
}
