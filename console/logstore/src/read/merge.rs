//! Rows of many runs in one order of time, none twice. Blocks are decoded when the merge reaches them, and freed behind it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    ops::ControlFlow,
};

use console_blockkit::part::PartError;
use console_model::log::Direction;

use super::{
    cursor::Cursor,
    plan::StreamRuns,
    rows::{Context, Rows, Source},
};

pub struct Merge<'a> {
    pub context: Context<'a>,
    pub direction: Direction,
}

/// Rows of one stream at one time that were visited, while others of that time may come.
#[derive(Default)]
struct Moment {
    of: Option<(i64, usize)>,
    seen: HashMap<u64, Vec<(Rows, usize)>>,
}

impl Moment {
    /// Whether the row was there before; remembers it.
    fn repeats(&mut self, of: (i64, usize), rows: &Rows, row: usize) -> bool {
        if self.of != Some(of) {
            self.of = Some(of);
            self.seen.clear();
        }
        let same = self.seen.entry(rows.hash(row)).or_default();
        if same.iter().any(|(other, at)| other.is_same(*at, rows, row)) {
            return true;
        }
        same.push((rows.clone(), row));
        false
    }
}

impl Merge<'_> {
    /// Time as a key that grows in the direction of the reading.
    fn key(&self, t_ns: i64) -> i64 {
        match self.direction {
            Direction::Forward => t_ns,
            Direction::Backward => !t_ns,
        }
    }

    fn first_key(&self, source: &Source) -> i64 {
        match self.direction {
            Direction::Forward => source.first_ns().max(self.context.start_ns),
            Direction::Backward => !source.last_ns().min(self.context.end_ns.saturating_sub(1)),
        }
    }

    /// Visits rows by stream until the visitor breaks. Rows of one time: those of the first stream first; within a stream
    /// those of the first run.
    pub fn run(
        &self,
        streams: &[StreamRuns],
        visit: &mut dyn FnMut(usize, &Rows, usize) -> ControlFlow<()>,
    ) -> Result<(), PartError> {
        // By key, stream and turn of the run; a turn counts from the end in a backward reading.
        let mut heap = BinaryHeap::new();
        let mut cursors: HashMap<(usize, usize), Cursor> = HashMap::new();
        for (s, stream) in streams.iter().enumerate() {
            for (r, source) in stream.runs.iter().enumerate() {
                heap.push(Reverse((self.first_key(source), s, self.turn(stream, r))));
            }
        }
        let mut moment = Moment::default();
        while let Some(Reverse((key, s, turn))) = heap.pop() {
            let stream = &streams[s];
            let Some(cursor) = cursors.get_mut(&(s, turn)) else {
                // First visit: the key was only a bound. Decode and queue again under the true key.
                let Some(rows) = stream.runs[self.turn(stream, turn)].open(&self.context)? else { continue };
                let cursor = Cursor::new(rows, &self.context, self.direction);
                if let Some(row) = cursor.row() {
                    heap.push(Reverse((self.key(cursor.rows.t_ns(row)), s, turn)));
                    cursors.insert((s, turn), cursor);
                }
                continue;
            };
            let Some(row) = cursor.row() else { continue };
            cursor.advance();
            let rows = cursor.rows.clone();
            match cursor.row() {
                Some(next) => heap.push(Reverse((self.key(cursor.rows.t_ns(next)), s, turn))),
                None => {
                    cursors.remove(&(s, turn));
                }
            }
            // Whatever else this stream has at this time is at the top of the heap.
            let is_shared = stream.runs.len() > 1
                && (moment.of == Some((key, s))
                    || heap.peek().is_some_and(|Reverse((k, stream, _))| (*k, *stream) == (key, s)));
            if is_shared && moment.repeats((key, s), &rows, row) {
                continue;
            }
            if visit(s, &rows, row).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The turn of a run, and the run of a turn.
    fn turn(&self, stream: &StreamRuns, run: usize) -> usize {
        match self.direction {
            Direction::Forward => run,
            Direction::Backward => stream.runs.len() - 1 - run,
        }
    }
}
