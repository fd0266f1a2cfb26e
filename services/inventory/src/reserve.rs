//! Reserve, confirm, release.

use std::collections::BTreeMap;
use std::time::Duration;

use shop_contracts::inventory::{
    NewReservation, Reservation, ReservationLine, ReservationState, StockLevels,
};
use shop_contracts::{ProductId, ReservationId};
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem, ids};

use crate::storage::postgres::{PgInventory, Reserved};
use crate::telemetry::{ERRORS, InventoryMetrics, LATENCY};

const MAX_LINES: usize = 50;
const MAX_QUANTITY: u32 = 99;
const MAX_IDS: usize = 200;

/// Everything that the use cases need.
#[derive(Clone)]
pub struct Inventory {
    pub storage: PgInventory,
    pub metrics: InventoryMetrics,
    pub faults: Faults,
    pub clock: SharedClock,
    /// How long a reservation waits for its confirmation.
    pub hold_for: Duration,
    /// How long a low product waits for the supplier.
    pub restock_after: Duration,
}

impl Inventory {
    /// Levels of the products asked for.
    pub async fn levels(&self, ids: &[ProductId]) -> Result<StockLevels, Problem> {
        if ids.len() > MAX_IDS {
            return Err(Problem::new(Code::Invalid, format!("at most {MAX_IDS} ids")));
        }
        Ok(StockLevels { levels: self.storage.levels(ids).await? })
    }

    /// Sets stock aside for an order, all lines or none. The same order again answers the same reservation.
    pub async fn reserve(&self, request: NewReservation) -> Result<Reservation, Problem> {
        let lines = checked(&request)?;
        self.faults.delay(LATENCY).await;
        if self.faults.is_active(ERRORS) {
            tracing::error!(order_id = %request.order_id, "reservation failed by an injected fault");
            return Err(Problem::new(Code::Internal, "the reservation failed"));
        }
        let now = self.clock.now();
        let new = Reservation {
            id: ReservationId::new(ids::new_id()),
            order_id: request.order_id,
            state: ReservationState::Held,
            expires_at: now + self.hold_for,
        };
        match self.storage.reserve(&new, &lines, now).await? {
            Reserved::Yes(reservation) => {
                if reservation.id == new.id {
                    self.count("reserved", 1);
                }
                Ok(reservation)
            }
            Reserved::Insufficient(product) => {
                self.count("insufficient", 1);
                tracing::warn!(order_id = %request.order_id, product_id = %product, "insufficient stock");
                Err(Problem::new(Code::Conflict, "not enough stock").field("product_id", product.to_string()))
            }
        }
    }

    /// Makes it a sale. Doing it again changes nothing.
    pub async fn confirm(&self, id: ReservationId) -> Result<Reservation, Problem> {
        if self.storage.confirm(id, self.clock.now()).await? {
            self.count("confirmed", 1);
        }
        self.expect(id, ReservationState::Confirmed).await
    }

    /// Gives the pieces back. Doing it again changes nothing.
    pub async fn release(&self, id: ReservationId) -> Result<Reservation, Problem> {
        if self.storage.give_back(id, ReservationState::Released, self.clock.now()).await? {
            self.count("released", 1);
        }
        let reservation = self.get(id).await?;
        match reservation.state {
            // An expired reservation has given its pieces back already.
            ReservationState::Released | ReservationState::Expired => Ok(reservation),
            other => Err(Problem::new(Code::Conflict, format!("the reservation is {}", other.as_str()))),
        }
    }

    /// Counts an outcome.
    pub fn count(&self, outcome: &str, by: u64) {
        self.metrics.reservations.with_label_values(&[outcome]).inc_by(by);
    }

    async fn expect(&self, id: ReservationId, state: ReservationState) -> Result<Reservation, Problem> {
        let reservation = self.get(id).await?;
        if reservation.state == state {
            return Ok(reservation);
        }
        Err(Problem::new(Code::Conflict, format!("the reservation is {}", reservation.state.as_str())))
    }

    async fn get(&self, id: ReservationId) -> Result<Reservation, Problem> {
        self.storage.find(id).await?.ok_or_else(|| Problem::new(Code::NotFound, "no such reservation"))
    }
}

/// Lines by product, each product once, within bounds.
fn checked(request: &NewReservation) -> Result<Vec<ReservationLine>, Problem> {
    let invalid = |detail: String| Problem::new(Code::Invalid, "invalid reservation").field("lines", detail);
    if request.lines.is_empty() || request.lines.len() > MAX_LINES {
        return Err(invalid(format!("1 to {MAX_LINES} lines, got {}", request.lines.len())));
    }
    let mut sums: BTreeMap<ProductId, u32> = BTreeMap::new();
    for line in &request.lines {
        let sum = sums.entry(line.product_id).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    if let Some((product, sum)) = sums.iter().find(|(_, sum)| !(1..=MAX_QUANTITY).contains(*sum)) {
        return Err(invalid(format!("quantity of {product} must be 1 to {MAX_QUANTITY}, got {sum}")));
    }
    Ok(sums.into_iter().map(|(product_id, quantity)| ReservationLine { product_id, quantity }).collect())
}
