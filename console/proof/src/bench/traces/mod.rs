//! Traces beside VictoriaTraces, where there is one: the same OTLP over HTTP, then the same questions in TraceQL and by id,
//! over Tempo's API. Counts that differ are told.

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
