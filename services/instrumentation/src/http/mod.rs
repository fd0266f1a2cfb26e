//! The HTTP server's shared behaviour: extractors that answer with problems, and the layers around every route.

mod concurrency;
pub mod extract;
pub mod front;
pub(crate) mod listener;
mod nul;
pub mod server;
