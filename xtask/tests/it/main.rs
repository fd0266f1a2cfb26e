//! Checks of the repository itself.

mod arrows;
mod gitops;
mod programs;
mod words;
