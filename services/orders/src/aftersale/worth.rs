//! What pieces that come back are worth. Pure.

use shop_contracts::Money;
use shop_contracts::orders::{Order, ReturnLine, ReturnStatus};

use super::tax;

/// What was really paid for pieces, a voucher's share taken off, and the tax in it; as far as it was not given back
/// already. Delivery stays paid: it was done.
pub fn of(order: &Order, lines: &[ReturnLine]) -> (Money, Option<Money>) {
    let (mut paid, mut tax_minor) = (0_i64, 0_i64);
    for back in lines {
        let Some(line) = order.lines.iter().find(|line| line.product_id == back.product_id) else { continue };
        let before = received(order, back);
        paid = paid.saturating_add(line.paid_minor(before, back.quantity));
        tax_minor = tax_minor.saturating_add(line.tax_minor(before, back.quantity));
    }
    let left = order.refundable();
    let money = |minor| Money::new(minor, left.currency);
    if paid >= left.amount_minor {
        return (left, tax::contained_in(order, left));
    }
    let tax = order.charges.as_ref().map(|_| money(tax_minor.min(order.refundable_tax().amount_minor)));
    (money(paid), tax)
}

/// Pieces of the same product that came back before.
fn received(order: &Order, back: &ReturnLine) -> u32 {
    let done = order.returns.iter().filter(|one| one.status == ReturnStatus::Received);
    let lines = done.flat_map(|one| &one.lines).filter(|line| line.product_id == back.product_id);
    lines.map(|line| line.quantity).sum()
}
