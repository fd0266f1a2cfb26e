//! Lines that are not in a part yet.

use std::{collections::HashMap, hash::Hasher as _, sync::Arc};

use console_blockkit::Reservation;
use console_model::{
    Labels,
    labels::text_hasher,
    log::{LogEntry, LogStream},
};
use foldhash::fast::FixedState;

/// By labels, which bring a hash with this process' own seed.
pub type ByLabels<T> = HashMap<Labels, T, FixedState>;

/// Bytes that an entry takes beside its text: itself, and its place among the hashes.
const ENTRY: usize = size_of::<LogEntry>() + 40;
/// Bytes that a push takes for each of its streams.
const CHUNK: usize = 128;

/// A hash of a row, with this process' own seed.
pub fn row_hash<'a>(t_ns: i64, line: &str, metadata: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hasher = text_hasher();
    hasher.write_i64(t_ns);
    hasher.write(line.as_bytes());
    for (name, value) in metadata {
        hasher.write_u8(0xff);
        hasher.write(name.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(value.as_bytes());
    }
    hasher.finish()
}

pub fn pairs(entry: &LogEntry) -> impl Iterator<Item = (&str, &str)> {
    entry.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Bytes that entries take in memory.
pub fn size(stream: &LogStream) -> u64 {
    let entry = |e: &LogEntry| {
        ENTRY + e.line.len() + e.metadata.iter().map(|(n, v)| 48 + n.len() + v.len()).sum::<usize>()
    };
    let labels: usize = stream.labels.iter().map(|l| 64 + l.name.len() + l.value.len()).sum();
    (CHUNK + labels + stream.entries.iter().map(entry).sum::<usize>()) as u64
}

/// A push's entries of one stream, sorted by time, with the hash of each.
pub struct Prepared {
    pub stream: LogStream,
    pub hashes: Vec<u64>,
}

impl Prepared {
    pub fn new(mut stream: LogStream) -> Self {
        // Stable: entries of one time stay in order of arrival.
        stream.entries.sort_by_key(|e| e.t_ns);
        let hashes = stream.entries.iter().map(|e| row_hash(e.t_ns, &e.line, pairs(e))).collect();
        Self { stream, hashes }
    }
}

/// One stream's pushes, in order of arrival.
#[derive(Debug, Default)]
pub struct HeadStream {
    pub chunks: Vec<Arc<LogStream>>,
    /// Chunk and entry of a row with this hash.
    hashes: HashMap<u64, (u32, u32), FixedState>,
}

impl HeadStream {
    fn has(&self, hash: u64, entry: &LogEntry) -> bool {
        let Some((chunk, at)) = self.hashes.get(&hash) else { return false };
        let chunk = self.chunks.get(*chunk as usize);
        chunk.and_then(|c| c.entries.get(*at as usize)).is_some_and(|known| known == entry)
    }

    /// Adds what is new in a push and answers it.
    fn add(&mut self, labels: Labels, push: Prepared, before: Option<&Self>) -> Option<Arc<LogStream>> {
        let Prepared { mut stream, hashes } = push;
        let own = self.chunks.len() as u32;
        let (mut repeated, mut kept): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (at, (entry, hash)) in stream.entries.iter().zip(hashes).enumerate() {
            let in_push = self.hashes.get(&hash).is_some_and(|(chunk, known)| {
                *chunk == own && kept.get(*known as usize).is_some_and(|k| stream.entries[*k] == *entry)
            });
            if in_push || self.has(hash, entry) || before.is_some_and(|b| b.has(hash, entry)) {
                repeated.push(at);
            } else {
                self.hashes.insert(hash, (own, kept.len() as u32));
                kept.push(at);
            }
        }
        if !repeated.is_empty() {
            let (mut at, mut gone) = (0, repeated.into_iter().peekable());
            stream.entries.retain(|_| {
                let keep = gone.next_if_eq(&at).is_none();
                at += 1;
                keep
            });
        }
        if stream.entries.is_empty() {
            return None;
        }
        stream.labels = labels;
        let chunk = Arc::new(stream);
        self.chunks.push(Arc::clone(&chunk));
        Some(chunk)
    }
}

/// All streams in memory.
#[derive(Debug, Default)]
pub struct Head {
    pub streams: ByLabels<HeadStream>,
    pub bytes: u64,
    pub entries: u64,
    /// When the first of them came, by the store's clock.
    pub since_ms: Option<i64>,
    pub reservation: Option<Reservation>,
}

impl Head {
    /// Adds what is new in a push, compared with `before` too, and answers it.
    pub fn add(&mut self, push: Prepared, before: Option<&Self>, now_ms: i64) -> Option<Arc<LogStream>> {
        let labels = match self.streams.get_key_value(&push.stream.labels) {
            // One copy of the labels for all pushes.
            Some((labels, _)) => labels.clone(),
            None => push.stream.labels.clone(),
        };
        let before = before.and_then(|b| b.streams.get(&labels));
        let stream = self.streams.entry(labels.clone()).or_default();
        let Some(added) = stream.add(labels.clone(), push, before) else {
            if stream.chunks.is_empty() {
                self.streams.remove(&labels);
            }
            return None;
        };
        self.bytes += size(&added);
        self.entries += added.entries.len() as u64;
        self.since_ms.get_or_insert(now_ms);
        Some(added)
    }
}

/// A stream's rows in memory in order of time; rows of one time in order of arrival.
#[derive(Debug)]
pub struct HeadRun {
    chunks: Vec<Arc<LogStream>>,
    /// Time, chunk and entry.
    rows: Vec<(i64, u32, u32)>,
    /// Bytes of lines.
    pub bytes: u64,
}

impl HeadRun {
    /// The rows with `start_ns <= t < end_ns`.
    pub fn new(chunks: Vec<Arc<LogStream>>, start_ns: i64, end_ns: i64) -> Self {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for (c, chunk) in chunks.iter().enumerate() {
            let from = chunk.entries.partition_point(|e| e.t_ns < start_ns);
            for (i, entry) in chunk.entries.iter().enumerate().skip(from).take_while(|(_, e)| e.t_ns < end_ns)
            {
                rows.push((entry.t_ns, c as u32, i as u32));
                bytes += entry.line.len() as u64;
            }
        }
        rows.sort_by_key(|(t_ns, ..)| *t_ns);
        Self { chunks, rows, bytes }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn t_ns(&self, row: usize) -> i64 {
        self.rows[row].0
    }

    pub fn entry(&self, row: usize) -> &LogEntry {
        let (_, chunk, entry) = self.rows[row];
        &self.chunks[chunk as usize].entries[entry as usize]
    }

    /// Rows before this time.
    pub fn before(&self, t_ns: i64) -> usize {
        self.rows.partition_point(|(t, ..)| *t < t_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(entries: &[(i64, &str)]) -> Prepared {
        let entry =
            |(t_ns, line): &(i64, &str)| LogEntry { t_ns: *t_ns, line: (*line).into(), metadata: vec![] };
        let entries = entries.iter().map(entry).collect();
        Prepared::new(LogStream { labels: Labels::from_pairs([("a", "b")]), entries })
    }

    fn lines(head: &Head) -> Vec<String> {
        let chunks = head.streams.values().flat_map(|s| s.chunks.clone()).collect();
        let run = HeadRun::new(chunks, i64::MIN, i64::MAX);
        (0..run.len()).map(|row| run.entry(row).line.clone()).collect()
    }

    #[test]
    fn late_entries_are_sorted_in_and_repetitions_dropped_in_all_of_memory() {
        let mut old = Head::default();
        let added = old.add(push(&[(10, "a"), (5, "b"), (10, "a"), (10, "c")]), None, 0).unwrap();
        assert_eq!(added.entries.len(), 3);
        assert!(old.add(push(&[(10, "c")]), None, 0).is_none());
        assert_eq!((lines(&old), old.entries), (vec!["b".into(), "a".into(), "c".into()], 3));
        let mut new = Head::default();
        let added = new.add(push(&[(10, "c"), (10, "d"), (7, "a")]), Some(&old), 0).unwrap();
        assert_eq!(added.entries.iter().map(|e| e.line.as_str()).collect::<Vec<_>>(), ["a", "d"]);
        assert!(new.bytes == size(&added) && new.streams.len() == 1);
    }
}
