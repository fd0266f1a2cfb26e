//! Orders as they travel.
//!
//! | route | request | answer |
//! |---|---|---|
//! | `POST /v1/orders` (Idempotency-Key) | [`NewOrder`] | 201 [`Order`]; 409 `key_reused`, `already_ordered` (both with the existing order), `cart_ordered` (with the existing orders), `conflict` (a price changed), `total_changed`, `voucher_refused`; 422 |
//! | `GET /v1/orders/{id}` | | [`Order`] |
//! | `GET /v1/orders?account_id=&page=&per_page=` | | [`OrderPage`] |
//! | `GET /v1/carts/{cart_id}/orders` | | [`OrderPage`]: the newest of one cart that stand or may come to stand |
//! | `POST /v1/orders/lookup` | [`OrderLookup`] | [`Order`]; 404 whichever of the two is wrong |
//! | `POST /v1/orders/{id}/cancel` | [`CancelOrder`] | [`Order`]; 409 `conflict` once it was shipped |
//! | `POST /v1/orders/{id}/returns` (Idempotency-Key) | [`NewReturn`] | 201 [`Order`]; 409 `conflict` outside of [`RETURN_DAYS`] |
//! | `POST /v1/accounts/{account_id}/anonymise` | | 204: the account's orders lose everything that names a person |
//! | `POST /v1/orders/{id}/returns/{return_id}/withdraw` | [`WithdrawReturn`] | [`Order`]: the shopper keeps the pieces; 409 `conflict` once they are back |
//! | `GET /v1/staff/orders?status=&shipped=&waiting=&q=&page=&per_page=` | | [`OrderPage`] |
//! | `GET /v1/staff/orders/{id}/history` | | [`OrderHistory`] |
//! | `POST /v1/staff/orders/{id}/ship` | [`ShipOrder`] | [`Order`]; 409 `conflict` with the field `although_refunded` when all of the money went back |
//! | `POST /v1/staff/orders/{id}/refunds` (Idempotency-Key) | [`NewOrderRefund`] | 201 [`Order`] |
//! | `POST /v1/staff/orders/{id}/returns/{return_id}/receive` | [`StaffNote`] | [`Order`]: the pieces are back, the money follows; 409 `conflict` when it was refused or withdrawn |
//! | `POST /v1/staff/orders/{id}/returns/{return_id}/refuse` | [`RefuseReturn`] | [`Order`]: nothing is given back for it |
//! | `POST /v1/staff/orders/{id}/resolve` | [`ResolveOrder`] | [`Order`]: ends `manual_review` |

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::charges::{Charges, LineCharge};
use crate::delivery::DeliveryMethod;
use crate::{AccountId, Money, OrderId, ProductId};

/// For how long after the order was placed its pieces may be sent back.
pub const RETURN_DAYS: i64 = 60;
/// Days within which pieces that were announced to come back are to be sent.
pub const RETURN_WITHIN_DAYS: i64 = 14;
/// Minutes after which an order whose payment could not be decided is given up, unless orders is configured otherwise.
pub const PAYMENT_DECIDED_WITHIN_MINUTES: i64 = 10;

/// Where the parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    pub address1: String,
    /// City.
    #[schema(min_length = 1, max_length = 200)]
    pub city: String,
    /// Postcode.
    #[schema(min_length = 1, max_length = 200)]
    pub postcode: String,
    /// ISO 3166 alpha-2.
    #[schema(min_length = 2, max_length = 2, pattern = "^[A-Z]{2}$")]
    pub country: String,
}

/// A line as the shopper saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: u32,
    /// The price of one that the shopper agreed to; a changed price is a 409 `conflict`.
    pub unit_price: Money,
}

/// One version of a cart. A version is consumed by at most one order that was not declined or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CartRef {
    /// The cart's public id, 1 to 64 visible ASCII characters; never the secret of its cookie.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!-~]{1,64}$")]
    pub id: String,
    /// Grows with every change of what is in the cart.
    pub version: u64,
}

