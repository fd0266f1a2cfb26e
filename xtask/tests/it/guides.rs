//! The knowledge base against what it speaks of: its commands exist, its links lead somewhere, its lists are complete.

mod commands;
mod links;
mod lists;
mod page;
