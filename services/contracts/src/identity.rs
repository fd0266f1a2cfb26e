//! Identity: accounts and sessions as they travel.
//!
//! | route | request | answer |
//! |---|---|---|
//! | `POST /v1/accounts` (Idempotency-Key) | [`RegisterAccount`] | 201 [`Registered`], the same whether the address had an account or not; there is one when the mail's link is confirmed; 429 |
//! | `POST /v1/accounts/confirm` | [`ConfirmRegistration`] | 201 [`Account`], again for the same token; 401; 422 when the token is not valid (any more); 429 |
//! | `POST /v1/accounts/confirm/check`, `POST /v1/password-resets/check` | [`CheckLink`] | [`LinkState`]; 429 |
//! | `GET /v1/accounts/{id}` | | [`Account`] |
//! | `PUT /v1/accounts/{id}/password` | [`ChangePassword`] | 204; 401 when the present password is wrong; every other session ends |
//! | `POST /v1/accounts/{id}/delete` | [`ConfirmPassword`] | 204; 401; account, addresses and sessions are gone, orders are anonymised |
//! | `GET`, `PUT /v1/accounts/{id}/addresses` | [`Addresses`] | [`Addresses`]; 409 with the book as it is now as `existing` when it is not of `if_version` |
//! | `GET /v1/accounts/{id}/cart` | | [`KeptCart`], empty before the first |
//! | `PUT /v1/accounts/{id}/cart` | [`KeptCart`] | 204; 409 `conflict` with the kept one as `existing` when that is of another revision than `if_revision` |
//! | `GET /v1/accounts/{id}/sessions` | | [`Sessions`] |
//! | `DELETE /v1/accounts/{id}/sessions/{session_id}` | | 204 |
//! | `POST /v1/sessions` (Idempotency-Key) | [`LogIn`] | 201 [`Session`]; 401; 429 |
//! | `GET`, `DELETE /v1/sessions/current` with the session's token in `x-session-token` | | [`SessionInfo`]; 404 when it is over |
//! | `POST /v1/password-resets` (Idempotency-Key, optional) | [`RequestReset`] | 204, always; 429 |
//! | `POST /v1/password-resets/confirm` | [`ConfirmReset`] | 204, also for the same again; 422 when the token is not valid (any more); every session ends |
//! | `POST /v1/staff/sessions` (Idempotency-Key) | [`LogIn`] | 201 [`StaffSession`]; 401; 429 |
//! | `GET`, `DELETE /v1/staff/sessions/current` with `x-session-token` | | [`StaffMember`] |
//! | `GET /v1/staff/members`, by a manager (`x-session-token`), as all that follow | | [`StaffMembers`]; 403 |
//! | `GET /v1/staff/changes` | | [`StaffChanges`] |
//! | `POST /v1/staff/members` (Idempotency-Key) | [`NewStaffMember`] | 201 [`StaffEntry`]; 409 when the name is or was given |
//! | `PUT /v1/staff/members/{username}/role` | [`ChangeStaffRole`] | [`StaffEntry`]; 409 for the last manager |
//! | `PUT /v1/staff/members/{username}/password` | [`SetStaffPassword`] | [`StaffEntry`]; the member's sessions end |
//! | `DELETE /v1/staff/members/{username}` | | [`StaffEntry`]; the member's sessions end; 409 for the last manager |
//!
//! Wherever a password is chosen, one that is guessed first is 422 `password_guessable`, with `errors` at its field.
//!
//! Types that carry a password or a token hide it in their `Debug` form.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::orders::CartRef;
use crate::{AccountId, OrderId, ProductId};

/// Registers a shopper.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisterAccount {
    /// Address to log in with and to send mail to; compared without case.
    #[schema(min_length = 5, max_length = 254, format = Email)]
    pub email: String,
    /// The name to address the shopper by.
    #[schema(min_length = 1, max_length = 100)]
    pub display_name: String,
    /// The password as typed, 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200)]
    pub password: String,
    /// Address of the shopper's machine as the storefront saw it, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// A shopper's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// The account's id; the opaque `user.id` of telemetry.
    pub id: AccountId,
    /// Address, lower case.
    pub email: String,
    /// The name to address the shopper by.
    pub display_name: String,
    /// When the shopper registered.
    pub created_at: DateTime<Utc>,
}

/// Logs in. A wrong address and a wrong password are answered alike.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LogIn {
    /// Address of the account.
    #[schema(min_length = 1, max_length = 254)]
    pub email: String,
    /// The password as typed.
    #[schema(min_length = 1, max_length = 200)]
    pub password: String,
    /// Address of the shopper's machine as the storefront saw it, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// The shopper's browser as it names itself, for the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// A new session. The token is shown once; only its hash is stored.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Opaque secret of 43 URL-safe characters.
    pub token: String,
    /// Whose session it is.
    pub account: Account,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    /// Whose session it is.
    pub account: Account,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("account", &self.account.id).finish_non_exhaustive()
    }
}

/// What registering answers. Whether the address was new is told to its owner by mail only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Registered {
    /// The address that mail went to.
    pub email: String,
}

/// Confirms an account by the token of a mail.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmRegistration {
    /// The token; it works for a day.
    pub token: String,
    /// The password that was chosen, so that nobody confirms what a stranger asked for.
    #[schema(min_length = 1, max_length = 200)]
    pub password: String,
    /// Address of the shopper's machine, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// Asks whether a mail's link still works.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckLink {
    /// The token of the link.
    pub token: String,
    /// Address of the shopper's machine, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// Whether a link works; why it does not is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkState {
    /// False when it was used, is over, or never was.
    pub works: bool,
}

