//! Reserve, confirm, release, give back.

use std::collections::BTreeMap;
use std::time::Duration;

use shop_contracts::inventory::{
    NewReservation, Reservation, ReservationLine, ReservationState, ReturnStock, StockLevels,
};
use shop_contracts::{ProductId, ReservationId};
use shop_instrumentation::clock::SharedClock;
use shop_instrumentation::faults::Faults;
use shop_instrumentation::{Code, Problem, ids};

use crate::storage::postgres::{PgInventory, Reserved};
use crate::storage::returns::{self, Returned};
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
    /// How long each movement of stock is kept by itself.
    pub keep_movements: Duration,
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
        let lines = checked(&request.lines)?;
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

    /// Puts pieces of a sale back on sale, all lines or none. The same key again changes nothing.
    pub async fn give_back(
        &self,
        id: ReservationId,
        key: &str,
        request: ReturnStock,
    ) -> Result<Reservation, Problem> {
        let lines = checked(&request.lines)?;
        if !["cancelled", "returned"].contains(&request.reason.as_str()) {
            return Err(Problem::new(Code::Invalid, "invalid return")
                .field("reason", "must be one of cancelled, returned"));
        }
        let pool = &self.storage.pool;
        match returns::give_back(pool, id, key, &lines, &request.reason, self.clock.now()).await? {
            Returned::Yes(reservation) => Ok(reservation),
            Returned::Unknown => Err(Problem::new(Code::NotFound, "no such reservation")),
            Returned::NotConfirmed(state) => {
                Err(Problem::new(Code::Conflict, format!("the reservation is {}", state.as_str())))
            }
            Returned::KeyReused => {
                Err(Problem::new(Code::KeyReused, "the idempotency key belongs to another return"))
            }
            Returned::TooMany(product) => {
                Err(Problem::new(Code::Conflict, "more than was reserved and not yet given back")
                    .field("product_id", product.to_string()))
            }
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

/// Lines by product, each product once (two lines of one are added up), within bounds.
fn checked(lines: &[ReservationLine]) -> Result<Vec<ReservationLine>, Problem> {
    let invalid = |detail: String| Problem::new(Code::Invalid, "invalid lines").field("lines", detail);
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(invalid(format!("1 to {MAX_LINES} lines, got {}", lines.len())));
    }
    let mut sums: BTreeMap<ProductId, u32> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.product_id).or_default();
        *sum = sum.saturating_add(line.quantity);
        if line.quantity == 0 || *sum > MAX_QUANTITY {
            let product = line.product_id;
            return Err(invalid(format!("quantity of {product} must be 1 to {MAX_QUANTITY}, got {sum}")));
        }
    }
    Ok(sums.into_iter().map(|(product_id, quantity)| ReservationLine { product_id, quantity }).collect())
}
