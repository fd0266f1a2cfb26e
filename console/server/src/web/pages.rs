//! Pages and the calls of their islands.

use axum::{Router, body::Body, routing::post};
use console_app::{App, Assets, Backends, shell};
use http::Request;
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list};

/// All pages, and the page for addresses that are none.
pub fn router(assets: &Assets, backends: Backends) -> Router {
    let options = LeptosOptions::builder().output_name("console").build();
    let routes = generate_route_list(App);
    let context = move || provide_context(backends.clone());
    let document = {
        let assets = assets.clone();
        move || shell(assets.clone())
    };
    let fallback = leptos_axum::render_app_async_with_context(context.clone(), document.clone());
    Router::new()
        .leptos_routes_with_context(&options, routes, context, document)
        .fallback(move |request: Request<Body>| fallback(request))
        .with_state(options)
}

/// Server functions by name.
pub fn server_functions(backends: Backends) -> Router {
    let call = move |request: Request<Body>| {
        let backends = backends.clone();
        leptos_axum::handle_server_fns_with_context(move || provide_context(backends.clone()), request)
    };
    Router::new().route("/api/ui/{name}", post(call.clone()).get(call))
}
