//! The storefront with a real Redis and stand-ins for the services behind it.

mod browsing;
mod buying;
mod cart;
mod outage;
mod people;
mod stage;
