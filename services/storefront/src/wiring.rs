//! The one place that knows every part of the storefront.

use axum::Router;
use shop_instrumentation::health::Need;
use shop_instrumentation::{App, Boot, StartError, kv};

use crate::pages::{self, Shop};
use crate::peers::Peers;
use crate::store::{Store, StoreConfig};

/// The storefront, ready to run.
pub async fn start(boot: Boot) -> Result<App, StartError> {
    Ok(App::new(routes(boot)?))
}

/// Reads the configuration and hands back the routes. Nothing is asked of the peers: a shop without them still answers.
pub fn routes(mut boot: Boot) -> Result<Router, StartError> {
    let redis_url: String = boot.env.required("REDIS_URL");
    let public_url: String = boot.env.optional("PUBLIC_URL", String::new());
    let peers = Peers::from_env(&mut boot.env, &boot.metrics)?;
    boot.env.finish()?;
    let redis = kv::connect(&redis_url)?;
    boot.metrics.observe_databases();
    boot.health.watch_redis(redis.clone(), Need::Optional);
    let checkouts = boot.metrics.counter_vec("shop_checkouts_total")?;
    for outcome in ["placed", "pending", "declined", "out_of_stock", "error"] {
        checkouts.with_label_values(&[outcome]);
    }
    let store = Store::new(redis, StoreConfig::default());
    Ok(pages::router(Shop::new(peers, store, checkouts, public_url.starts_with("https://"))))
}
