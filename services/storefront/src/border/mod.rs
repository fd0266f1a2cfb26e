//! What comes in from the internet, turned into types that cannot be wrong. What cannot be turned is answered here and
//! never reaches a peer.

mod client_address;
mod list_query;
mod names;
mod origin;
mod pairs;
mod query;

pub use client_address::{ClientAddress, TrustedProxies};
pub use list_query::{Filter, ListQuery, price_text};
pub use names::{OrderNumber, PathId, PictureFile, SitemapFile, Slug, StaffName};
pub use origin::{Origin, origin_of};
pub use pairs::{Malformed, Pairs};
pub use query::QueryFields;
