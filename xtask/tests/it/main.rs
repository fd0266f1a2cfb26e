//! Checks of the repository itself.

mod arrows;
mod callers;
mod checked_sql;
mod fault_alerts;
mod gitops;
mod migrations;
mod programs;
mod words;