/// What a cart knows of the orders that were made from it. Presses of two tabs or devices may be on their way at the same
/// time, and answers get lost: only the request itself can say of which orders its lines are what is left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownOrders {
    /// The cart and those that became part of it, at most 8: of each the version up to which its orders are accounted for.
    #[schema(max_items = 8)]
    pub carts: Vec<CartRef>,
    /// Later versions of which the order is accounted for, too; at most 8.
    #[schema(max_items = 8)]
    pub open: Vec<CartRef>,
}

/// Asks for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The account, unless a guest buys.
    pub account_id: Option<AccountId>,
    /// Where mails go.
    #[schema(min_length = 5, max_length = 200, format = Email)]
    pub email: String,
    /// What is bought; 1 to 50 lines.
    #[schema(min_items = 1, max_items = 50)]
    pub lines: Vec<NewOrderLine>,
    /// Where it goes.
    pub ship_to: Address,
    /// What the payment form handed out.
    #[schema(min_length = 1, max_length = 200)]
    pub payment_token: String,
    /// The cart that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartRef>,
    /// What the cart knows of its orders. An order of one of these carts that stands or may come to stand, and is not
    /// accounted for, is a 409 `cart_ordered`. Absent in requests of pages from before it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownOrders>,
    /// How it is delivered. Absent in requests of pages from before there was a choice: standard, and included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryMethod>,
    /// A voucher's code, as typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub voucher: Option<String>,
    /// The total that the shopper agreed to; any other is a 409 `total_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Money>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Accepted; stock or payment is still being sorted out.
    Pending,
    /// Paid, and the stock is its.
    Confirmed,
    /// The payment was declined; nothing was charged.
    Declined,
    /// Something was out of stock, or the payment could not be made in time; nothing was charged.
    Rejected,
    /// Cancelled after it was confirmed, or walked back by a person: what was taken goes back, what was only held is let
    /// go of. [`Order::captured`] says which.
    Cancelled,
    /// No program could bring it to an end: a person looks at it.
    ManualReview,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Confirmed, Self::Declined, Self::Rejected, Self::Cancelled, Self::ManualReview];

    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::ManualReview => "manual_review",
        }
    }

    /// The status with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// A line of a stored order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Its name when it was ordered.
    pub name: String,
    /// Pieces.
    pub quantity: u32,
    /// Price of one when it was ordered.
    pub unit_price: Money,
    /// Its share of discount and tax; orders from before there were any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<LineCharge>,
}

impl OrderLine {
    /// What was paid for pieces of this line when so many of it had been paid back before, minor units: shares of what
    /// was paid for the line, rounded down in sum, so that all pieces together give back exactly that.
    pub fn paid_minor(&self, before: u32, pieces: u32) -> i64 {
        let gross = i128::from(self.unit_price.amount_minor) * i128::from(self.quantity);
        let discount = self.charge.map_or(0, |charge| charge.discount.amount_minor);
        self.part_minor(gross - i128::from(discount), before, pieces)
    }

    /// The tax in [`Self::paid_minor`].
    pub fn tax_minor(&self, before: u32, pieces: u32) -> i64 {
        let tax = self.charge.map_or(0, |charge| charge.tax.amount_minor);
        self.part_minor(i128::from(tax), before, pieces)
    }

    fn part_minor(&self, whole: i128, before: u32, pieces: u32) -> i64 {
        let quantity = self.quantity.max(1);
        let up_to = |count: u32| whole * i128::from(count.min(quantity)) / i128::from(quantity);
        i64::try_from(up_to(before.saturating_add(pieces)) - up_to(before)).unwrap_or(i64::MAX)
    }
}

