//! What is measured, and how large.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use super::server::Server;
use crate::bench::bounds;

/// Compares the console's traces with VictoriaTraces on one generated load.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Spans of all traces together.
    #[arg(long, default_value_t = 1_000_000, value_parser = spans)]
    pub spans: usize,
    /// Connections that the load comes over; each number is a fresh server, the last one's is asked questions.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16], value_parser = bounds::connections)]
    pub connections: Vec<usize>,
    /// Servers to measure; all that are there without it.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Server>,
    /// Runs of each question after the warm-up.
    #[arg(long, default_value_t = 7)]
    pub runs: usize,
    /// Rest between load and questions: what servers do in the background is over then.
    #[arg(long, default_value_t = 30)]
    pub rest_seconds: u64,
    /// The console's program; the one beside this program without it.
    #[arg(long)]
    pub console: Option<PathBuf>,
    /// VictoriaTraces' program, which no package has.
    #[arg(long)]
    pub victoria_traces: Option<PathBuf>,
}

fn spans(text: &str) -> Result<usize, String> {
    bounds::whole(text, 1_000..=1_000_000_000)
}

impl Options {
    pub fn servers(&self) -> Vec<Server> {
        let all = [Server::VictoriaTraces, Server::Console];
        all.into_iter().filter(|s| self.only.is_empty() || self.only.contains(s)).collect()
    }

    pub fn rest(&self) -> Duration {
        Duration::from_secs(self.rest_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_a_million_spans_go_to_every_server() {
        let options = Options::parse_from(["bench-traces"]);
        assert_eq!((options.spans, options.connections.as_slice()), (1_000_000, &[1, 4, 16][..]));
        assert_eq!(options.servers(), [Server::VictoriaTraces, Server::Console]);
    }

    #[test]
    fn too_few_spans_are_refused_with_the_bound() {
        let error = Options::try_parse_from(["bench-traces", "--spans", "3"]).unwrap_err().to_string();
        assert!(error.contains("from 1000 to"), "{error}");
    }
}
