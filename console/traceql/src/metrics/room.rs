//! How much memory one metrics query may take.

use console_storage::SourceError;

/// Each thing that an evaluation keeps is taken from here first.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Points of one series.
    pub max_points: usize,
    /// Series of the whole query.
    pub series: usize,
    /// Numbers of all series together.
    pub numbers: usize,
}

impl Room {
    /// Another series of so many numbers.
    pub fn series(&mut self, numbers: usize) -> Result<(), SourceError> {
        match self.series.checked_sub(1) {
            Some(left) => self.series = left,
            None => return Err(full("max_series")),
        }
        self.numbers(numbers)
    }

    pub fn numbers(&mut self, numbers: usize) -> Result<(), SourceError> {
        match self.numbers.checked_sub(numbers) {
            Some(left) => self.numbers = left,
            None => return Err(full("max_numbers")),
        }
        Ok(())
    }
}

fn full(limit: &str) -> SourceError {
    SourceError::Limit(format!(
        "the metrics query reached {limit}: ask for a shorter range, a longer step or fewer groups"
    ))
}
