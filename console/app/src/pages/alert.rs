//! Alert.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn AlertPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="Alert" active="alerts" request>""</Page> }
}