/// Sets a new password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The present one.
    #[schema(min_length = 1, max_length = 200)]
    pub current: String,
    /// The new one, 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200)]
    pub new: String,
    /// The session that goes on; all others end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_session_token: Option<String>,
}

/// Proves who asks, for what cannot be undone.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmPassword {
    /// The present password.
    #[schema(min_length = 1, max_length = 200)]
    pub password: String,
}

/// Asks for a mail with a link to set a new password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestReset {
    /// Address of the account.
    #[schema(min_length = 5, max_length = 254, format = Email)]
    pub email: String,
    /// Address of the shopper's machine, for throttling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
}

/// Sets a new password by the token of a mail.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmReset {
    /// The token; works once, for an hour.
    pub token: String,
    /// The new password, 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200)]
    pub password: String,
}

/// An address of an account's book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedAddress {
    /// Its name in the book, such as "Home"; 1 to 40 characters.
    #[schema(min_length = 1, max_length = 40)]
    pub label: String,
    /// The address.
    pub address: crate::orders::Address,
}

/// An account's book, the preferred address first; at most 10.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Addresses {
    /// The addresses.
    #[schema(max_items = 10)]
    pub addresses: Vec<SavedAddress>,
    /// What the book is called as it stands; another book, another name. Whatever is sent here is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub version: Option<String>,
    /// Replaces the book only if it is still called this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub if_version: Option<String>,
}

/// Pieces of a product in a kept cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptLine {
    /// The product.
    pub product_id: ProductId,
    /// Pieces, 1 to 99.
    pub quantity: u32,
}

/// What an account keeps of its cart, from one device to the next. Prices are the catalogue's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptCart {
    /// The cart's public id, 1 to 64 visible ASCII characters; empty when nothing was ever kept.
    pub id: String,
    /// Grows with every change of what is in the cart; at most 2^63 - 1.
    pub version: u64,
    /// At most 50 lines, each product once.
    pub lines: Vec<KeptLine>,
    /// Orders of this version that are over.
    #[serde(default)]
    pub attempt: u16,
    /// The newest version that is known to have become an order; 0 when none is. At most 2^63 - 1.
    #[serde(default)]
    pub ordered_version: u64,
    /// Orders that may have come of this cart or of one that became part of it, and whose end is not known; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenOrder>,
    /// Other carts that became part of it, newest last; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedCart>,
    /// Grows by one with each cart that is kept; 0 before the first. Whatever is sent here is not looked at.
    #[serde(default)]
    pub revision: u64,
    /// Keeps it only if the account's cart is still of this revision. Absent in requests of storefronts from before there
    /// were revisions: then of one cart the newest version stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_revision: Option<u64>,
}

/// A cart that became part of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MergedCart {
    /// Its public id, 1 to 64 visible ASCII characters.
    pub id: String,
    /// In which version; at most 2^63 - 1.
    pub version: u64,
    /// The newest version whose order is accounted for; 0 when none is. At most 2^63 - 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ordered_version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(version: &u64) -> bool {
    *version == 0
}

/// An order whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenOrder {
    /// The version of a cart that it was made from.
    pub cart: CartRef,
    /// The order, if its id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// When it was asked for, seconds since 1970.
    pub asked_at: u32,
    /// Its pieces, unless they are the cart's present lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<KeptLine>,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionSummary {
    /// Its public id, to end it by; never its token.
    pub id: uuid::Uuid,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last seen, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// The browser as it named itself, shortened.
    #[serde(default)]
    pub user_agent: String,
    /// Whether it is the one that asks.
    #[serde(default)]
    pub current: bool,
}

/// An account's sessions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The sessions.
    pub sessions: Vec<SessionSummary>,
}

/// What a staff member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StaffRole {
    /// Sees orders and stock.
    Viewer,
    /// Ships, refunds, adjusts stock.
    Clerk,
    /// Changes products and prices too.
    Manager,
}

/// A member of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffMember {
    /// The name that the audit log shows; unique.
    pub username: String,
    /// The role.
    pub role: StaffRole,
}

/// A new staff session.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct StaffSession {
    /// Opaque secret.
    pub token: String,
    /// Whose it is.
    pub staff: StaffMember,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A member of the staff as managers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffEntry {
    /// The name that the audit log shows; unique, and never given again.
    pub username: String,
    /// The role.
    pub role: StaffRole,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// Everybody who is or was a member of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffMembers {
    /// By name, those who are ended last.
    pub members: Vec<StaffEntry>,
}

/// Something that was changed about a member of the staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffChange {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// About whom.
    pub username: String,
    /// `added`, `role`, `password` or `ended`.
    pub what: String,
    /// The role before, if that tells something.
    pub before: String,
    /// The role since, if that tells something.
    pub after: String,
}

/// Changes of the staff, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffChanges {
    /// The changes.
    pub changes: Vec<StaffChange>,
}

/// Adds a member of the staff.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewStaffMember {
    /// The name: 1 to 40 lower-case letters, digits, dots, dashes and underscores.
    #[schema(min_length = 1, max_length = 40)]
    pub username: String,
    /// The role.
    pub role: StaffRole,
    /// The first password, 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200)]
    pub password: String,
}

/// Gives a member of the staff another role.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct ChangeStaffRole {
    /// The role.
    pub role: StaffRole,
}

/// Gives a member of the staff another password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SetStaffPassword {
    /// The password, 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200)]
    pub password: String,
}

macro_rules! hides_secrets {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

hides_secrets!(
    RegisterAccount,
    LogIn,
    ConfirmRegistration,
    CheckLink,
    ChangePassword,
    ConfirmPassword,
    RequestReset,
    ConfirmReset,
    NewStaffMember,
    SetStaffPassword,
    StaffSession
);
