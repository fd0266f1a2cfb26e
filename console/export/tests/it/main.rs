//! Copies between backends that lose answers, refuse and forget.

mod backend;
mod copies;
