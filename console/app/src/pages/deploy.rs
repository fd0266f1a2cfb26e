//! Deploy.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn DeployPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Deploy" active="deploys" request>""</Page> }
}
