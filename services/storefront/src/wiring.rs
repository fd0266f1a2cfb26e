//! The one place that knows every part of the storefront.

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
use crate::visitor::Cookies;

/// Longest time for one page. Longer than a checkout with its calls: a press must end with a page that says what is known.
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);

/// The storefront, ready to run.
pub async fn start(boot: Boot) -> Result<App, StartError> {
    Ok(App::new(routes(boot)?).server(server()))
}

/// Limits of the server. Requests come from anywhere: what they say about traces and deadlines is not believed.
pub fn server() -> ServerConfig {
    ServerConfig { request_timeout: PAGE_TIMEOUT, trust_context: false, ..ServerConfig::default() }
}

/// Reads the configuration and hands back the routes. Nothing is asked of the peers: a shop without them still answers.
pub fn routes(mut boot: Boot) -> Result<Router, StartError> {
    let public_url: String = boot.env.optional("PUBLIC_URL", String::new());
    let keys = Keyring::from_env(&mut boot.env);
    let proxies = TrustedProxies::from_env(&mut boot.env);
    let peers = Peers::from_env(&mut boot)?;
    boot.env.finish()?;
    let keys = keys.ok_or_else(|| StartError::Other("no key for cookies".to_owned()))?;
    let checkouts = boot.metrics.counter_vec("shop_checkouts_total")?;
    for outcome in ["placed", "pending", "declined", "out_of_stock", "error"] {
        checkouts.with_label_values(&[outcome]);
    }
    let cookies = Cookies::new(keys, public_url.starts_with("https://"));
    boot.faults.declare(FAULTS);
    let shop = Shop::new(peers, cookies, proxies, checkouts);
    Ok(pages::router(shop).layer(from_fn_with_state(boot.faults.clone(), inject)))
}
