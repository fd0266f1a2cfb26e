//! A push as bytes, on disk.
//!
//! A record is sealed as [`console_blockkit::record`] describes, with version 1, and needs no other record to be read:
//! stream labels are written out in each. Its payload:
//!
//! 1. string table: count, then each string (length, UTF-8 bytes). `str` below is a reference into it (LEB128).
//! 2. number of streams (LEB128), then each stream:
//!    - labels: count, then (`str` name, `str` value), sorted by name
//!    - entries: count, then each entry: time as zigzag LEB128 of the difference to the entry before (the first to 0),
//!      in nanoseconds; the line (length, UTF-8 bytes); metadata: count, then (`str` name, `str` value)

use console_blockkit::record::{self, Reader, RecordError, Table, TableBuilder, Writer};
use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};

const VERSION: u8 = 1;
/// A record never inflates past this.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// One sealed record of these streams.
pub fn encode(streams: &[LogStream]) -> Vec<u8> {
    let mut table = TableBuilder::default();
    let mut out = Writer::default();
    out.uint(streams.len() as u64);
    for stream in streams {
        out.uint(stream.labels.len() as u64);
        for label in stream.labels.iter() {
            out.uint(table.id(&label.name));
            out.uint(table.id(&label.value));
        }
        out.uint(stream.entries.len() as u64);
        let mut before = 0i64;
        for entry in &stream.entries {
            out.int(entry.t_ns.wrapping_sub(before));
            before = entry.t_ns;
            out.blob(entry.line.as_bytes());
            out.uint(entry.metadata.len() as u64);
            for (name, value) in &entry.metadata {
                out.uint(table.id(name));
                out.uint(table.id(value));
            }
        }
    }
    record::seal(VERSION, &table.finish(&out.bytes))
}

/// The streams of a record.
pub fn decode(bytes: &[u8]) -> Result<Vec<LogStream>, RecordError> {
    let (version, payload) = record::open(bytes, MAX_PAYLOAD)?;
    if version != VERSION {
        return Err(RecordError::Encoding);
    }
    let mut r = Reader::new(&payload);
    let table = Table::read(&mut r)?;
    let n = r.count()?;
    (0..n).map(|_| read_stream(&mut r, &table)).collect()
}

fn read_pairs(r: &mut Reader<'_>, table: &Table<'_>) -> Result<Vec<(String, String)>, RecordError> {
    let n = r.count()?;
    (0..n).map(|_| Ok((table.text(r)?.to_owned(), table.text(r)?.to_owned()))).collect()
}

fn read_stream(r: &mut Reader<'_>, table: &Table<'_>) -> Result<LogStream, RecordError> {
    let labels = Labels::from_pairs(read_pairs(r, table)?);
    let n = r.count()?;
    let mut before = 0i64;
    let mut entries = Vec::with_capacity(n);
    for _ in 0..n {
        let t_ns = before.wrapping_add(r.int()?);
        before = t_ns;
        let line = r.text()?.to_owned();
        entries.push(LogEntry { t_ns, line, metadata: read_pairs(r, table)? });
    }
    Ok(LogStream { labels, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_survives_the_round_trip_and_every_cut_is_an_error() {
        let stream = LogStream {
            labels: Labels::from_pairs([("service_name", "orders"), ("level", "error")]),
            entries: vec![
                LogEntry { t_ns: 5_000_000_000, line: "late".into(), metadata: vec![] },
                LogEntry { t_ns: -3, line: "ä".into(), metadata: vec![("trace_id".into(), "ab".into())] },
            ],
        };
        let bytes = encode(std::slice::from_ref(&stream));
        assert_eq!(decode(&bytes), Ok(vec![stream]));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
