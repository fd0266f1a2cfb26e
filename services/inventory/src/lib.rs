//! Inventory: stock levels, and reservations that expire.
//!
//! What must always hold: no interleaving sells a piece twice, and a level is the sum of its movements. Stock only moves
//! by conditional updates that book their movement in the same statement, in order of product id, and the table refuses
//! a negative level. It does not know prices or payments.

pub mod http;
pub mod reserve;
pub mod staff;
pub mod storage;
pub mod telemetry;
pub mod wiring;
pub mod workers;
