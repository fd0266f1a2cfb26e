//! Sides of requests that make no edge, by the service that sent them.

use super::{Connection, Side};
use crate::{
    histogram::Example,
    names::{DROPPED, OVERFLOW_LABEL, UNPAIRED},
    series::{Namer, label},
    sink::Sink,
    table::{Found, Table, Values},
};

/// Label sets that have series of their own.
const MAX_SERVICES: usize = 500;

/// Why a side makes no edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The other side did not come in time.
    Unpaired,
    /// Too many wait.
    Dropped,
}

#[derive(Default)]
struct Counts {
    unpaired: u64,
    dropped: u64,
}

impl Values for Counts {
    fn each(&self, take: &mut dyn FnMut(f64)) {
        take(self.unpaired as f64);
        take(self.dropped as f64);
    }

    fn examples(&mut self, _: &mut dyn FnMut(usize, &mut Option<Example>)) {}
}

pub(super) struct MissingTable {
    namer: Namer,
    table: Table<Counts>,
    key: Vec<u8>,
}

impl Default for MissingTable {
    fn default() -> Self {
        Self { namer: Namer::new(&[]), table: Table::new(MAX_SERVICES), key: Vec::new() }
    }
}

impl MissingTable {
    /// Of a service, the side that it is, and what the edge would be.
    pub fn count(&mut self, at: (&str, Side, Connection), missing: Missing, zero_ms: i64, now_ms: i64) {
        let (service, side, connection) = at;
        self.key.clear();
        self.key.extend_from_slice(service.as_bytes());
        self.key.extend([0xff, side as u8, connection as u8]);
        let namer = &self.namer;
        let made = |labels: &[_]| {
            (vec![namer.plain(UNPAIRED, labels), namer.plain(DROPPED, labels)], Counts::default())
        };
        let place = match self.table.find(&self.key) {
            Found::Known(place) => place,
            Found::Missing => {
                let name = if side == Side::Client { "client" } else { "server" };
                let labels = [label(name, service), label("connection_type", connection.as_str())];
                self.table.add(&self.key, zero_ms, made(&labels))
            }
            Found::Full => self.table.overflow(zero_ms, || made(&[label(OVERFLOW_LABEL, "true")])),
        };
        let Some(counts) = self.table.touch(place, now_ms) else { return };
        match missing {
            Missing::Unpaired => counts.unpaired += 1,
            Missing::Dropped => counts.dropped += 1,
        }
    }

    pub fn flush(&mut self, sink: &mut Sink<'_>) {
        self.table.flush(sink, &mut |_| ());
    }

    pub fn series(&self) -> usize {
        self.table.series()
    }
}
