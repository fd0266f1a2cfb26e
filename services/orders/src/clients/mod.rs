//! The ports over HTTP. Which answer is final and which means "later" is decided here and nowhere else.

mod catalog;
mod inventory;
mod payments;

use shop_instrumentation::client::CallError;

pub use self::catalog::HttpPriceList;
pub use self::inventory::HttpStock;
pub use self::payments::HttpPaymentGateway;
use crate::ports::NotNow;

fn not_now(error: &CallError) -> NotNow {
    NotNow(error.to_string())
}

/// The status and code of a refusal by the peer; `None` when no answer that counts came.
fn refusal(error: &CallError) -> Option<u16> {
    match error {
        CallError::Problem { status, .. } => Some(*status),
        _ => None,
    }
}

/// A peer that knows the thing and will not do it, or does not know it: asking again does not help. Everything else
/// (credentials, throttling, overload, a defect, silence) says nothing about the thing itself.
fn is_final(error: &CallError) -> bool {
    matches!(refusal(error), Some(404 | 409))
}
