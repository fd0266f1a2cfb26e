//! What comes after the checkout: cancel, ship, return, refund, and what a person decides.
//!
//! Each is decided while the order's row is locked ([`crate::storage::change`]) and written with its history and event.
//! Money and pieces that go back are a saga of their own ([`give_back`]): written first, then driven, and taken up by
//! the recovery worker when its owner is gone.

pub mod cancel;
pub mod captured;
pub mod close_return;
pub mod drive;
pub mod give_back;
pub mod look_up;
pub mod permission;
pub mod refund;
pub mod resolve;
pub mod returns;
pub mod ship;
pub mod tax;
pub mod text;
mod worth;

use shop_contracts::OrderId;
use shop_contracts::orders::{Order, OrderHistory};
use shop_instrumentation::telemetry::local_root;
use shop_instrumentation::{Code, Problem};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::place::WAIT_FOR_END;
use crate::saga::Saga;

/// The use cases, one file each.
#[derive(Clone)]
pub struct AfterSale {
    pub saga: Saga,
}

impl AfterSale {
    /// The order as it is shown now.
    pub async fn get(&self, id: OrderId) -> Result<Order, Problem> {
        let found = self.saga.orders.find(id).await?;
        let stored = found.ok_or_else(|| Problem::new(Code::NotFound, "no such order"))?;
        Ok(permission::shown(stored.order, self.saga.clock.now()))
    }

    /// Everything that happened to an order.
    pub async fn history(&self, id: OrderId) -> Result<OrderHistory, Problem> {
        self.get(id).await?;
        Ok(OrderHistory { entries: self.saga.orders.history(id).await? })
    }

    /// Drives a give-back that was just written, for as long as a request may wait, and answers the order as it stands
    /// then. What is not done by then goes on in the background.
    async fn driven(&self, id: OrderId, give_back: Uuid, fence: i64) -> Result<Order, Problem> {
        let saga = self.saga.clone();
        let task = async move { saga.drive_give_back(id, give_back, fence).await };
        let running = self
            .saga
            .running
            .spawn(task.instrument(local_root(tracing::info_span!(parent: None, "give-back"))));
        if let Ok(Ok(Err(error))) = tokio::time::timeout(WAIT_FOR_END, running).await {
            tracing::warn!(order_id = %id, %error, "giving back goes on later");
        }
        self.get(id).await
    }
}
