//! A cluster that is watched, through everything that an API server does to those who watch it.

pub mod api_server;
mod discovery;
mod objects;
mod watching;
