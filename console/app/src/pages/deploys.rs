//! Deploys.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn DeploysPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Deploys" active="deploys" request>""</Page> }
}
