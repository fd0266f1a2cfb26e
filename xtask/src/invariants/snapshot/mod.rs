//! All books at one moment, or as near to it as five databases can be read.

mod identity;
mod records;

use std::collections::BTreeMap;

use sqlx::types::{
    Uuid,
    chrono::{DateTime, Utc},
};

pub use self::{identity::*, records::*};
use super::{AgeLimits, Books, Told, storage};

/// Everything that is compared.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the check began, by the clock of the orders' database. What began later is not judged.
    pub begun: DateTime<Utc>,
    /// When this was read, by the same clock.
    pub now: DateTime<Utc>,
    pub ages: AgeLimits,
    pub orders: OrderBooks,
    pub payments: PaymentBooks,
    pub inventory: InventoryBooks,
    pub deliveries: BTreeMap<Uuid, Delivery>,
    pub identity: IdentityBooks,
    /// Where mails are files.
    pub mails: Option<MailFiles>,
    /// What shoppers were told, by the order's number; nothing where nobody wrote it down.
    pub acknowledged: Option<BTreeMap<String, Told>>,
}

/// The database of orders.
#[derive(Clone, Debug)]
pub struct OrderBooks {
    pub now: DateTime<Utc>,
    pub orders: BTreeMap<Uuid, Order>,
    /// Events that wait for the relay.
    pub outbox: Vec<WaitingEvent>,
    pub vouchers: BTreeMap<Uuid, Voucher>,
    /// By order: an order uses at most one.
    pub redemptions: BTreeMap<Uuid, Redemption>,
}

/// The database of payments, and the provider's own books in it.
#[derive(Clone, Debug, Default)]
pub struct PaymentBooks {
    /// By order: an order has at most one.
    pub authorisations: BTreeMap<Uuid, Authorisation>,
    pub operations: Vec<Operation>,
    /// By reference.
    pub provider: BTreeMap<String, ProviderPayment>,
}

/// The database of inventory.
#[derive(Clone, Debug, Default)]
pub struct InventoryBooks {
    pub levels: BTreeMap<Uuid, Level>,
    /// By order: an order has at most one.
    pub reservations: BTreeMap<Uuid, Reservation>,
    /// What was booked for an order and product, in pieces.
    pub moved: BTreeMap<(Uuid, Uuid), i64>,
    /// What was booked for no order.
    pub others: Vec<Movement>,
}

impl PaymentBooks {
    /// What the provider took, each time, by order; minor units.
    pub fn captures(&self) -> BTreeMap<Uuid, Vec<i64>> {
        let mut captures = BTreeMap::<Uuid, Vec<i64>>::new();
        for payment in self.provider.values() {
            let taken = payment.movements.iter().filter(|(kind, _)| *kind == MovementKind::Capture);
            captures.entry(payment.order).or_default().extend(taken.map(|(_, minor)| *minor));
        }
        captures
    }
}

impl Snapshot {
    /// Reads all books. `begun` is the first snapshot's, none for that one.
    pub async fn read(books: &Books, begun: Option<DateTime<Utc>>) -> Result<Self, String> {
        let (orders, payments, inventory, deliveries, identity) = tokio::try_join!(
            storage::orders::read(&books.orders),
            storage::payments::read(&books.payments),
            storage::inventory::read(&books.inventory),
            storage::notifications::read(&books.notifications),
            storage::identity::read(&books.identity),
        )?;
        let mails = books.mails.as_ref().map(storage::mail_folder::read).transpose()?;
        let now = orders.now;
        Ok(Self {
            begun: begun.unwrap_or(now),
            now,
            ages: books.ages,
            orders,
            payments,
            inventory,
            deliveries,
            identity,
            mails,
            acknowledged: books.acknowledged.clone(),
        })
    }

    /// An order as people find it.
    pub fn name_of(&self, order: Uuid) -> String {
        match self.orders.orders.get(&order) {
            Some(known) => format!("order {} ({order})", known.number),
            None => format!("order {order}"),
        }
    }
}