/// A parcel on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    /// Who carries it.
    pub carrier: String,
    /// What the carrier calls it.
    pub tracking_number: String,
    /// When it was handed over.
    pub shipped_at: DateTime<Utc>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Asked for; the provider has not confirmed it yet. It counts as given back.
    Pending,
    /// The money is on its way back.
    Refunded,
    /// The provider refused: it gave nothing back, and a person looks at it.
    Failed,
}

/// Money given back for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRefund {
    /// Its id.
    pub id: Uuid,
    /// How much.
    pub amount: Money,
    /// Why: `cancelled`, `returned`, `goodwill`.
    pub reason: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// The tax in it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// Whether no program goes on with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub needs_person: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Where a return stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// Announced by the shopper.
    Requested,
    /// The pieces are back; the refund is on its way.
    Received,
}

/// How a return ended that brought nothing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnEnd {
    /// By staff.
    Refused,
    /// By the shopper.
    Withdrawn,
}

impl ReturnEnd {
    /// Its name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The end with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Refused, Self::Withdrawn].into_iter().find(|end| end.as_str() == name)
    }
}

/// The end of a return that brought nothing back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReturnClosed {
    /// How.
    pub end: ReturnEnd,
    /// Why, in the words of whoever ended it.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Pieces of a line that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to what was ordered and not yet sent back.
    #[schema(minimum = 1)]
    pub quantity: u32,
}

/// Asks to send pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReturn {
    /// What comes back; 1 to 50 lines, each product once.
    #[schema(min_items = 1, max_items = 50)]
    pub lines: Vec<ReturnLine>,
    /// Why, in the shopper's words; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// A return of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderReturn {
    /// Its id.
    pub id: Uuid,
    /// What comes back.
    pub lines: Vec<ReturnLine>,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub status: ReturnStatus,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// Its end, if it brings nothing back. Its status stays `requested` then, for callers that do not know of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<ReturnClosed>,
}

impl OrderReturn {
    /// Whether its pieces are on their way.
    pub fn is_announced(&self) -> bool {
        self.status == ReturnStatus::Requested && self.closed.is_none()
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Its number as shoppers see it.
    pub number: String,
    /// Whose it is, unless a guest's.
    pub account_id: Option<AccountId>,
    /// Where mails go.
    pub email: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// What it costs.
    pub total: Money,
    /// Where it goes.
    pub ship_to: Address,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// The cart that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartRef>,
    /// The parcel, once it is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// Money given back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<OrderRefund>,
    /// Pieces sent back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<OrderReturn>,
    /// Whether cancelling it would be accepted now.
    #[serde(default)]
    pub can_cancel: bool,
    /// Whether a return would be accepted now.
    #[serde(default)]
    pub can_return: bool,
    /// Why it waits for a person or ended as it did: `declined`, `out_of_stock`, `payment_timeout`, `capture_failed` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the total is made of; orders from before there was anything but goods have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charges: Option<Charges>,
    /// What is known to have been taken for it; zero while that is not known, and for a hold that was let go of. Absent
    /// from instances of the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Money>,
    /// Whether it, or something that goes back for it, waits for a person.
    #[serde(default, skip_serializing_if = "is_false")]
    pub needs_person: bool,
}

impl Order {
    /// Whether money was taken for it, so that some can be given back.
    pub fn took_money(&self) -> bool {
        self.captured_minor() > 0
    }

    fn captured_minor(&self) -> i64 {
        match (self.captured, self.status) {
            (Some(captured), _) => captured.amount_minor,
            (None, OrderStatus::Confirmed | OrderStatus::Cancelled) => self.total.amount_minor,
            (None, _) => 0,
        }
    }

    /// What was taken for it and neither given back nor is on its way back. A refund that failed gave nothing back.
    pub fn refundable(&self) -> Money {
        let counted = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        let given: i64 = counted.map(|refund| refund.amount.amount_minor).sum();
        Money::new((self.captured_minor() - given).max(0), self.total.currency)
    }

    /// Whether all that was taken went back or is on its way back, whatever becomes of the pieces.
    pub fn all_money_went_back(&self) -> bool {
        self.took_money() && self.refundable().amount_minor == 0
    }

