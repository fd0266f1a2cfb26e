//! Everything a shop service shares with the others and that is not business: start-up, configuration, telemetry,
//! HTTP server and client behaviour, database and Redis wrappers, faults.
//!
//! What must always hold: losing a telemetry backend never slows, blocks or stops a service; every queue here has a
//! bound; every metric name comes from `registry/metrics.toml`. It deliberately knows nothing about orders, stock or
//! any other matter of the shop.
//!
//! A service's `main` is one call of [`bootstrap::run`]:
//!
//! ```no_run
//! use shop_instrumentation::{App, Boot, StartError};
//!
//! async fn start(mut boot: Boot) -> Result<App, StartError> {
//!     let database_url: String = boot.env.required("DATABASE_URL");
//!     boot.env.finish()?;
//!     let pool = shop_instrumentation::db::connect(&database_url, &boot.metrics)?;
//!     boot.health.watch_postgres(pool.clone());
//!     Ok(App::new(axum::Router::new()))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     shop_instrumentation::run("example", env!("CARGO_PKG_VERSION"), start)
//! }
//! ```

pub mod auth;
pub mod bootstrap;
pub mod client;
pub mod clock;
pub mod config;
pub mod db;
pub mod deadline;
pub mod dependency;
pub mod faults;
pub mod health;
pub mod http;
pub mod ids;
pub mod keys;
pub mod kv;
pub mod kv_memory;
pub mod metrics;
pub mod openapi;
mod operation;
pub mod outbox;
mod path;
pub mod problem;
pub mod registry;
pub mod streams;
pub mod telemetry;

pub use bootstrap::{App, Boot, ServiceInfo, StartError, run};
pub use problem::{Code, Problem};
pub use tokio_util::sync::CancellationToken;
