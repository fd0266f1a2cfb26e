//! Checks of the repository itself.

mod arrows;
mod checked_sql;
mod gitops;
mod migrations;
mod programs;
mod words;
