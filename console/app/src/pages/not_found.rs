//! The page of an address that leads nowhere.

use console_ui::{ButtonLink, Empty};
use leptos::prelude::*;

use crate::{layout::Page, request::PageRequest};

/// Answers 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let request = PageRequest::current();
    PageRequest::set_status(http::StatusCode::NOT_FOUND);
    let home = request.link("/", &[]);
    let path: String = request.path.chars().take(120).collect();
    view! {
        <Page title="Page not found" active="" request timeless=true>
            <section class="card lone">
                <Empty title="There is no page here">
                    <p>"Nothing is served at " <code>{path}</code> ". The address may be mistyped, or from an older message."</p>
                    <p class="row center">
                        <ButtonLink href=home primary=true>"Overview"</ButtonLink>
                        <ButtonLink href="/alerts">"Alerts"</ButtonLink>
                        <ButtonLink href="/runbooks">"Runbooks"</ButtonLink>
                    </p>
                </Empty>
            </section>
        </Page>
    }
}
