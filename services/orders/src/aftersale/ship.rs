//! A parcel is handed over.

use shop_contracts::OrderId;
use shop_contracts::events::OrderEventKind;
use shop_contracts::orders::{Order, ShipOrder, Shipment};
use shop_instrumentation::{Code, Problem};

use super::text::{Empty, actor, text};
use super::{AfterSale, permission};
use crate::storage::change::Change;
use crate::storage::history::Entry;
use crate::storage::outbox::Event;

const MAX_CARRIER_BYTES: usize = 60;

impl AfterSale {
    /// Notes who carries the parcel. The same parcel again changes nothing; another one is refused, and so is one of which
    /// all of the money went back, unless the request says that it is to leave all the same.
    pub async fn ship(&self, id: OrderId, request: &ShipOrder) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let carrier = text("carrier", &request.carrier, MAX_CARRIER_BYTES, Empty::Refused)?;
        let number = text("tracking_number", &request.tracking_number, MAX_CARRIER_BYTES, Empty::Refused)?;
        let now = self.saga.clock.now();
        let shipment = Shipment { carrier, tracking_number: number, shipped_at: now };
        let mut entry = Entry {
            at: now,
            actor,
            action: "shipped",
            detail: format!("{} {}", shipment.carrier, shipment.tracking_number),
        };
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                if let Some(known) = &order.shipment {
                    let same = known.carrier == shipment.carrier
                        && known.tracking_number == shipment.tracking_number;
                    let refused = Problem::new(Code::Conflict, "the order was shipped with another parcel");
                    return if same { Ok(None) } else { Err(refused) };
                }
                // What may be cancelled may be shipped, and nothing else: paid, and not on its way.
                if !permission::can_cancel(order) {
                    let detail = format!("an order that is {} is not shipped", order.status.as_str());
                    return Err(Problem::new(Code::Conflict, detail));
                }
                if order.all_money_went_back() {
                    if !request.although_refunded {
                        let problem = Problem::new(Code::Conflict, "all of the money went back");
                        return Err(
                            problem.field("although_refunded", "must be said for this parcel to leave")
                        );
                    }
                    entry.detail.push_str(", although all of the money went back");
                }
                let shipped = Order { shipment: Some(shipment.clone()), ..order.clone() };
                let mut change = Change::new(now, entry);
                change.event = Some(Event::new(OrderEventKind::Shipped, &shipped, now));
                change.shipment = Some(shipment);
                Ok(Some(change))
            })
            .await?;
        self.get(id).await
    }
}