    /// The tax in [`Self::refundable`].
    pub fn refundable_tax(&self) -> Money {
        let counted = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        let given: i64 = counted.filter_map(|refund| refund.tax).map(|tax| tax.amount_minor).sum();
        let charges = self.charges.as_ref().filter(|_| self.took_money());
        let tax = charges.map_or(0, |charges| charges.tax.amount_minor);
        Money::new((tax - given).max(0), self.total.currency)
    }

    /// Pieces of each product that were ordered and neither came back nor are on their way back.
    pub fn returnable(&self) -> BTreeMap<ProductId, u32> {
        let mut pieces: BTreeMap<ProductId, u32> = BTreeMap::new();
        for line in &self.lines {
            *pieces.entry(line.product_id).or_default() += line.quantity;
        }
        let counted =
            self.returns.iter().filter(|one| one.status == ReturnStatus::Received || one.is_announced());
        for line in counted.flat_map(|one| &one.lines) {
            let left = pieces.entry(line.product_id).or_default();
            *left = left.saturating_sub(line.quantity);
        }
        pieces
    }
}

/// A page of orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// The page, from 1.
    #[schema(minimum = 1, maximum = 10000)]
    pub page: u32,
    /// Whether another page follows.
    pub has_more: bool,
}

/// A guest's question for an order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderLookup {
    /// The number as the mail says it, case and dashes as typed.
    pub number: String,
    /// The address that the order was placed with, compared without case.
    pub email: String,
}

impl std::fmt::Debug for OrderLookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderLookup").finish_non_exhaustive()
    }
}

/// Asks to cancel an order that is not shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Who asks, for the history: `shopper`, or the staff member's name.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub actor: String,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// Staff hands a parcel over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipOrder {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// Who carries it; 1 to 60 bytes.
    #[schema(min_length = 1, max_length = 60)]
    pub carrier: String,
    /// What the carrier calls it; 1 to 60 bytes.
    #[schema(min_length = 1, max_length = 60)]
    pub tracking_number: String,
    /// The parcel is to leave although all of the money went back. Without it such an order is not shipped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub although_refunded: bool,
}

/// Staff gives money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrderRefund {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// How much; at most what was taken and not yet given back.
    pub amount: Money,
    /// Why; 1 to 500 bytes.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Who of the staff did something, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffNote {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

/// Staff refuses a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseReturn {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// Why, as the shopper reads it; 1 to 500 bytes.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// The shopper keeps what was announced to come back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawReturn {
    /// Why; at most 500 bytes.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// How a person ends `manual_review`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Take the saga up where it stands, with a fresh age.
    Retry,
    /// Walk it back: money and stock are given back.
    Cancel,
    /// A person has done by hand what no program could: it counts as done. Not for a capture.
    Settled,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 3] = [Self::Retry, Self::Cancel, Self::Settled];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Settled => "settled",
        }
    }

    /// The resolution with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.as_str() == name)
    }
}

/// Ends `manual_review`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveOrder {
    /// The staff member.
    #[schema(min_length = 1, max_length = 100)]
    pub actor: String,
    /// What is to be done.
    pub resolution: Resolution,
    /// Why; 1 to 500 bytes.
    #[schema(min_length = 1, max_length = 500)]
    pub note: String,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderHistoryEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `system`, `shopper`, or a staff member.
    pub actor: String,
    /// What: `placed`, `confirmed`, `cancelled`, `shipped`, `refunded`, `voided`, `return_requested`, `return_received`, `return_refused`, `return_withdrawn`, `manual_review`, `resolved`, `anonymised`.
    pub action: String,
    /// Details for people.
    #[serde(default)]
    pub detail: String,
}

/// Everything that happened to an order, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderHistory {
    /// The entries.
    pub entries: Vec<OrderHistoryEntry>,
}
