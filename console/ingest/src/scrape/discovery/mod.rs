//! Where targets come from besides static lists: files, and HTTP servers that list them.

mod files;
mod http;

pub use files::FileTargets;
pub use http::{Found, HttpTargets};
