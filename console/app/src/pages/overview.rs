//! Overview.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Overview" active="overview" request>""</Page> }
}
