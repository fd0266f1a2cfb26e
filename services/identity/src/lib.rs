//! Identity: shoppers' accounts, and the sessions that logging in opens.
//!
//! What must always hold: a password exists in memory only while it is hashed or compared, a token only in the answer
//! that hands it out; nobody learns from an answer or its time whether an address has an account; trying passwords is
//! slow for whoever tries, also while Redis is away. It knows nothing of cookies and carts: those are the storefront's.

pub mod credentials;
pub mod http;
pub mod identity;
pub mod log_in;
pub mod password;
pub mod register;
pub mod storage;
pub mod telemetry;
pub mod throttle;
pub mod token;
pub mod wiring;
pub mod workers;
