//! The generated load: 120 streams of twelve services, access logs in logfmt, JSON, and plain text with stack traces, spread
//! evenly over six hours up to now. The same size gives the same lines on every run; only times move.

mod encode;
mod line;
mod stream;

pub use stream::STREAMS;

use stream::Stream;

use crate::{bench::push::Body, peer::PeerError};

/// From the first line to the last, and the end of it.
pub const SPAN_NS: i64 = 6 * 3_600 * 1_000_000_000;
const MINUTE_MS: i64 = 60_000;
/// Of the lines that are generated, measured.
const MEAN_LINE_BYTES: usize = 201;
/// A trace id that is on three lines of the whole load, each in another form and stream.
pub const NEEDLE: &str = "5ca1ab1edeadbeef0ddba11c0ffee123";
/// Streams with the needle halfway, one of each form.
const NEEDLE_STREAMS: [usize; 3] = [7, 47, 87];

/// How large a load is and when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub lines_per_stream: usize,
    /// A whole minute: every line is before it, and after [`Self::start_ns`].
    pub end_ns: i64,
}

impl Load {
    /// About `gigabytes` of lines, ending at the last whole minute before `now_ms`.
    pub fn new(gigabytes: f64, now_ms: i64) -> Self {
        let lines = (gigabytes * 1e9) as usize / MEAN_LINE_BYTES;
        let end_ms = now_ms - now_ms.rem_euclid(MINUTE_MS);
        Self { lines_per_stream: (lines / STREAMS).max(2), end_ns: end_ms * 1_000_000 }
    }

    pub fn start_ns(&self) -> i64 {
        self.end_ns - SPAN_NS
    }

    pub fn lines(&self) -> usize {
        self.lines_per_stream * STREAMS
    }

    fn stream(self, number: usize) -> Stream {
        Stream::new(number, self)
    }
}

/// The bodies of a lane of `lanes`, which together hold every line once.
pub fn lane(load: Load, lane: usize, lanes: usize) -> impl Iterator<Item = Result<Body, PeerError>> {
    encode::bodies(load, (lane..STREAMS).step_by(lanes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(load: Load) -> Vec<Vec<(i64, String)>> {
        (0..STREAMS).map(|n| load.stream(n).collect()).collect()
    }

    #[test]
    fn a_load_is_as_large_as_asked() {
        let load = Load::new(0.005, 1_700_000_030_000);
        let bytes: usize = all(load).iter().flatten().map(|(_, line)| line.len()).sum();
        assert!((4_850_000..5_150_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn lines_are_in_order_within_the_span_and_the_same_at_another_time() {
        let (load, later) = (Load::new(0.0005, 1_700_000_030_000), Load::new(0.0005, 1_700_000_390_000));
        let text = |of: Vec<Vec<(i64, String)>>| -> Vec<String> {
            of.into_iter().flatten().map(|(_, line)| line).collect()
        };
        for stream in all(load) {
            assert!(stream.windows(2).all(|w| w[0].0 < w[1].0));
            assert!(stream.iter().all(|(t, _)| (load.start_ns() + 1..load.end_ns).contains(t)));
        }
        assert_eq!(text(all(load)), text(all(later)));
    }

    #[test]
    fn the_needle_is_on_three_lines() {
        let load = Load::new(0.002, 1_700_000_030_000);
        let found = all(load).iter().flatten().filter(|(_, line)| line.contains(NEEDLE)).count();
        assert_eq!(found, NEEDLE_STREAMS.len());
    }

    #[test]
    fn lanes_hold_every_line_once() {
        let load = Load::new(0.002, 1_700_000_030_000);
        for lanes in [1, 4, 16] {
            let bodies = (0..lanes).flat_map(|n| lane(load, n, lanes));
            let items: u64 = bodies.map(|b| b.unwrap().items).sum();
            assert_eq!(items, load.lines() as u64);
        }
    }
}
