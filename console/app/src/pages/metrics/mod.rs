//! Metrics.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn MetricsPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Metrics" active="metrics" request>""</Page> }
}
