//! The forward protocol: messages and the MessagePack in them, and a client's part of the handshake.

use console_ingest::forward::{decode, handshake, msgpack::Cursor};

use crate::{NOW_MS, remote_write::limits};

pub fn body(data: &[u8]) {
    let limits = limits();
    if let Ok(message) = decode(data, &limits, NOW_MS * 1_000_000) {
        let entries: usize = message.streams.iter().map(|s| s.entries.len()).sum();
        // Of two bytes and more each, where nothing is compressed: an array and what is in it.
        assert!(entries <= limits.max_decompressed_bytes);
        assert!(
            message
                .streams
                .iter()
                .all(|s| !s.entries.is_empty() && s.labels.get("source") == Some("forward"))
        );
        let sorted = |e: &console_model::log::LogEntry| e.metadata.is_sorted_by(|a, b| a.0 < b.0);
        assert!(message.streams.iter().flat_map(|s| &s.entries).all(sorted));
    }
    let (mut skipped, mut read) = (Cursor::new(data), Cursor::new(data));
    if read.value(8).is_ok() {
        assert_eq!(skipped.skip(), Ok(()));
        assert_eq!(skipped.at, read.at, "what is read and what is left out have one length");
    }
    if let Ok((pong, knows)) = handshake::pong(data, &[7; 16], "key") {
        assert!(!knows && !pong.is_empty(), "nobody guesses the key");
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut out = vec![0xa0 | u8::try_from(text.len()).unwrap_or(0) & 0x1f];
    out.extend(text.as_bytes());
    out
}

pub fn seeds() -> Vec<Vec<u8>> {
    let time = [vec![0xd7, 0], 1_700_000_000u32.to_be_bytes().to_vec(), 7u32.to_be_bytes().to_vec()].concat();
    let seconds = [vec![0xce], 1_700_000_000u32.to_be_bytes().to_vec()].concat();
    let record =
        [vec![0x82], text("message"), text("a line"), text("n"), vec![0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]]
            .concat();
    let entry = [vec![0x92], time.clone(), record.clone()].concat();
    let with_metadata = [vec![0x92, 0x92], time.clone(), vec![0x80], record.clone()].concat();
    let option = [vec![0x81], text("chunk"), text("abc")].concat();
    let packed = [entry.clone(), with_metadata.clone()].concat();
    let bytes =
        [vec![0xc5], u16::try_from(packed.len()).unwrap_or(0).to_be_bytes().to_vec(), packed].concat();
    let compressed = [vec![0x81], text("compressed"), text("gzip")].concat();
    let ping =
        [vec![0x96], text("PING"), text("host"), text("salt"), text("digest"), text(""), text("")].concat();
    vec![
        [vec![0x93], text("a.b"), seconds, record.clone()].concat(),
        [vec![0x94], text("a.b"), time, record, option.clone()].concat(),
        [vec![0x93], text("a.b"), vec![0x92], entry, with_metadata, option].concat(),
        [vec![0x92], text("a.b"), bytes.clone()].concat(),
        [vec![0x93], text("a.b"), bytes, compressed].concat(),
        ping,
    ]
}
