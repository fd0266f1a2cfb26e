//! Vouchers: who may use one now, and what staff does with them.
//!
//! What must always hold: a voucher is used by at most as many orders as it allows, and by each person at most as often.
//! So it is redeemed under its row's lock in the transaction that writes the order, and given back in the one that ends
//! the order without a sale (a trigger of the table). A check before that only spares shoppers the way.

mod address_digests;
mod refusal;
mod staff;

use shop_contracts::AccountId;
use shop_contracts::Money;
use shop_contracts::vouchers::{VoucherTerms, normal_code};
use shop_instrumentation::Problem;
use shop_instrumentation::clock::SharedClock;

pub use self::address_digests::AddressDigests;
pub use self::refusal::{Refusal, UsesBefore, usable};
use crate::storage::postgres::PgOrders;

/// Who buys: uses are counted by either.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub account: Option<AccountId>,
    pub email: Option<&'a str>,
}

/// The use cases.
#[derive(Clone)]
pub struct Vouchers {
    pub orders: PgOrders,
    pub clock: SharedClock,
}

impl Vouchers {
    /// The terms of a code that would be taken now.
    pub async fn check(
        &self,
        code: &str,
        person: &Person<'_>,
        goods: Money,
    ) -> Result<VoucherTerms, Problem> {
        let Some(code) = normal_code(code) else { return Err(Refusal::Unknown.into()) };
        let found = self.orders.find_voucher(&code).await?;
        let voucher = found.ok_or(Refusal::Unknown)?;
        let before = match voucher.max_uses_per_person {
            Some(_) => self.orders.voucher_uses_by(voucher.id, person).await?,
            None => UsesBefore::default(),
        };
        usable(&voucher, before, goods, self.clock.now()).map_err(|refusal| refusal.told_to(person))?;
        Ok(voucher.terms)
    }
}
