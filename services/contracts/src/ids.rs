//! Identifiers, one newtype for each thing, so that an order's id cannot be passed where an account's is meant.
//!
//! On the wire they are plain UUID strings. Most are UUIDv7, minted by `shop_instrumentation::ids`; a product's id is a
//! UUIDv5 of its slug, so that catalog and inventory agree on ids without talking to each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Namespace of product ids (UUIDv5 over the slug). Never changes: every stored product id depends on it.
pub const PRODUCT_NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_2a0e_5d0b_4b7e_9c55_51a8_4e3b_7d10);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Wraps a UUID that is already known to name this kind of thing.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, for SQL parameters and keys.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(/// A product, the same in catalog, inventory and orders.
    ProductId);
id!(/// Products that are one thing in several makes.
    VariantGroupId);
id!(/// An order.
    OrderId);
id!(/// A shopper's account.
    AccountId);
id!(/// A reservation of stock.
    ReservationId);
id!(/// A payment authorisation.
    PaymentId);
id!(/// An event on a stream; consumers use it to do things once.
    EventId);

impl ProductId {
    /// The id of the product with this slug.
    pub fn from_slug(slug: &str) -> Self {
        Self(Uuid::new_v5(&PRODUCT_NAMESPACE, slug.as_bytes()))
    }
}

impl VariantGroupId {
    /// The id of the group that the first range has under this title.
    pub fn from_title(title: &str) -> Self {
        Self(Uuid::new_v5(&PRODUCT_NAMESPACE, format!("variant group {title}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_travels_as_a_plain_string() {
        let id = OrderId(Uuid::from_u128(7));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"00000000-0000-0000-0000-000000000007\"");
        assert_eq!(serde_json::from_str::<OrderId>(&json).unwrap(), id);
    }

    #[test]
    fn product_id_never_changes_for_a_slug() {
        assert_eq!(ProductId::from_slug("brass-sextant"), ProductId::from_slug("brass-sextant"));
        assert_ne!(ProductId::from_slug("brass-sextant"), ProductId::from_slug("brass-compass"));
        assert_eq!(ProductId::from_slug("brass-sextant").uuid().get_version_num(), 5);
    }
}
