//! Whose the samples of a record are: pieces of series that follow each other.

use crate::{
    fill::PieceSamples,
    index::SeriesId,
    record::{Column, Histograms, Position, ValueReader, each_number},
    shard::left_in_block,
};

/// A number that was not declared.
pub(crate) const NOBODY: SeriesId = SeriesId::MAX;

/// What a record's numbers stand for.
pub(crate) struct Numbers<'a> {
    /// The record's, as runs of a first one and how many rise from there.
    pub runs: &'a [(u32, u32)],
    /// Series by their number in the segment.
    pub declared: &'a [SeriesId],
    /// What is older is in a block already.
    pub keep_from: i64,
}

impl Numbers<'_> {
    pub fn series(&self, number: u32) -> SeriesId {
        self.declared.get(number as usize).copied().unwrap_or(NOBODY)
    }

    /// Gives each piece, those of nobody too.
    pub fn pieces_of_column(&self, column: &Column, add: &mut impl FnMut(SeriesId, PieceSamples)) {
        let mut values = ValueReader::new(&column.values, Position::default());
        let mut times = column.times.iter().copied();
        let (mut same_time, mut t_ms) = (0, 0);
        for (first, length) in &column.numbers {
            let (mut number, mut left) = (*first, *length);
            while left > 0 {
                if same_time == 0 {
                    let Some(next) = times.next() else { return };
                    (same_time, t_ms) = next;
                }
                let first = self.series(number);
                let series = self.neighbours(number, left.min(same_time).min(left_in_block(first)));
                if t_ms >= self.keep_from {
                    add(first, PieceSamples::Column { first, series, t_ms, values: values.position() });
                }
                // There are enough: that was looked at before.
                let _ = values.skip(series as usize);
                number = number.wrapping_add(series);
                left -= series;
                same_time -= series;
            }
        }
    }

    /// How many from a number on, at most so many, stand for series that follow each other.
    fn neighbours(&self, number: u32, most: u32) -> u32 {
        let from = self.declared.get(number as usize..).unwrap_or_default();
        let same = from.windows(2).take(most as usize - 1).take_while(|w| w[0].checked_add(1) == Some(w[1]));
        1 + same.count() as u32
    }

    /// As [`Numbers::pieces_of_column`].
    pub fn pieces_of_many(&self, counts: &[u32], add: &mut impl FnMut(SeriesId, PieceSamples)) {
        let (mut first_place, mut first_sample) = (0, 0);
        for (first, length) in self.runs {
            let (mut number, mut left) = (*first, *length);
            while left > 0 {
                let first = self.series(number);
                let series = self.neighbours(number, left.min(left_in_block(first)));
                add(first, PieceSamples::Many { first, series, first_place, first_sample });
                let own = counts.iter().skip(first_place as usize).take(series as usize);
                first_sample += own.sum::<u32>();
                first_place += series;
                number = number.wrapping_add(series);
                left -= series;
            }
        }
    }

    /// As [`Numbers::pieces_of_column`].
    pub fn pieces_of_histograms(&self, all: &Histograms, add: &mut impl FnMut(SeriesId, PieceSamples)) {
        let mut numbers = each_number(self.runs);
        let mut next = 0;
        for (place, _, chunk) in &all.chunks {
            // Places rise; a second chunk of one place would be damage.
            let Some(number) = place.checked_sub(next).and_then(|n| numbers.nth(n)) else { return };
            next = place + 1;
            let (series, keep_from) = (self.series(number), self.keep_from);
            let (start, end) = (chunk.start as u32, chunk.end as u32);
            add(series, PieceSamples::Histograms { series, start, end, keep_from });
        }
    }
}
