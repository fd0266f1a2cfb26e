//! What is in memory, and which parts there are. A reader that looks once sees every line once.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use crate::{
    head::{ByLabels, Head, HeadStream},
    matching::Matchers,
    part::LogPart,
};

#[derive(Debug, Default)]
pub struct State {
    pub head: Head,
    /// Lines that are being written as parts.
    pub frozen: Option<Arc<Head>>,
    /// By rising age.
    pub parts: Arc<Vec<Arc<LogPart>>>,
    /// In how many parts each stream is, by the hash of its labels.
    streams: HashMap<u64, u32, FixedState>,
}

impl State {
    pub fn new(parts: Vec<Arc<LogPart>>) -> Self {
        let mut state = Self::default();
        state.change_parts(&[], parts);
        state
    }

    /// Takes parts out, by their sequences, and puts others in; answers those taken out.
    pub fn change_parts(&mut self, gone: &[u64], new: Vec<Arc<LogPart>>) -> Vec<Arc<LogPart>> {
        for hash in new.iter().flat_map(|p| &p.streams) {
            *self.streams.entry(*hash).or_default() += 1;
        }
        let is_gone = |p: &Arc<LogPart>| gone.contains(&p.part.sequence);
        let (gone, mut kept): (Vec<_>, Vec<_>) = self.parts.iter().cloned().partition(is_gone);
        for hash in gone.iter().flat_map(|p| &p.streams) {
            if let Some(parts) = self.streams.get_mut(hash) {
                *parts -= 1;
                if *parts == 0 {
                    self.streams.remove(hash);
                }
            }
        }
        kept.extend(new);
        kept.sort_by_key(|p| (p.age, p.part.sequence));
        self.parts = Arc::new(kept);
        gone
    }

    /// Streams in memory and in parts.
    pub fn stream_count(&self) -> u64 {
        let is_new = |labels: &&console_model::Labels| !self.streams.contains_key(&labels.hash_value());
        let frozen = self.frozen.as_deref();
        let only_frozen = frozen.map_or(0, |f| {
            f.streams.keys().filter(|l| is_new(l) && !self.head.streams.contains_key(*l)).count()
        });
        (self.streams.len() + self.head.streams.keys().filter(is_new).count() + only_frozen) as u64
    }

    /// Bytes of lines in memory.
    pub fn head_bytes(&self) -> u64 {
        self.head.bytes + self.frozen.as_ref().map_or(0, |f| f.bytes)
    }

    pub fn entries(&self) -> u64 {
        let parts: u64 = self.parts.iter().map(|p| p.part.meta.rows).sum();
        parts + self.head.entries + self.frozen.as_ref().map_or(0, |f| f.entries)
    }

    pub fn part_bytes(&self) -> u64 {
        self.parts.iter().map(|p| p.part.bytes).sum()
    }

    /// Pushes of matching streams in memory, oldest first.
    pub fn chunks(&self, matchers: &Matchers) -> ByLabels<Vec<Arc<console_model::log::LogStream>>> {
        let mut out = ByLabels::<Vec<_>>::default();
        let frozen = self.frozen.iter().flat_map(|f| &f.streams);
        for (labels, stream) in frozen.chain(&self.head.streams) {
            let HeadStream { chunks, .. } = stream;
            if !chunks.is_empty() && matchers.matches(labels) {
                out.entry(labels.clone()).or_default().extend(chunks.iter().cloned());
            }
        }
        out
    }
}
