//! Checks of the repository itself.

mod arrows;
mod gitops;
mod migrations;
mod programs;
mod words;
