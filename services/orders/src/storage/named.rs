//! Values that their columns hold by name: states, reasons, methods, currencies.

use shop_contracts::Currency;
use shop_contracts::delivery::DeliveryMethod;
use shop_contracts::orders::{OrderStatus, RefundStatus, ReturnEnd, ReturnStatus};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Type};

use crate::aftersale::give_back::{GiveBackReason, GiveBackStep};
use crate::saga::step::{Reason, Review, Step};

/// A column of text that is read as what it names. A name that nobody knows is an error of the column.
#[derive(Debug, Clone, Copy)]
pub struct Named<T>(pub T);

/// What has a name in the database.
pub trait Name: Sized {
    fn by_name(name: &str) -> Option<Self>;
}

impl<T> Type<Postgres> for Named<T> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(ty)
    }
}

impl<'r, T: Name> Decode<'r, Postgres> for Named<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let name = <&str as Decode<Postgres>>::decode(value)?;
        T::by_name(name).map(Self).ok_or_else(|| format!("unknown name {name:?}").into())
    }
}

macro_rules! names {
    ($($type:ty: $parse:expr),+ $(,)?) => {$(
        impl Name for $type {
            fn by_name(name: &str) -> Option<Self> {
                $parse(name)
            }
        }
    )+};
}

names! {
    Currency: currency,
    OrderStatus: Self::parse,
    DeliveryMethod: Self::parse,
    Step: Self::parse,
    Reason: Self::parse,
    Review: Self::parse,
    GiveBackStep: Self::parse,
    GiveBackReason: Self::parse,
    RefundStatus: refund_status,
    ReturnStatus: return_status,
    ReturnEnd: Self::parse,
}

/// A refund's state as its column holds it.
pub const fn refund_status_name(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "pending",
        RefundStatus::Refunded => "refunded",
        RefundStatus::Failed => "failed",
    }
}

fn currency(name: &str) -> Option<Currency> {
    name.parse().ok()
}

fn refund_status(name: &str) -> Option<RefundStatus> {
    [RefundStatus::Pending, RefundStatus::Refunded, RefundStatus::Failed]
        .into_iter()
        .find(|status| refund_status_name(*status) == name)
}

fn return_status(name: &str) -> Option<ReturnStatus> {
    match name {
        "requested" => Some(ReturnStatus::Requested),
        "received" => Some(ReturnStatus::Received),
        _ => None,
    }
}
