//! Orders on a real Postgres and Redis, with peers that fail on command.

mod access;
mod after_sale;
mod ages;
mod cart;
mod charges;
mod clients;
mod draining;
mod ended_returns;
mod fixture;
mod fuzz;
mod money;
mod openapi;
mod outbox;
mod placing;
mod privacy;
mod reads;
mod recovery;
mod resolving;
mod sql;
mod staff;
mod tell_again;
mod texts;
mod voucher_digests;
mod vouchers;
