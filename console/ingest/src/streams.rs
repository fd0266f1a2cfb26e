//! Entries of a request by their stream.

use std::collections::HashMap;

use console_model::{
    Labels,
    log::{LogEntry, LogStream},
};

/// Streams in the order in which they are first met. A request may have as many as entries.
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
