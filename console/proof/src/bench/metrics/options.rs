//! What is measured, and how large.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

use super::server::Server;

/// Compares the console's metrics with Prometheus 3 and VictoriaMetrics on one generated load.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Series of the generated load, rounded to whole pods of 100.
    #[arg(long, default_value_t = 20_000)]
    pub series: usize,
    /// Samples of all series together.
    #[arg(long, default_value_t = 16_000_000)]
    pub samples: usize,
    /// Servers to measure; all of them without it.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Server>,
    /// Parts to run; all of them without it.
    #[arg(long, value_delimiter = ',')]
    pub parts: Vec<Part>,
    /// Runs of each query after the warm-up.
    #[arg(long, default_value_t = 9)]
    pub runs: usize,
    /// Rest between load and queries: what servers do in the background is over then.
    #[arg(long, default_value_t = 65)]
    pub rest_seconds: u64,
    /// How long the node exporter is scraped.
    #[arg(long, default_value_t = 60)]
    pub scrape_seconds: u64,
    /// The console's program; the one beside this program without it.
    #[arg(long)]
    pub console: Option<PathBuf>,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The generated load, and what it leaves in memory and on disk.
    Ingest,
    /// Queries after the load (which is then sent too).
    Queries,
    /// Queries of the console over 1 k, 10 k and 100 k series.
    Growth,
    /// A real node exporter.
    Scrape,
}

impl Options {
    pub fn servers(&self) -> Vec<Server> {
        let all = [Server::Prometheus, Server::VictoriaMetrics, Server::Console];
        all.into_iter().filter(|s| self.only.is_empty() || self.only.contains(s)).collect()
    }

    pub fn has(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    pub fn rest(&self) -> Duration {
        Duration::from_secs(self.rest_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_everything_is_measured() {
        let options = Options::parse_from(["bench-metrics"]);
        assert_eq!(options.servers().len(), 3);
        assert!(options.has(Part::Growth) && options.has(Part::Scrape));
    }

    #[test]
    fn servers_and_parts_can_be_chosen() {
        let options =
            Options::parse_from(["bench-metrics", "--only", "console", "--parts", "ingest,queries"]);
        assert_eq!(options.servers(), [Server::Console]);
        assert!(options.has(Part::Queries) && !options.has(Part::Growth));
    }
}
