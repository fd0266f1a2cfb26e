//! The storefront with stand-ins for the services behind it.

mod account;
mod account_cart;
mod browsing;
mod buying;
mod caching;
mod cart;
mod checkout_model;
mod fuzz;
mod input;
mod orders;
mod outage;
mod people;
mod staff;
mod stage;
