//! The one place that knows every part of inventory.

use std::time::Duration;

use shop_instrumentation::{App, Boot, StartError, clock, db};

use crate::reserve::Inventory;
use crate::storage::postgres::{MIGRATOR, PgInventory};
use crate::storage::seeding;
use crate::telemetry::{FAULTS, InventoryMetrics};
use crate::{http, workers};

/// Long enough for an order to wait for payments that are away for a while.
const HOLD_SECONDS: u64 = 1800;
/// Long enough for a product out of stock to be seen, short enough for the shop not to run dry.
const RESTOCK_SECONDS: u64 = 30;
/// Long enough for staff to look back over a month, short enough for the table to stay small.
const LEDGER_KEEP_DAYS: u64 = 30;
const DAY: Duration = Duration::from_hours(24);

/// Connects, migrates, seeds, and hands back routes and workers.
pub async fn start(mut boot: Boot) -> Result<App, StartError> {
    let database_url: String = boot.env.required("DATABASE_URL");
    let hold_seconds = boot.env.optional("RESERVATION_HOLD_SECONDS", HOLD_SECONDS);
    let restock_seconds = boot.env.optional("RESTOCK_AFTER_SECONDS", RESTOCK_SECONDS);
    let keep_days: u64 = boot.env.optional("LEDGER_KEEP_DAYS", LEDGER_KEEP_DAYS);
    boot.env.finish()?;
    let pool = db::connect(&database_url, &boot.metrics)?;
    db::migrate(&pool, &MIGRATOR).await?;
    let added = seeding::seed(&pool).await?;
    tracing::info!(added, "stock is in place");
    boot.health.watch_postgres(pool.clone());
    boot.faults.declare(FAULTS);
    boot.faults.lock_table("stock");
    let inventory = Inventory {
        storage: PgInventory::new(pool),
        metrics: InventoryMetrics::new(&boot.metrics)?,
        faults: boot.faults.clone(),
        clock: clock::system(),
        hold_for: Duration::from_secs(hold_seconds),
        restock_after: Duration::from_secs(restock_seconds),
        keep_movements: DAY * u32::try_from(keep_days.clamp(1, 3650)).unwrap_or(3650),
    };
    let upkeep = tokio::spawn(workers::run(inventory.clone(), boot.shutdown.clone()));
    Ok(App::new(http::router(inventory)).openapi(crate::http::document).worker("upkeep", upkeep))
}
