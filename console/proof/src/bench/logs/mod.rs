//! Logs beside VictoriaLogs and, where there is one, Loki: the same pushes, then the same questions in each server's own
//! language. Counts that differ are told.

mod count;
mod load;
mod options;
mod question;
mod run;
mod server;
mod show;
mod verdict;

pub use options::Options;
pub use run::run;
