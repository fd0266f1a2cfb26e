//! The one place that knows every part of payments.

use std::sync::Arc;

use shop_instrumentation::faults::FaultSpec;
use shop_instrumentation::{App, Boot, StartError, clock, db};

use crate::authorise::Payments;
use crate::http;
use crate::provider::SandboxProvider;
use crate::storage::postgres::{MIGRATOR, PgAuthorisations};
use crate::telemetry::{DECLINE, LATENCY, PaymentMetrics};

/// What can be switched on here.
pub const FAULTS: &[FaultSpec] = &[
    FaultSpec { name: DECLINE, description: "the payment provider declines every card" },
    FaultSpec { name: LATENCY, description: "the payment provider takes a second longer" },
];

/// Connects, migrates, and hands back the routes.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    boot.env.finish()?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    boot.health.watch_postgres(pool.clone());
    boot.faults.declare(FAULTS);
    let payments = Payments {
        authorisations: PgAuthorisations::new(pool),
        provider: Arc::new(SandboxProvider),
        metrics: PaymentMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
    };
    Ok(App::new(http::router(payments)))
}
