//! Background work: expiry, deliveries, the out-of-stock gauge. Driven by what the tables say, safe in any number of
//! instances.

use std::time::Duration;

use shop_contracts::inventory::ReservationState;
use shop_instrumentation::CancellationToken;

use crate::reserve::Inventory;

const EVERY: Duration = Duration::from_secs(2);
const BATCH: i64 = 100;

/// Works until `shutdown`.
pub async fn run(inventory: Inventory, shutdown: CancellationToken) {
    loop {
        if let Err(error) = once(&inventory).await {
            tracing::warn!(%error, "inventory upkeep failed");
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
    let refilled = inventory.storage.restock(now - inventory.restock_after).await?;
    if refilled > 0 {
        tracing::info!(refilled, "supplier delivered");
    }
    inventory.metrics.out_of_stock.set(inventory.storage.out_of_stock().await? as f64);
    Ok(())
}
