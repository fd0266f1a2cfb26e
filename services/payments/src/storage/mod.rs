//! Where authorisations are kept.

pub mod postgres;
