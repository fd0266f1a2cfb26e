//! The storefront with stand-ins for the services behind it.

mod account;
mod account_cart;
mod addresses;
mod back_office;
mod browsing;
mod buying;
mod caching;
mod cart;
mod charges;
mod checkout_model;
mod crawlers;
mod fuzz;
mod input;
mod orders;
mod outage;
mod lost_answers;
mod people;
mod resolving;
mod rum;
mod searching;
mod sold_out;
mod staff;
mod stage;
mod variants;
mod variants_staff;
mod staff_people;
