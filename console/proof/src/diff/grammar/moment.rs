//! When a query is asked.

use crate::diff::{Random, data::LENGTH_MS};

/// An instant or a range query's times, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(i64),
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

impl Moment {
    /// Within the data mostly; on the grid of its samples, between them, or a millisecond beside.
    pub fn draw(base_ms: i64, random: &mut Random) -> Self {
        let at = |random: &mut Random| {
            let on_grid = base_ms + random.between(4, LENGTH_MS / 15_000 + 24) * 15_000;
            match random.below(10) {
                0..5 => on_grid,
                5 => on_grid + 1,
                6 => on_grid - 1,
                7 => base_ms + random.between(-5, 5) * 60_000,
                _ => base_ms + random.between(0, LENGTH_MS + 60_000),
            }
        };
        let start_ms = at(random);
        if random.percent(60) {
            return Self::At(start_ms);
        }
        let step_ms = *random.pick(&[&1_000, &7_000, &15_000, &30_000, &60_000, &173_500, &600_000]);
        let length = step_ms * random.between(0, 40) + random.between(0, 1) * random.between(0, step_ms - 1);
        Self::Range { start_ms, end_ms: start_ms + length, step_ms }
    }

    /// The path and form of the HTTP API, without the query.
    pub fn form(self) -> (&'static str, Vec<(&'static str, String)>) {
        match self {
            Self::At(ms) => ("/api/v1/query", vec![("time", seconds(ms))]),
            Self::Range { start_ms, end_ms, step_ms } => (
                "/api/v1/query_range",
                vec![("start", seconds(start_ms)), ("end", seconds(end_ms)), ("step", seconds(step_ms))],
            ),
        }
    }
}

/// Seconds with three decimals.
pub fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}
