//! How the console's query times grow with the number of series.

use std::{path::Path, time::Duration};

use console_model::clock::now_ms;

use super::{
    load::{self, Load},
    query::{SET, measure_set},
    server::Server,
};
use crate::{bench::table::table, peer::PeerError};

const SERIES: [usize; 3] = [1_000, 10_000, 100_000];
const SAMPLES_PER_SERIES: usize = 60;
/// Before queries; nothing is flushed that early.
const REST: Duration = Duration::from_secs(2);

/// Medians by query, one for each number of series.
pub struct Growth(Vec<[Duration; SERIES.len()]>);

impl Growth {
    /// Time at the most series over time at the fewest, over the growth of the series: 1 is linear, less is better.
    pub fn factors(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        let linear = SERIES[SERIES.len() - 1] as f64 / SERIES[0] as f64;
        let factor = move |took: &[Duration; SERIES.len()]| {
            took[SERIES.len() - 1].as_secs_f64() / took[0].as_secs_f64().max(1e-6) / linear
        };
        SET.iter().map(|q| q.name).zip(self.0.iter().map(factor))
    }

    pub fn show(&self) -> String {
        let rows: Vec<Vec<String>> = SET
            .iter()
            .zip(&self.0)
            .zip(self.factors())
            .map(|((query, took), (_, factor))| {
                let times = took.iter().map(|t| format!("{:.2} ms", t.as_secs_f64() * 1000.0));
                std::iter::once(query.name.to_owned())
                    .chain(times)
                    .chain(std::iter::once(format!("{factor:.2}")))
                    .collect()
            })
            .collect();
        table(&["query", "1 k series", "10 k series", "100 k series", "growth / linear"], &rows)
    }
}

/// A fresh console for each size.
pub async fn grow(console: Option<&Path>, runs: usize) -> Result<Growth, PeerError> {
    let mut all = vec![[Duration::ZERO; SERIES.len()]; SET.len()];
    for (at, series) in SERIES.into_iter().enumerate() {
        let peer = Server::Console.start(console, None).await?;
        let load = Load::new(series, series * SAMPLES_PER_SERIES, now_ms());
        load::send(peer.endpoint(), load).await?;
        tokio::time::sleep(REST).await;
        let measured = measure_set(&peer, load, runs)?.queries;
        for (took, measured) in all.iter_mut().zip(measured) {
            took[at] = measured.median;
        }
        peer.stop().await?;
    }
    Ok(Growth(all))
}
