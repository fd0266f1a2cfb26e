//! Standard output behind a bounded buffer: whoever logs never waits for whoever reads.
//!
//! One thread writes, in one call, what has come together since its last write. While the reader is slow the buffer
//! grows to a bound; beyond it ordinary records are dropped and counted. Errors have room of their own above that bound,
//! so that a flood of ordinary records costs none of them.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::metrics::IntCounter;

/// Bytes that wait at most before ordinary records are dropped.
const ORDINARY_BYTES: usize = 1024 * 1024;
/// Bytes that wait at most before errors are dropped too.
const ERROR_BYTES: usize = ORDINARY_BYTES + 256 * 1024;
/// Ordinary records wait this long for company after a write, so that the thread wakes seldom.
const PAUSE: Duration = Duration::from_millis(10);
/// A buffer that a burst has made larger than this is given back.
const KEPT_BYTES: usize = 64 * 1024;

/// How much a record is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Dropped when the reader is slow.
    Ordinary,
    /// Dropped only when its own room is full as well.
    Error,
}

/// Where records go. Clones share the buffer and the thread.
#[derive(Clone)]
pub(super) struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    written: Condvar,
    dropped: IntCounter,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    is_writing: bool,
    /// An error is among them, or somebody waits: written at once.
    is_urgent: bool,
}

impl Writer {
    /// Starts the thread that writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static, dropped: IntCounter) -> io::Result<Self> {
        let state = Mutex::default();
        let shared = Arc::new(Shared { state, filled: Condvar::new(), written: Condvar::new(), dropped });
        let writer = Self { shared: Arc::clone(&shared) };
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || write_on(&shared, out))?;
        Ok(writer)
    }

    /// Hands over one record, newline included. Never waits.
    pub(super) fn push(&self, record: &[u8], weight: Weight) {
        let room = if weight == Weight::Error { ERROR_BYTES } else { ORDINARY_BYTES };
        let mut state = self.shared.state.lock();
        if state.buffer.len() + record.len() > room {
            drop(state);
            self.shared.dropped.inc();
            return;
        }
        let was_empty = state.buffer.is_empty();
        let becomes_urgent = weight == Weight::Error && !state.is_urgent;
        state.is_urgent |= becomes_urgent;
        state.buffer.extend_from_slice(record);
        drop(state);
        if was_empty || becomes_urgent {
            self.shared.filled.notify_one();
        }
    }

    /// Waits until what was handed over has been written, for `limit` at most; answers whether it was.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = self.shared.state.lock();
        state.is_urgent = true;
        self.shared.filled.notify_one();
        while state.is_writing || !state.buffer.is_empty() {
            if self.shared.written.wait_until(&mut state, until).timed_out() {
                return false;
            }
        }
        true
    }
}

/// The thread's life; it ends with the process.
fn write_on(shared: &Shared, mut out: impl Write) {
    let mut taken = Vec::new();
    loop {
        let mut state = shared.state.lock();
        state.is_writing = false;
        shared.written.notify_all();
        let until = Instant::now() + PAUSE;
        // Signals of ordinary records do not end the pause; the buffer's bound is what a long one costs.
        while !state.is_urgent && !shared.filled.wait_until(&mut state, until).timed_out() {}
        while state.buffer.is_empty() {
            state.is_urgent = false;
            shared.filled.wait(&mut state);
        }
        std::mem::swap(&mut taken, &mut state.buffer);
        state.is_urgent = false;
        state.is_writing = true;
        drop(state);
        // A closed pipe is no reason to fail: there is nobody left to tell.
        let _ = out.write_all(&taken).and_then(|()| out.flush());
        taken.clear();
        if taken.capacity() > KEPT_BYTES {
            taken = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;
    use crate::metrics::Metrics;

    const SOON: Duration = Duration::from_secs(30);

    /// A reader that takes one write for each turn it is given.
    struct Slow {
        turns: Receiver<()>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.turns.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.read.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Writer, SyncSender<()>, Arc<Mutex<Vec<u8>>>, IntCounter) {
        let dropped = Metrics::new("orders", "1").unwrap().dropped("stdout");
        let (turn, turns) = sync_channel(16);
        let read = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Writer::start(Slow { turns, read: Arc::clone(&read) }, dropped.clone()).unwrap();
        (writer, turn, read, dropped)
    }

    #[test]
    fn everything_handed_over_is_written_in_order_before_a_flush_ends() {
        let (writer, turn, read, dropped) = slow();
        for n in 0..1000 {
            writer.push(format!("{n}\n").as_bytes(), Weight::Ordinary);
        }
        assert!(!writer.flush(Duration::ZERO), "nobody has read");
        (0..2).for_each(|_| turn.send(()).unwrap());
        assert!(writer.flush(SOON));
        let text = String::from_utf8(read.lock().clone()).unwrap();
        assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..1000));
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn stuck_reader_stops_nobody_and_costs_no_error() {
        let (writer, turn, read, dropped) = slow();
        let ordinary = [b'.'; 1024];
        for _ in 0..5_000 {
            writer.push(&ordinary, Weight::Ordinary);
        }
        assert!(dropped.get() > 2_000, "at most two buffers' worth is kept: {}", dropped.get());
        writer.push(b"error\n", Weight::Error);
        (0..2).for_each(|_| turn.send(()).unwrap());
        assert!(writer.flush(SOON));
        assert!(read.lock().ends_with(b"error\n"));
        assert!(read.lock().len() <= 2 * ERROR_BYTES);
    }
}
