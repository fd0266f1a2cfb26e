//! The voucher's code in the checkout's form: asked at orders, bounded in tries, and refused at its field.

use std::time::Instant;

use shop_contracts::vouchers::{CheckVoucher, VoucherTerms};
use shop_instrumentation::client::CallError;
use shop_instrumentation::problem::Code;

use super::super::Shop;
use crate::border::ClientAddress;
use crate::cart::Priced;
use crate::form::Typed;
use crate::visitor::Visitor;

/// The field's name.
pub(super) const FIELD: &str = "voucher";

/// The terms of the code that was typed, if it would be taken now. Otherwise its field says why not.
pub(super) async fn check(
    shop: &Shop,
    visitor: &Visitor,
    client: ClientAddress,
    cart: &Priced,
    typed: &mut Typed,
) -> Option<VoucherTerms> {
    let code = typed.value(FIELD).to_owned();
    if code.is_empty() {
        return None;
    }
    if code.len() > 64 {
        typed.wrong(FIELD, "We do not know this code.");
        return None;
    }
    let tried = client.network().map_or(Ok(()), |client| shop.voucher_tries.count(&client, Instant::now()));
    if let Err(seconds) = tried {
        let minutes = seconds.div_ceil(60);
        typed
            .wrong(FIELD, format!("Too many tries. Please wait {minutes} minutes, or order without a code."));
        return None;
    }
    let email = typed.value("email");
    let request = CheckVoucher {
        code,
        goods: cart.total,
        account_id: visitor.account.as_ref().map(|account| account.account_id),
        email: (!email.is_empty() && email.len() <= 254).then(|| email.to_owned()),
    };
    match shop.peers.check_voucher(&request).await {
        Ok(terms) => Some(terms),
        Err(cause) => {
            typed.wrong(FIELD, refusal(&cause));
            None
        }
    }
}

/// What orders said about a code, for its field.
pub(super) fn refusal(cause: &CallError) -> String {
    if let (Code::VoucherRefused, CallError::Problem { errors, .. }) = (cause.code(), cause)
        && let Some(named) = errors.iter().find(|error| error.field == FIELD)
    {
        return named.detail.clone();
    }
    tracing::warn!(error = %cause, "a voucher could not be checked");
    "Codes cannot be checked just now. Please try again, or order without one.".to_owned()
}
