//! Alerts.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn AlertsPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Alerts" active="alerts" request>""</Page> }
}
