//! How far a copy is, for a person.

use std::{fmt, time::Instant};

use crate::{Plan, journal::Position};

/// What has been acknowledged so far.
#[derive(Clone, Debug)]
pub struct Progress {
    pub position: Position,
    /// Where this call began.
    first: Position,
    window: (i64, i64),
    copies: (bool, bool),
    began: Instant,
}

impl Progress {
    pub(crate) fn new(plan: &Plan, position: Position) -> Self {
        Self {
            position,
            first: position,
            window: (plan.start_ns, plan.end_ns),
            copies: (plan.logs_to.is_some(), plan.traces_to.is_some()),
            began: Instant::now(),
        }
    }

    /// Lines copied by this call alone.
    pub fn lines(&self) -> u64 {
        self.position.lines - self.first.lines
    }

    /// Traces copied by this call alone.
    pub fn traces(&self) -> u64 {
        self.position.traces - self.first.traces
    }

    /// 0 to 1, by time of the window.
    pub fn ratio(&self) -> f64 {
        let length = (self.window.1 - self.window.0).max(1) as f64;
        let of = |at: i64| (at - self.window.0) as f64 / length;
        match self.copies {
            (true, true) => f64::midpoint(of(self.position.logs_ns), of(self.position.traces_ns)),
            (true, false) => of(self.position.logs_ns),
            (false, _) => of(self.position.traces_ns),
        }
        .clamp(0.0, 1.0)
    }

    pub fn is_done(&self) -> bool {
        (!self.copies.0 || self.position.logs_ns >= self.window.1)
            && (!self.copies.1 || self.position.traces_ns >= self.window.1)
    }
}

/// One line for a terminal, or for a log.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a>(pub &'a Progress);

const BAR: usize = 24;

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { position, .. } = self.0;
        let ratio = self.0.ratio();
        let full = (ratio * BAR as f64) as usize;
        let seconds = self.0.began.elapsed().as_secs_f64();
        write!(f, "[{}{}] {:3.0} %", "#".repeat(full), "-".repeat(BAR - full), (ratio * 100.0).floor())?;
        if self.0.copies.0 {
            write!(f, ", {} lines", position.lines)?;
        }
        if self.0.copies.1 {
            write!(f, ", {} traces", position.traces)?;
        }
        let copied = self.0.lines() + self.0.traces();
        if seconds >= 1.0 && copied > 0 {
            write!(f, ", {:.0} a second", copied as f64 / seconds)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(logs_ns: i64, traces_ns: i64, copies: (bool, bool)) -> Progress {
        let position = Position { logs_ns, traces_ns, lines: 7, traces: 3 };
        Progress { position, first: position, window: (100, 200), copies, began: Instant::now() }
    }

    #[test]
    fn a_copy_of_both_is_half_done_when_one_of_them_is() {
        assert_eq!(
            Told(&at(200, 100, (true, true))).to_string(),
            "[############------------]  50 %, 7 lines, 3 traces"
        );
        assert_eq!(
            Told(&at(200, 100, (true, false))).to_string(),
            "[########################] 100 %, 7 lines"
        );
        assert!(!at(200, 199, (true, true)).is_done() && at(200, 199, (true, false)).is_done());
        // It says 100 when it is, and not before.
        assert!(Told(&at(100, 199, (false, true))).to_string().contains(" 99 %"));
    }
}
