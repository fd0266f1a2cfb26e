//! Log entries and streams.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    Labels,
    metric::{QueryAnswer, QueryStats},
};

/// One log line with its structured metadata (sorted by name).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Nanoseconds since the Unix epoch.
    pub t_ns: i64,
    pub line: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
}

/// Entries that share their stream labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStream {
    pub labels: Labels,
    pub entries: Vec<LogEntry>,
}

/// Entries by their stream, as they come. Streams are in the order in which they are first met; there may be as many as entries.
#[derive(Default)]
pub struct Streams {
    list: Vec<LogStream>,
    places: HashMap<Labels, usize>,
}

impl Streams {
    pub fn push(&mut self, labels: &Labels, entry: LogEntry) {
        let place = match self.places.get(labels) {
            Some(place) => *place,
            None => {
                self.places.insert(labels.clone(), self.list.len());
                self.list.push(LogStream { labels: labels.clone(), entries: Vec::new() });
                self.list.len() - 1
            }
        };
        self.list[place].entries.push(entry);
    }

    pub fn into_list(self) -> Vec<LogStream> {
        self.list
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// What a LogQL query answers: lines, or numbers. Labels of a stream include those that parsers extracted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LogAnswer {
    Streams { streams: Vec<LogStream>, stats: QueryStats },
    Metric(QueryAnswer),
}

/// One push of a live tail. `dropped` counts entries that the reader was too slow for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailFrame {
    pub streams: Vec<LogStream>,
    pub dropped: u64,
}
