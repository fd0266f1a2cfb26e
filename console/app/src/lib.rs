//! The console's pages.
//!
//! What holds: every page is complete HTML before any wasm arrives; all state of a page stands in its URL; telemetry is
//! untrusted text and is only ever written as text. Pages read sources ([`Backends`]) and know no store.
//!
//! Two builds: `ssr` has the pages, `hydrate` only the islands that make them live. Deliberately not here: sockets,
//! sessions, log-in handling (`console-server`).

#![recursion_limit = "512"]

pub mod islands;
pub mod view;

#[cfg(feature = "ssr")]
pub mod about;
#[cfg(feature = "ssr")]
pub mod backends;
#[cfg(feature = "ssr")]
pub mod layout;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod range;
#[cfg(feature = "ssr")]
pub mod request;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod shell;

#[cfg(feature = "ssr")]
pub use {
    about::{About, AboutSource, Component, ScrapeTarget},
    backends::Backends,
    pages::login::{LoginProblem, LoginView, login_html},
    request::{Theme, Viewer},
    routes::App,
    shell::{Assets, shell},
};
