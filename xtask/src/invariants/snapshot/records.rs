//! The rows of the books, parsed: names in the databases are variants here.

use std::collections::BTreeMap;

use sqlx::types::{
    Uuid,
    chrono::{DateTime, Utc},
};

/// Pieces by product.
pub type Pieces = BTreeMap<Uuid, i64>;

/// An enum and its variants' names in a database.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The variant with this name.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

named!(
    /// Where an order stands.
    Status {
        Pending = "pending",
        Confirmed = "confirmed",
        Declined = "declined",
        Rejected = "rejected",
        Cancelled = "cancelled",
        ManualReview = "manual_review",
    }
);
named!(
    /// How a parcel gets to its buyer.
    DeliveryMethod { Standard = "standard", Express = "express", PickUp = "pick_up" }
);
named!(
    /// What its checkout does next.
    Step {
        Reserve = "reserve",
        Authorise = "authorise",
        Confirm = "confirm",
        Capture = "capture",
        Abandon = "abandon",
        Void = "void",
        Release = "release",
        Done = "done",
    }
);
named!(
    /// What giving back does next.
    GiveBackStep {
        Void = "void",
        Refund = "refund",
        Unreserve = "unreserve",
        Restock = "restock",
        Done = "done",
    }
);
named!(
    /// The money of something that goes back.
    MoneyBack { Pending = "pending", Refunded = "refunded", Failed = "failed" }
);
named!(
    /// Where a reservation stands.
    ReservationState { Held = "held", Confirmed = "confirmed", Released = "released", Expired = "expired" }
);
named!(
    /// Where the money of an approved authorisation is.
    PaymentState { Open = "open", Captured = "captured", Voided = "voided" }
);
named!(
    /// A call that moves money.
    OperationKind { Authorise = "authorise", Capture = "capture", Void = "void", Refund = "refund" }
);
named!(
    /// What became of such a call.
    OperationState {
        Requested = "requested",
        Succeeded = "succeeded",
        Declined = "declined",
        Failed = "failed",
        Unknown = "unknown",
    }
);
named!(
    /// Money that moves in the provider's books.
    MovementKind { Hold = "hold", Capture = "capture", Release = "release", Refund = "refund" }
);

impl OperationState {
    /// Whether the provider's answer is outstanding.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Unknown)
    }
}

/// Money in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    pub minor: i64,
    pub currency: String,
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.minor, self.currency)
    }
}

/// An order with everything that hangs on it.
#[derive(Clone, Debug)]
pub struct Order {
    pub number: String,
    pub status: Status,
    pub step: Step,
    pub reason: Option<String>,
    pub review: Option<String>,
    pub reservation: Option<Uuid>,
    pub authorisation: Option<Uuid>,
    pub total: Amount,
    pub charges: Charges,
    pub buyer: Buyer,
    /// The cart's id and version that it was made from.
    pub cart: Option<(String, i64)>,
    pub placed_at: DateTime<Utc>,
    /// When the present step was written.
    pub updated_at: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    /// Whether its own row says that its parcel left.
    pub is_shipped: bool,
    /// Whether its account is gone, and what names a person goes as soon as it may.
    pub is_to_be_anonymised: bool,
    pub lines: Vec<Line>,
    /// The pieces of all lines.
    pub pieces: Pieces,
    pub give_backs: Vec<GiveBack>,
    pub returns: Vec<OrderReturn>,
    /// How often each thing happened; `resolved_by_cancelling` apart from other resolutions.
    pub history: BTreeMap<String, i64>,
}

impl Order {
    /// What walks back a checkout that a person gave up on.
    pub fn unwinding(&self) -> Option<&GiveBack> {
        self.give_backs.iter().find(|it| it.unwind)
    }

    /// Anonymised orders tell nobody anything any more.
    pub fn names_a_person(&self) -> bool {
        !self.buyer.email.is_empty()
    }

    /// Whether it ended without a sale, or its sale was taken back.
    pub const fn is_void(&self) -> bool {
        matches!(self.status, Status::Declined | Status::Rejected | Status::Cancelled)
    }

    pub fn happened(&self, action: &str) -> i64 {
        self.history.get(action).copied().unwrap_or_default()
    }
}

/// Who bought: uses of a voucher are counted by either. Never printed.
#[derive(Clone, Debug)]
pub struct Buyer {
    pub account: Option<Uuid>,
    /// In lower case; empty once the order was anonymised.
    pub email: String,
}

/// Pieces of one product in an order. Minor units.
#[derive(Clone, Debug)]
pub struct Line {
    pub product: Uuid,
    pub quantity: i64,
    pub unit_price: i64,
    /// Its share of the discount.
    pub discount: i64,
    /// Rate in hundredths of a percent, and the tax in what is paid for the line.
    pub tax: Option<(i64, i64)>,
}

impl Line {
    /// All its pieces at their price.
    pub fn amount(&self) -> i128 {
        i128::from(self.quantity) * i128::from(self.unit_price)
    }

    /// What is paid for it.
    pub fn paid(&self) -> i128 {
        self.amount() - i128::from(self.discount)
    }
}

/// What a total is made of beside the lines. Minor units.
#[derive(Clone, Debug)]
pub struct Charges {
    pub method: DeliveryMethod,
    pub delivery: i64,
    /// Where the parcel goes, ISO 3166 alpha-2.
    pub country: Option<String>,
    pub discount: i64,
    /// The voucher's code.
    pub voucher: Option<String>,
    /// By rate; nothing for orders from before anything but goods was charged.
    pub taxes: Option<Vec<TaxShare>>,
}

