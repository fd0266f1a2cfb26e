//! The one place that knows every part of the storefront.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use shop_instrumentation::http::server::ServerConfig;
use shop_instrumentation::{App, Boot, StartError};

use crate::border::TrustedProxies;
use crate::faults::{FAULTS, inject};
use crate::keyring::Keyring;
use crate::pages::{self, Shop};
use crate::peers::Peers;
use crate::public_url::PublicUrl;
use crate::ready::{ReadyPages, answer_or_keep};
use crate::rum::Rum;
use crate::visitor::Cookies;

/// Longest time for one page. Longer than a checkout with its calls: a press must end with a page that says what is known.
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// The storefront, ready to run.
pub async fn start(boot: Boot) -> Result<App, StartError> {
    let (routes, ready) = routes_and_ready(boot)?;
    Ok(App::new(routes).server(server()).ready(Arc::new(ready)))
}

/// Limits of the server. Requests come from anywhere: what they say about traces and deadlines is not believed.
pub fn server() -> ServerConfig {
    ServerConfig {
        // It waits for its peers and holds no connections of a database.
        max_in_flight: 512,
        min_in_flight: 64,
        request_timeout: PAGE_TIMEOUT,
        trust_context: false,
        ..ServerConfig::default()
    }
}

/// Reads the configuration and hands back the routes. Nothing is asked of the peers: a shop without them still answers.
pub fn routes(boot: Boot) -> Result<Router, StartError> {
    routes_and_ready(boot).map(|(routes, _)| routes)
}

fn routes_and_ready(mut boot: Boot) -> Result<(Router, ReadyPages), StartError> {
    let public_url = PublicUrl::from_env(&mut boot.env);
    let keys = Keyring::from_env(&mut boot.env);
    let proxies = TrustedProxies::from_env(&mut boot.env);
    let peers = Peers::from_env(&mut boot)?;
    let rum = Rum::from_env(&mut boot.env, &boot.metrics)?;
    boot.env.finish()?;
    let keys = keys.ok_or_else(|| StartError::Other("no key for cookies".to_owned()))?;
    let checkouts = boot.metrics.counter_vec("shop_checkouts_total")?;
    for outcome in ["placed", "pending", "declined", "out_of_stock", "error"] {
        checkouts.with_label_values(&[outcome]);
    }
    let cookies = Cookies::new(keys, public_url.is_secure());
    boot.faults.declare(FAULTS);
    let shop = Shop::new(peers, cookies, proxies, public_url, rum, checkouts);
    let ready = ReadyPages::new(boot.metrics.clone());
    let routes = pages::router(shop)
        .layer(from_fn_with_state(ready.clone(), answer_or_keep))
        .layer(from_fn_with_state(boot.faults.clone(), inject));
    Ok((routes, ready))
}
