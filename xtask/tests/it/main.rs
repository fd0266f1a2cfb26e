//! Checks of the repository itself.

mod arrows;
mod callers;
mod checked_sql;
mod fault_alerts;
mod features;
mod gitops;
mod guides;
mod migrations;
mod programs;
mod promotion;
mod security_guides;
mod words;
