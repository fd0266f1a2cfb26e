//! Where the windows of a range aggregation lie, and what they have in common.
//!
//! Window `i` is `(first_end + i * step - range, first_end + i * step]`. All beginnings and ends cut time into cells; a
//! window is a run of cells, and a sample is put into one cell however many windows overlap there. Cells are numbered by
//! counting edges, so that finding one is arithmetic.

use console_storage::logs::Windows;

use crate::eval::Steps;

#[derive(Clone, Debug)]
pub struct Grid {
    /// Where the first window ends, inclusive.
    pub first_end: i64,
    /// At least 1.
    pub step: i64,
    pub range: i64,
    pub count: usize,
    /// Steps in a range, where beginnings and ends fall together.
    aligned: Option<usize>,
}

/// How many of `count` edges, `step` apart from `first` on, lie at or before `t`.
fn edges(t: i64, first: i64, step: i64, count: usize) -> usize {
    if t < first {
        return 0;
    }
    usize::try_from(t.saturating_sub(first) / step).map_or(count, |n| (n + 1).min(count))
}

impl Grid {
    pub fn new(steps: &Steps, range: i64, offset: i64) -> Self {
        let first = steps.times.first().copied().unwrap_or_default();
        let step = steps.times.get(1).map_or(range, |second| second.saturating_sub(first)).max(1);
        let aligned = (range % step == 0).then(|| usize::try_from(range / step).unwrap_or(usize::MAX));
        let count = steps.times.len();
        // With more steps in a range than windows, counting both kinds of edges makes fewer cells.
        let aligned = aligned.filter(|steps| *steps <= count);
        Self { first_end: first.saturating_sub(offset), step, range, count, aligned }
    }

    /// Where the first window begins, exclusive.
    fn first_start(&self) -> i64 {
        self.first_end.saturating_sub(self.range)
    }

    /// The times that any window may hold: `from <= t < to`.
    pub fn span(&self) -> (i64, i64) {
        let last = i64::try_from(self.count.saturating_sub(1)).unwrap_or(i64::MAX);
        let end = self.first_end.saturating_add(self.step.saturating_mul(last));
        (self.first_start().saturating_add(1), end.saturating_add(1))
    }

    pub fn cells(&self) -> usize {
        match self.aligned {
            Some(steps) => self.count + steps,
            None => 2 * self.count + 1,
        }
    }

    /// The cell of a time; `None` where no window is.
    pub fn cell(&self, t_ns: i64) -> Option<usize> {
        // Edges are half open the other way round: a window holds its end.
        let t = t_ns.saturating_sub(1);
        match self.aligned {
            Some(steps) => {
                let at = edges(t, self.first_start(), self.step, self.count + steps);
                (at > 0 && at < self.count + steps).then_some(at)
            }
            None => {
                let starts = edges(t, self.first_start(), self.step, self.count);
                let ends = edges(t, self.first_end, self.step, self.count);
                (starts > ends).then_some(starts + ends)
            }
        }
    }

    /// First and last cell of a window.
    pub fn window(&self, i: usize) -> (usize, usize) {
        match self.aligned {
            Some(steps) => (i + 1, i + steps),
            None => {
                let by = self.step.saturating_mul(i as i64);
                let (start, end) = (self.first_start().saturating_add(by), self.first_end.saturating_add(by));
                let ended = edges(start, self.first_end, self.step, self.count);
                let started = edges(end.saturating_sub(1), self.first_start(), self.step, self.count);
                (i + 1 + ended, started + i)
            }
        }
    }

    /// Windows for a store's own counts, each inside of one cell; `None` where there would be more than `max`.
    pub fn volumes(&self, max: usize) -> Option<Windows> {
        let step_ns = if self.count == 1 { self.range } else { gcd(self.step, self.range) };
        let (from, to) = self.span();
        let count =
            usize::try_from(to.checked_sub(from)? / step_ns).ok().filter(|n| (1..=max).contains(n))?;
        Some(Windows { start_ns: from, step_ns, count })
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every time is in exactly the windows whose run of cells holds its cell.
    #[test]
    fn a_cell_is_in_the_windows_that_hold_its_times() {
        for (step, range, count, offset) in [
            (5, 10, 4, 0),
            (5, 5, 4, 3),
            (5, 12, 6, 0),
            (7, 3, 5, -2),
            (4, 40, 3, 0),
            (1, 1, 1, 0),
            (10, 3, 1, 0),
            (3, 10, 7, 1),
        ] {
            let times: Vec<i64> = (0..count).map(|i| 100 + i * step).collect();
            let grid = Grid::new(&Steps { times: times.clone(), instant: count == 1 }, range, offset);
            let mut last = 0;
            for t in 40..200 {
                let cell = grid.cell(t);
                if let Some(cell) = cell {
                    assert!(cell < grid.cells() && cell >= last, "{grid:?} {t}");
                    last = cell;
                }
                for (i, time) in times.iter().enumerate() {
                    let end = time - offset;
                    let inside = end - range < t && t <= end;
                    let (first, until) = grid.window(i);
                    let held = cell.is_some_and(|c| (first..=until).contains(&c));
                    assert_eq!(held, inside, "{grid:?} window {i} time {t} cell {cell:?}");
                }
            }
            let (from, to) = grid.span();
            assert!(grid.cell(from).is_some() && grid.cell(from - 1).is_none() && grid.cell(to).is_none());
            let windows = grid.volumes(1_000).unwrap();
            assert_eq!((windows.start_ns, windows.end_ns()), (from, to), "{grid:?}");
            for t in from..to {
                let place = windows.place(t).unwrap() as i64;
                let first = windows.start_ns + place * windows.step_ns;
                assert_eq!(grid.cell(t), grid.cell(first), "{grid:?} {t}");
            }
        }
    }
}
