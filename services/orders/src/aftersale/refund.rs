//! Staff gives money back.

use sha2::{Digest as _, Sha256};
use shop_contracts::OrderId;
use shop_contracts::orders::{NewOrderRefund, Order};
use shop_instrumentation::{Code, Problem, ids};

use super::give_back::{FIRST_FENCE, GiveBack, GiveBackReason};
use super::text::{Empty, MAX_WORDS_BYTES, actor, text};
use super::{AfterSale, permission, tax};
use crate::saga::drive::LEASE;
use crate::storage::change::Change;
use crate::storage::history::Entry;
use crate::storage::outbox;

impl AfterSale {
    /// Gives back an amount, once a key; never more than was taken and not yet given back.
    pub async fn refund(&self, id: OrderId, key: &str, request: &NewOrderRefund) -> Result<Order, Problem> {
        let actor = actor(&request.actor)?;
        let detail = text("reason", &request.reason, MAX_WORDS_BYTES, Empty::Refused)?;
        let amount = request.amount;
        let hash = Sha256::digest(format!("{} {}", amount.amount_minor, amount.currency.code())).to_vec();
        // Keys of staff never meet the keys that this service gives its own give-backs.
        let key = format!("staff:{key}");
        let now = self.saga.clock.now();
        let give_back_id = ids::new_id();
        let mut is_new = false;
        self.saga
            .orders
            .change(id, |stored| {
                let order = &stored.order;
                if let Some(known) = stored.give_backs.iter().find(|it| it.key == key) {
                    let other =
                        Problem::new(Code::KeyReused, "this Idempotency-Key belongs to another refund");
                    let other = other.existing(&permission::shown(order.clone(), now));
                    return if known.request_hash == hash { Ok(None) } else { Err(other) };
                }
                if !order.took_money() {
                    return Err(Problem::new(Code::Conflict, "no money was taken for the order"));
                }
                let left = order.refundable();
                let fits = amount.currency == left.currency && amount.amount_minor <= left.amount_minor;
                if amount.amount_minor <= 0 || !fits {
                    let detail =
                        format!("1 to {} minor units of {}", left.amount_minor, left.currency.code());
                    let code = if amount.amount_minor <= 0 || amount.currency != left.currency {
                        Code::Invalid
                    } else {
                        Code::Conflict
                    };
                    return Err(Problem::new(code, "the amount cannot be given back").field("amount", detail));
                }
                is_new = true;
                let give_back = GiveBack {
                    id: give_back_id,
                    key,
                    request_hash: hash,
                    reason: GiveBackReason::Goodwill,
                    amount,
                    tax: tax::contained_in(order, amount),
                    restock: Vec::new(),
                    unwind: false,
                    progress: GiveBack::start(amount, &[]),
                    attempts: 0,
                    fence: FIRST_FENCE,
                    traceparent: outbox::current_traceparent(),
                    created_at: now,
                    since: now,
                };
                let entry = Entry { at: now, actor, action: "refund_requested", detail };
                let mut change = Change::new(now, entry);
                change.give_back = Some((give_back, now + LEASE));
                Ok(Some(change))
            })
            .await?;
        if is_new { self.driven(id, give_back_id, FIRST_FENCE).await } else { self.get(id).await }
    }
}
