//! Where a reading stands in one run.

use std::ops::Range;

use console_model::log::Direction;

use super::rows::{Context, Rows};

enum Places {
    All,
    /// These rows only.
    Some(Vec<u32>),
}

pub struct Cursor {
    pub rows: Rows,
    places: Places,
    left: Range<usize>,
    direction: Direction,
}

impl Cursor {
    /// The wanted rows of the time that is read.
    pub fn new(rows: Rows, context: &Context<'_>, direction: Direction) -> Self {
        let range = rows.range(context);
        if context.needles.is_empty() {
            return Self { rows, places: Places::All, left: range, direction };
        }
        let wanted = rows.wanted(range, context.needles);
        let left = 0..wanted.len();
        Self { rows, places: Places::Some(wanted), left, direction }
    }

    /// The row that comes next.
    pub fn row(&self) -> Option<usize> {
        if self.left.is_empty() {
            return None;
        }
        let at = match self.direction {
            Direction::Forward => self.left.start,
            Direction::Backward => self.left.end - 1,
        };
        Some(match &self.places {
            Places::All => at,
            Places::Some(rows) => rows[at] as usize,
        })
    }

    pub fn advance(&mut self) {
        match self.direction {
            Direction::Forward => self.left.start += 1,
            Direction::Backward => self.left.end -= 1,
        }
    }
}
