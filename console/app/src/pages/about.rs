//! About.

use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

#[component]
pub fn AboutPage() -> impl IntoView {
    let request = PageRequest::current();
    view! { <Page title="About" active="about" request>""</Page> }
}
