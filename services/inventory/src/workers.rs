//! Background work: expiry, deliveries, the ledger's compaction and check, gauges. Driven by what the tables say, safe in any number of
//! instances.

use std::time::Duration;

use shop_contracts::inventory::ReservationState;
use shop_instrumentation::CancellationToken;

use crate::reserve::Inventory;
use crate::storage::ledger;

const EVERY: Duration = Duration::from_secs(2);
const BATCH: i64 = 100;
/// Rounds between two looks at the whole ledger: five minutes.
const LEDGER_ROUNDS: u32 = 150;

/// Works until `shutdown`.
pub async fn run(inventory: Inventory, shutdown: CancellationToken) {
    for round in 0_u32.. {
        if let Err(error) = once(&inventory).await {
            tracing::warn!(%error, "inventory upkeep failed");
        }
        if round.is_multiple_of(LEDGER_ROUNDS)
            && let Err(error) = keep_ledger(&inventory).await
        {
            tracing::warn!(%error, "ledger upkeep failed");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One round.
pub async fn once(inventory: &Inventory) -> Result<(), sqlx::Error> {
    let expired = inventory.storage.expire(inventory.clock.now(), BATCH).await?;
    if expired > 0 {
        inventory.count(ReservationState::Expired.as_str(), expired);
        tracing::info!(expired, "reservations expired");
    }
    let now = inventory.clock.now();
    inventory.storage.note_low(now).await?;
    let refilled = inventory.storage.restock(now - inventory.restock_after, now).await?;
    if refilled > 0 {
        tracing::info!(refilled, "supplier delivered");
    }
    inventory.metrics.out_of_stock.set(inventory.storage.out_of_stock().await? as f64);
    Ok(())
}

/// Folds old movements, then checks that levels and movements agree.
pub async fn keep_ledger(inventory: &Inventory) -> Result<(), sqlx::Error> {
    let pool = &inventory.storage.pool;
    let folded = ledger::compact(pool, inventory.clock.now() - inventory.keep_movements).await?;
    if folded > 0 {
        tracing::info!(folded, "old movements folded");
    }
    let unbalanced = ledger::unbalanced(pool).await?;
    if let Some(product) = unbalanced.first() {
        tracing::error!(product_id = %product, products = unbalanced.len(), "stock is not the sum of its movements");
    }
    inventory.metrics.unbalanced.set(unbalanced.len() as f64);
    Ok(())
}
