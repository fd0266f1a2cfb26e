//! Failures on purpose while shoppers buy, and afterwards the books held against what shoppers were told.

pub mod borrowed;
mod cable;
pub mod database;
pub mod kills;
mod load;
mod patroni;
mod ports;
pub mod region;
pub mod restore;
mod sentinel;
mod shop;
mod storage;
mod verdict;
mod voucher;
