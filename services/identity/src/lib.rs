//! Identity: shoppers' accounts, the sessions that logging in opens, and staff.
//!
//! What must always hold: a password exists in memory only while it is hashed or compared, a session's token only in
//! the answer that hands it out; nobody learns from an answer or its time whether an address has an account; trying
//! passwords is slow for whoever tries, also while Redis is away; whatever ends access (a changed password, a deleted
//! account) ends it with the same transaction. It knows nothing of cookies, and of carts only what an account keeps of its
//! last one: those are the storefront's.

pub mod address_book;
pub mod change_password;
pub mod confirm_registration;
pub mod credentials;
pub mod forget_person;
pub mod guessable;
pub mod http;
pub mod identity;
mod judgement;
pub mod kept_cart;
pub mod links;
pub mod log_in;
pub mod password;
pub mod register;
pub mod reset_password;
pub mod session;
pub mod staff;
pub mod staff_members;
pub mod storage;
pub mod telemetry;
pub mod throttle;
pub mod token;
pub mod wiring;
pub mod workers;
