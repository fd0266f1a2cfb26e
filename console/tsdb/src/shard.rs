//! One thread's share of the series that replay fills.
//!
//! A scrape has one sample of each of many series, and to put it into its chunk costs more waiting for memory than work. So
//! what comes is brought together by series first, a block of neighbours at a time, and each series is met once.

use std::collections::VecDeque;

use console_model::metric::Sample;

use crate::{
    chunk::histogram,
    fill::{Batch, Piece, PieceSamples},
    index::SeriesId,
    record::{Samples, ValueReader},
    series::MemSeries,
};

const BLOCK_BITS: u32 = 8;
const BLOCK: usize = 1 << BLOCK_BITS;

/// Series with neighbouring numbers are of one block.
pub(crate) fn block_of(id: SeriesId) -> u32 {
    id >> BLOCK_BITS
}

/// How many series of its block are there from this one on.
pub(crate) fn left_in_block(id: SeriesId) -> u32 {
    (BLOCK - place_of(id)) as u32
}

fn place_of(id: SeriesId) -> usize {
    id as usize % BLOCK
}

/// The blocks whose number leaves `number` when divided by the number of shards, a power of two.
pub(crate) struct Shard {
    number: u32,
    shards: u32,
    series: VecDeque<MemSeries>,
    /// Chunks that could not be read.
    pub damaged: u64,
    /// Samples of each series of a block.
    together: [Vec<Sample>; BLOCK],
}

impl Shard {
    pub fn new(number: u32, shards: u32) -> Self {
        Self { number, shards, series: VecDeque::new(), damaged: 0, together: [const { Vec::new() }; BLOCK] }
    }

    pub fn has(&self, block: u32) -> bool {
        block % self.shards == self.number
    }

    /// Takes out the series with the lowest number.
    pub fn next(&mut self) -> Option<MemSeries> {
        self.series.pop_front()
    }

    fn get_mut(&mut self, id: SeriesId) -> Option<&mut MemSeries> {
        self.series.get_mut((block_of(id) / self.shards) as usize * BLOCK + place_of(id))
    }

    pub fn fill(&mut self, batch: &Batch) {
        for (id, labels) in (batch.first_created..).zip(&batch.created) {
            if self.has(block_of(id)) {
                self.series.push_back(MemSeries::new(labels.clone()));
            }
        }
        let mut mine: Vec<&Piece> = batch.pieces.iter().filter(|p| self.has(p.block)).collect();
        // Stable: those of a block stay in the log's order.
        mine.sort_by_key(|p| p.block);
        for pieces in mine.chunk_by(|a, b| a.block == b.block) {
            for piece in pieces {
                self.bring_together(batch, piece);
            }
            let first = pieces[0].block << BLOCK_BITS;
            for place in 0..BLOCK {
                let mut samples = std::mem::take(&mut self.together[place]);
                if let (false, Some(series)) = (samples.is_empty(), self.get_mut(first + place as SeriesId)) {
                    series.add_new(&samples);
                }
                samples.clear();
                self.together[place] = samples;
            }
            for piece in pieces {
                self.fill_histograms(batch, piece);
            }
        }
    }

    fn bring_together(&mut self, batch: &Batch, piece: &Piece) {
        match (&piece.samples, &batch.entries[piece.entry as usize].samples) {
            (PieceSamples::Column { first, series, t_ms, values }, Samples::One(column)) => {
                let mut values = ValueReader::new(&column.values, *values);
                let places = place_of(*first)..place_of(*first) + *series as usize;
                for together in &mut self.together[places] {
                    let Ok(v) = values.value() else { return };
                    together.push(Sample { t_ms: *t_ms, v });
                }
            }
            (
                PieceSamples::Many { first, series, first_place, first_sample },
                Samples::Many { counts, all },
            ) => {
                let places = place_of(*first)..place_of(*first) + *series as usize;
                let mut samples = &all[*first_sample as usize..];
                for (together, count) in
                    self.together[places].iter_mut().zip(&counts[*first_place as usize..])
                {
                    let (own, others) = samples.split_at(*count as usize);
                    together.extend_from_slice(own);
                    samples = others;
                }
            }
            _ => {}
        }
    }

    fn fill_histograms(&mut self, batch: &Batch, piece: &Piece) {
        let PieceSamples::Histograms { series, start, end, keep_from } = piece.samples else { return };
        let chunk = &batch.entries[piece.entry as usize].histograms[start as usize..end as usize];
        let Ok(all) = histogram::decode(chunk) else {
            self.damaged += 1;
            return;
        };
        let Some(series) = self.get_mut(series) else { return };
        for sample in all.iter().filter(|s| s.t_ms >= keep_from) {
            if series.is_new(sample.t_ms) {
                series.add_histogram(sample);
            }
        }
    }
}
