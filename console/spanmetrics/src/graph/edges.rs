//! What is counted of each edge.

use std::sync::Arc;

use console_model::{Labels, labels::Label};

use super::Edge;
use crate::{
    config::SpanMetricsConfig,
    histogram::{Example, Histogram},
    names::{CLIENT_SECONDS, FAILED, OVERFLOW_LABEL, REQUESTS, SERVER_SECONDS},
    own::OwnMetrics,
    series::{Namer, label},
    sink::Sink,
    table::{Found, Table, Values},
};

struct EdgeValues {
    requests: u64,
    failed: u64,
    server: Histogram,
    client: Histogram,
}

/// Series before those of the histograms.
const COUNTERS: usize = 2;

impl Values for EdgeValues {
    fn each(&self, take: &mut dyn FnMut(f64)) {
        take(self.requests as f64);
        take(self.failed as f64);
        self.server.values().for_each(&mut *take);
        self.client.values().for_each(take);
    }

    fn examples(&mut self, take: &mut dyn FnMut(usize, &mut Option<Example>)) {
        let client = COUNTERS + self.server.values().count();
        for (first, histogram) in [(COUNTERS, &mut self.server), (client, &mut self.client)] {
            histogram.examples().iter_mut().enumerate().for_each(|(n, example)| take(first + n, example));
        }
    }
}

pub(super) struct EdgeTable {
    bounds: Arc<[f64]>,
    namer: Namer,
    table: Table<EdgeValues>,
    own: OwnMetrics,
    key: Vec<u8>,
}

impl EdgeTable {
    pub fn new(config: &SpanMetricsConfig, own: OwnMetrics) -> Self {
        Self {
            bounds: config.buckets.clone().into(),
            namer: Namer::new(&config.buckets),
            table: Table::new(config.max_edges()),
            own,
            key: Vec::new(),
        }
    }

    pub fn count(&mut self, edge: &Edge<'_>, zero_ms: i64, now_ms: i64) {
        self.key.clear();
        for text in [edge.client, edge.server, edge.connection.as_str()] {
            self.key.extend_from_slice(text.as_bytes());
            self.key.push(0xff);
        }
        let (namer, bounds) = (&self.namer, self.bounds.len());
        let place = match self.table.find(&self.key) {
            Found::Known(place) => place,
            Found::Missing => {
                let labels = [
                    label("client", edge.client),
                    label("server", edge.server),
                    label("connection_type", edge.connection.as_str()),
                ];
                self.table.add(&self.key, zero_ms, made(namer, bounds, &labels))
            }
            Found::Full => {
                self.own.over_edges();
                self.table.overflow(zero_ms, || made(namer, bounds, &[label(OVERFLOW_LABEL, "true")]))
            }
        };
        let Some(values) = self.table.touch(place, now_ms) else { return };
        values.requests += 1;
        values.failed += u64::from(edge.is_failed);
        if let Some(example) = edge.server_side {
            values.server.observe(&self.bounds, example);
        }
        if let Some(example) = edge.client_side {
            values.client.observe(&self.bounds, example);
        }
    }

    pub fn flush(&mut self, sink: &mut Sink<'_>) {
        self.table.flush(sink, &mut |_| ());
    }

    pub fn series(&self) -> usize {
        self.table.series()
    }
}

fn made(namer: &Namer, bounds: usize, labels: &[Label]) -> (Vec<Labels>, EdgeValues) {
    let mut series = vec![namer.plain(REQUESTS, labels), namer.plain(FAILED, labels)];
    series.extend(namer.histogram(SERVER_SECONDS, labels));
    series.extend(namer.histogram(CLIENT_SECONDS, labels));
    let (server, client) = (Histogram::new(bounds), Histogram::new(bounds));
    (series, EdgeValues { requests: 0, failed: 0, server, client })
}
