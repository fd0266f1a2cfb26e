//! The voucher's code in the checkout's form: asked at orders, bounded in tries, and refused at its field.
//!
//! Every code that may be news to the shopper is counted before it goes to orders, whatever way it goes. How often a person
//! used a code is asked of accounts alone as long as nothing is to be ordered: an address that is typed belongs to somebody
//! else as easily. A press of the order's button asks with the address, as placing the order does: a code that is used up
//! is refused before its discount is promised. Orders looks once more when the order is placed.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use shop_contracts::mail_address::is_mail_address;
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

/// What orders said of a code, as the form remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// It counts.
    Counts,
    /// It does not, for this reason.
    Refused(String),
    /// It was not asked, or did not say.
    NotAsked(String),
}

/// Whose uses of a code count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsWhom {
    /// Of the account that is logged in.
    Account,
    /// Also of the address that was typed.
    AccountAndAddress,
}

/// Asks about the code that was typed, if one was; the terms when it would be taken now.
pub(super) async fn check(
    shop: &Shop,
    visitor: &Visitor,
    client: ClientAddress,
    cart: &Priced,
    typed: &Typed,
    as_whom: AsWhom,
) -> Option<(Said, Option<VoucherTerms>)> {
    let code = typed.value(FIELD);
    if code.is_empty() {
        return None;
    }
    if code.len() > 64 {
        return Some((Said::NotAsked("We do not know this code.".to_owned()), None));
    }
    let tried = client.network().map_or(Ok(()), |client| shop.voucher_tries.count(&client, Instant::now()));
    if let Err(seconds) = tried {
        let minutes = seconds.div_ceil(60);
        let text = format!("Too many tries. Please wait {minutes} minutes, or order without a code.");
        return Some((Said::NotAsked(text), None));
    }
    let said = ask(shop, visitor, cart, code, None).await;
    let email = Some(typed.value("email")).filter(|email| is_mail_address(email));
    // What has nothing to do with the address is told in full, so that is asked first.
    match (as_whom, email) {
        (AsWhom::AccountAndAddress, Some(email)) if said.0 == Said::Counts => {
            Some(ask(shop, visitor, cart, code, Some(email)).await)
        }
        _ => Some(said),
    }
}

/// Asks again about a code that counted when it was last asked: that is no try.
pub(super) async fn check_again(
    shop: &Shop,
    visitor: &Visitor,
    cart: &Priced,
    typed: &Typed,
) -> Option<(Said, Option<VoucherTerms>)> {
    let code = typed.value(FIELD);
    if code.is_empty() { None } else { Some(ask(shop, visitor, cart, code, None).await) }
}

async fn ask(
    shop: &Shop,
    visitor: &Visitor,
    cart: &Priced,
    code: &str,
    email: Option<&str>,
) -> (Said, Option<VoucherTerms>) {
    let request = CheckVoucher {
        code: code.to_owned(),
        goods: cart.total,
        account_id: visitor.account.as_ref().map(|account| account.account_id),
        email: email.map(str::to_owned),
    };
    match shop.peers.check_voucher(&request).await {
        Ok(terms) => (Said::Counts, Some(terms)),
        Err(cause) => (said(&cause), None),
    }
}

/// What orders said about a code.
pub(super) fn said(cause: &CallError) -> Said {
    if let (Code::VoucherRefused, CallError::Problem { errors, .. }) = (cause.code(), cause)
        && let Some(named) = errors.iter().find(|error| error.field == FIELD)
    {
        return Said::Refused(named.detail.clone());
    }
    tracing::warn!(error = %cause, "a voucher could not be checked");
    Said::NotAsked("Codes cannot be checked just now. Please try again, or order without one.".to_owned())
}

impl Said {
    /// Marks the field, if the code does not count.
    pub(super) fn mark(&self, typed: &mut Typed) {
        match self {
            Self::Counts => {}
            Self::Refused(text) | Self::NotAsked(text) => typed.wrong(FIELD, text.as_str()),
        }
    }
}
