//! The tax in money that goes back. Pure. Never more in sum than the order's, and exactly that once all is given back.

use shop_contracts::Money;
use shop_contracts::orders::{Order, RefundStatus};

use super::give_back::GiveBack;

/// The tax in an amount, at most what is left to give back: the same part of the tax that is left, half a unit upwards.
pub fn contained_in(order: &Order, amount: Money) -> Option<Money> {
    order.charges.as_ref()?;
    let (left, tax) = (i128::from(order.refundable().amount_minor), order.refundable_tax().amount_minor);
    if left <= 0 {
        return Some(Money::new(0, amount.currency));
    }
    let share = (2 * i128::from(tax) * i128::from(amount.amount_minor) + left) / (2 * left);
    Some(Money::new(i64::try_from(share).unwrap_or(tax).clamp(0, tax), amount.currency))
}

/// The tax of money that is asked for anew. While it had failed it counted as not given back, and others may have taken
/// some of it.
pub fn at_most(it: &GiveBack, left: &mut i64) -> Option<Money> {
    let tax = it.tax?;
    if it.progress.money != RefundStatus::Failed {
        return Some(tax);
    }
    let kept = tax.amount_minor.min(*left);
    *left -= kept;
    Some(Money::new(kept, tax.currency))
}
