//! Checks of the repository itself.

mod arrows;
mod checked_sql;
mod fault_alerts;
mod gitops;
mod migrations;
mod programs;
mod words;
