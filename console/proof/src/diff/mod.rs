//! A differential test of PromQL: the same samples and the same random queries go to the console and to Debian's
//! Prometheus 2.42, and every answer is compared.
//!
//! What holds: a seed gives the same series, relative to the hour of the run, and the same queries. An answer counts as
//! equal only when statuses, label sets, times and values agree; a difference is excused only by a rule of
//! [`Change`] that translates the query for 2.42, or that names a documented change which this very query meets.
//! Native histograms are left out: 2.42 had an early form of them.

mod answer;
mod change;
mod compare;
mod data;
mod grammar;
mod judge;
mod random;
mod report;
mod run;
mod target;

pub use answer::Outcome;
pub use change::Change;
pub use compare::{Order, Tolerance, compare};
pub use data::{Family, families, series};
pub use grammar::{Asked, Dialect, Expr, Generator, Listing, Moment, Request};
pub use random::Random;
pub use report::{Report, Verdict};
pub use run::{DiffError, Options, run};
