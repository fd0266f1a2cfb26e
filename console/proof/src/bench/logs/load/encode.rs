//! Bodies of Loki's push API: `logproto.PushRequest` of grafana/loki/pkg/push/push.proto, snappy over it.
//!
//! `streams = 1 { labels = 1, entries = 2 { timestamp = 1 { seconds = 1, nanos = 2 }, line = 2 } }`.

use super::{Load, stream::Stream};
use crate::{
    bench::push::Body,
    peer::{
        PeerError,
        protobuf::{bytes, int64},
        remote_write::compress,
    },
};

/// As a shipper batches: lines of some streams, up to a megabyte.
const STREAMS_PER_REQUEST: usize = 8;
const LINES_PER_STREAM: usize = 512;
const NS: i64 = 1_000_000_000;

/// All lines of these streams: block after block of time, so that no stream runs ahead of the others.
pub fn bodies(
    load: Load,
    streams: impl IntoIterator<Item = usize>,
) -> impl Iterator<Item = Result<Body, PeerError>> {
    let numbers: Vec<usize> = streams.into_iter().collect();
    let mut groups: Vec<Vec<Stream>> = numbers
        .chunks(STREAMS_PER_REQUEST)
        .map(|group| group.iter().map(|n| load.stream(*n)).collect())
        .collect();
    let many = groups.len();
    let blocks = load.lines_per_stream.div_ceil(LINES_PER_STREAM);
    let turns = (0..blocks).flat_map(move |_| 0..many);
    turns.map(move |group| body(&mut groups[group]))
}

/// The next lines of each stream.
fn body(streams: &mut [Stream]) -> Result<Body, PeerError> {
    let (mut message, mut stream, mut entry, mut time) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut items, mut raw_bytes) = (0, 0);
    for lines in streams {
        stream.clear();
        bytes(&mut stream, 1, lines.labels().as_bytes());
        for (t_ns, line) in lines.take(LINES_PER_STREAM) {
            time.clear();
            int64(&mut time, 1, t_ns.div_euclid(NS));
            int64(&mut time, 2, t_ns.rem_euclid(NS));
            entry.clear();
            bytes(&mut entry, 1, &time);
            bytes(&mut entry, 2, line.as_bytes());
            bytes(&mut stream, 2, &entry);
            items += 1;
            raw_bytes += line.len() as u64;
        }
        bytes(&mut message, 1, &stream);
    }
    Ok(Body { bytes: compress(&message)?, items, raw_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_push_request() {
        let load = Load { lines_per_stream: 1, end_ns: 1_700_000_040 * NS };
        let body = bodies(load, [3]).next().unwrap().unwrap();
        let message = snap::raw::Decoder::new().decompress_vec(&body.bytes).unwrap();
        let (t_ns, line) = load.stream(3).next().unwrap();
        let labels = load.stream(3).labels();
        assert_eq!((body.items, body.raw_bytes), (1, line.len() as u64));
        // The stream's key and length, then its labels.
        assert_eq!(message[0], 1 << 3 | 2);
        let at = message.windows(labels.len()).position(|w| w == labels.as_bytes()).unwrap();
        assert_eq!(message[at - 2..at], [1 << 3 | 2, labels.len() as u8]);
        let mut seconds = Vec::new();
        int64(&mut seconds, 1, t_ns / NS);
        assert!(message.windows(seconds.len()).any(|w| w == seconds));
        assert!(message.ends_with(line.as_bytes()));
    }
}
