//! The document around every page.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use crate::{request::Theme, routes::App};

/// Addresses of the fingerprinted files that a page loads. Empty `script` (the client is not built): pages work, but
/// are not live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    pub stylesheet: String,
    /// Loads wasm and hydrates the islands.
    pub boot: String,
    pub script: String,
    pub wasm: String,
    pub charts: String,
}

/// A document with the page that the request asks for.
pub fn shell(assets: Assets) -> impl IntoView {
    let theme =
        use_context::<http::request::Parts>().map(|p| Theme::from_headers(&p.headers)).unwrap_or_default();
    set_policy();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=assets.stylesheet.clone()/>
                <Boot assets/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// One external module script; its data attributes say what to load. No inline script anywhere.
#[component]
fn Boot(assets: Assets) -> impl IntoView {
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    (!assets.script.is_empty()).then(|| {
        view! {
            <link rel="modulepreload" href=assets.script.clone()/>
            <script
                type="module"
                id="boot"
                src=assets.boot
                data-script=assets.script
                data-wasm=assets.wasm
                data-charts=assets.charts
            ></script>
        }
    })
}

/// Content security policy of pages. The nonce covers what Leptos itself writes into the document.
fn set_policy() {
    let Some(response) = use_context::<leptos_axum::ResponseOptions>() else { return };
    let nonce = use_nonce().map(|n| format!(" 'nonce-{n}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    if let Ok(value) = http::HeaderValue::from_str(&policy) {
        response.insert_header(http::header::CONTENT_SECURITY_POLICY, value);
    }
}
