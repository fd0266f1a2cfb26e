//! What is measured, and how large.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use super::server::Server;
use crate::bench::bounds;

/// Compares the console's logs with VictoriaLogs and Loki on one generated load.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Gigabytes of lines, before the protocol packs them.
    #[arg(long, default_value_t = 1.0, value_parser = gigabytes)]
    pub gb: f64,
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
    /// Loki's program, which no package has.
    #[arg(long)]
    pub loki: Option<PathBuf>,
}

/// Most that a load may hold: six hours of it must fit on the disk several times.
const MOST_GIGABYTES: f64 = 100.0;

fn gigabytes(text: &str) -> Result<f64, String> {
    let n: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    let fits = n > 0.0 && n <= MOST_GIGABYTES;
    if fits { Ok(n) } else { Err(format!("must be above 0 and at most {MOST_GIGABYTES}")) }
}

impl Options {
    pub fn servers(&self) -> Vec<Server> {
        let all = [Server::Loki, Server::VictoriaLogs, Server::Console];
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
    fn without_arguments_a_gigabyte_goes_to_every_server_over_1_4_and_16_connections() {
        let options = Options::parse_from(["bench-logs"]);
        assert_eq!((options.gb, options.connections.as_slice()), (1.0, &[1, 4, 16][..]));
        assert_eq!(options.servers().len(), 3);
    }

    #[test]
    fn sizes_out_of_bounds_are_refused_with_the_bound() {
        for (argument, value, bound) in
            [("--gb", "0", "at most 100"), ("--connections", "65", "from 1 to 64")]
        {
            let error = Options::try_parse_from(["bench-logs", argument, value]).unwrap_err().to_string();
            assert!(error.contains(bound), "{error}");
        }
    }
}