/// The tax at one rate. Minor units.
#[derive(Clone, Copy, Debug)]
pub struct TaxShare {
    /// Hundredths of a percent.
    pub rate_bp: i64,
    /// What is charged at this rate.
    pub gross: i64,
    pub tax: i64,
}

/// A voucher's terms, and how often it says that it is used.
#[derive(Clone, Debug)]
pub struct Voucher {
    pub code: String,
    pub benefit: Benefit,
    /// Goods of less than this it does not count for, minor units.
    pub minimum: i64,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub uses: i64,
    pub max_uses: i64,
    pub max_uses_per_person: Option<i64>,
    pub created_at: DateTime<Utc>,
}

/// What a voucher takes off.
#[derive(Clone, Copy, Debug)]
pub enum Benefit {
    Percent(i64),
    /// Minor units.
    Amount(i64),
}

/// An order's use of a voucher.
#[derive(Clone, Debug)]
pub struct Redemption {
    pub voucher: Uuid,
    /// Keyed digest of the address for this voucher: the same of one person under one key, also where the order was
    /// anonymised.
    pub address_digest: Option<Vec<u8>>,
    /// Whether it was not given back.
    pub counts: bool,
}

/// Money and pieces that go back.
#[derive(Clone, Debug)]
pub struct GiveBack {
    pub id: Uuid,
    pub key: String,
    pub reason: String,
    pub amount_minor: i64,
    pub restock: Pieces,
    pub unwind: bool,
    pub step: GiveBackStep,
    pub money: MoneyBack,
    pub review: Option<String>,
    /// A person gave the money back by hand: payments need not know of it.
    pub is_money_by_hand: bool,
    /// A person put the pieces back on sale by hand: inventory need not know of it.
    pub are_pieces_by_hand: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
}

/// Pieces that a shopper sends back.
#[derive(Clone, Debug)]
pub struct OrderReturn {
    pub id: Uuid,
    pub lines: Pieces,
    pub is_received: bool,
}

/// An event that waits for the relay.
#[derive(Clone, Debug)]
pub struct WaitingEvent {
    pub id: Uuid,
    pub order: Option<Uuid>,
    pub kind: String,
    pub created_at: DateTime<Utc>,
}

/// What we say of an order's money.
#[derive(Clone, Debug)]
pub struct Authorisation {
    pub id: Uuid,
    pub amount: Amount,
    pub is_approved: bool,
    pub state: PaymentState,
    pub reference: Option<String>,
    pub refunded_minor: i64,
    pub created_at: DateTime<Utc>,
}

impl Authorisation {
    /// For people: `captured 1999 EUR`.
    pub fn describe(&self) -> String {
        let state = if self.is_approved { self.state.as_str() } else { "declined" };
        format!("{state} {}", self.amount)
    }
}

/// What was asked of the provider.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: Uuid,
    pub kind: OperationKind,
    pub order: Uuid,
    pub authorisation: Uuid,
    /// What the caller tells repeats by.
    pub key: String,
    pub amount: Amount,
    pub state: OperationState,
    pub created_at: DateTime<Utc>,
}

/// What the provider says of a payment.
#[derive(Clone, Debug)]
pub struct ProviderPayment {
    pub order: Uuid,
    pub amount: Amount,
    pub is_approved: bool,
    pub created_at: DateTime<Utc>,
    /// Minor units of each movement.
    pub movements: Vec<(MovementKind, i64)>,
}

impl ProviderPayment {
    /// How often money moved so.
    pub fn count(&self, kind: MovementKind) -> usize {
        self.movements.iter().filter(|(k, _)| *k == kind).count()
    }

    /// How much, minor units.
    pub fn sum(&self, kind: MovementKind) -> i64 {
        self.movements.iter().filter(|(k, _)| *k == kind).map(|(_, minor)| minor).sum()
    }
}

/// A product's level.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    pub available: i64,
    /// The sum of its movements.
    pub booked: i64,
    /// Movements up to here may be folded into one.
    pub folded_until: Option<DateTime<Utc>>,
}

/// Pieces that came or went for no order.
#[derive(Clone, Debug)]
pub struct Movement {
    pub id: i64,
    pub product: Uuid,
    pub delta: i64,
    pub reason: String,
    /// A person, or `system`.
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// Pieces set aside for an order.
#[derive(Clone, Debug)]
pub struct Reservation {
    pub id: Uuid,
    pub state: ReservationState,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub pieces: Pieces,
    /// Pieces of a sale that went back on sale.
    pub returned: Pieces,
}

/// An event that notifications took up, by the event's id.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// None for mails about accounts.
    pub order: Option<Uuid>,
    pub kind: String,
    pub attempts: i64,
    /// Nothing is left to do.
    pub is_sent: bool,
    /// It was not sent on purpose: its mailbox had enough of such mails.
    pub is_withheld: bool,
    pub created_at: DateTime<Utc>,
}

/// A mail's head.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub subject: String,
    /// In lower case. Never printed.
    pub to: String,
}

/// The folder of mails.
#[derive(Clone, Debug, Default)]
pub struct MailFiles {
    /// By the event's id.
    pub mails: BTreeMap<Uuid, Mail>,
    /// Names of files that are no mail of an event.
    pub strangers: Vec<String>,
    /// The newest that are kept.
    pub keep: usize,
}

impl MailFiles {
    /// The oldest event whose mail must still be there.
    pub fn oldest_kept(&self) -> Uuid {
        let oldest = self.mails.keys().next().filter(|_| self.mails.len() >= self.keep);
        oldest.copied().unwrap_or(Uuid::nil())
    }
}
