//! What a query selected, in memory and in blocks, read series by series.

use std::sync::Arc;

use console_model::{Labels, Matcher, hashed::Places, metric::PointSeries};
use console_storage::{
    StorageError,
    metrics::{Part, Selection},
};

use crate::{
    Tsdb,
    block::{Block, Index},
    matching::Compiled,
    read::readable,
    series::{Cuts, put_in_order},
};

pub(crate) fn over_limit(max_samples: usize) -> StorageError {
    StorageError::Limit(format!("query reads more than {max_samples} samples (max_samples)"))
}

/// A series, and where it is.
struct Found {
    labels: Labels,
    /// Blocks by place in the selection, oldest first, with the series' place in each.
    in_blocks: Vec<(u32, u32)>,
    in_memory: Option<Cuts>,
}

pub(crate) struct Selected {
    blocks: Vec<(Arc<Block>, Arc<Index>)>,
    found: Vec<Found>,
    range: (i64, i64),
    part: Part,
    points: usize,
}

impl Tsdb {
    /// Series with points in the range (both ends inclusive).
    pub(crate) fn selection(
        &self,
        matchers: &[Matcher],
        range: (i64, i64),
        max_samples: usize,
        part: Part,
    ) -> Result<Selected, StorageError> {
        let matchers = Compiled::all(matchers)?;
        let (in_memory, blocks) = {
            let head = self.head.read();
            (head.cuts(&matchers, range, part), Arc::clone(&head.blocks))
        };
        // What is over the limit for certain need not be decoded.
        if in_memory.iter().map(|(_, c)| c.at_least(range.0, range.1)).sum::<usize>() > max_samples {
            return Err(over_limit(max_samples));
        }
        let mut selected = Selected { blocks: Vec::new(), found: Vec::new(), range, part, points: 0 };
        selected.points = in_memory.iter().map(|(_, c)| c.at_most()).sum();
        let of_memory = |(labels, cuts)| Found { labels, in_blocks: Vec::new(), in_memory: Some(cuts) };
        selected.found = in_memory.into_iter().map(of_memory).collect();
        let overlapping: Vec<_> = blocks.iter().filter(|b| b.overlaps(range.0, range.1)).collect();
        if !overlapping.is_empty() {
            selected.add_blocks(&overlapping, &matchers)?;
        }
        Ok(selected)
    }
}

impl Selected {
    fn add_blocks(&mut self, blocks: &[&Arc<Block>], matchers: &[Compiled]) -> Result<(), StorageError> {
        let mut known = Places::default();
        known.reserve(self.found.len());
        for (at, found) in self.found.iter().enumerate() {
            known.put(found.labels.hash_value(), at);
        }
        for block in blocks {
            let Some((index, places)) = readable(block, block.select(matchers, self.range).map(Some))? else {
                continue;
            };
            let at_block = self.blocks.len() as u32;
            for place in places {
                self.points += index.points(place, self.range);
                let hash = Labels::hash_of(index.texts(place));
                let is_it = |at: usize| self.found[at].labels.are(index.texts(place));
                let at = known.find(hash, is_it).unwrap_or_else(|| {
                    let labels = index.labels(place);
                    self.found.push(Found { labels, in_blocks: Vec::new(), in_memory: None });
                    known.put(hash, self.found.len() - 1);
                    self.found.len() - 1
                });
                self.found[at].in_blocks.push((at_block, place));
            }
            self.blocks.push((Arc::clone(block), index));
        }
        // In the order of the newest block, whose batches are decompressed once then. What is only in memory comes last.
        self.found
            .sort_by_key(|f| f.in_blocks.last().map_or((1, 0, 0), |(block, place)| (0, *block, *place)));
        Ok(())
    }
}

impl Selection for Selected {
    fn len(&self) -> usize {
        self.found.len()
    }

    fn points(&self) -> usize {
        self.points
    }

    fn series(&self, place: usize) -> Result<PointSeries, StorageError> {
        let found = &self.found[place];
        let mut out =
            PointSeries { labels: found.labels.clone(), samples: Vec::new(), histograms: Vec::new() };
        // Oldest first: of two points of one time the one that was written last stays.
        for (block, place) in &found.in_blocks {
            let (block, index) = &self.blocks[*block as usize];
            if let Err(e) = block.read(index, *place, self.range, &mut out) {
                readable(block, Err::<(), _>(e))?;
                return Err(StorageError::ReadAgain);
            }
        }
        if let Some(cuts) = &found.in_memory {
            cuts.read(self.range.0, self.range.1, &mut out);
        }
        put_in_order(&mut out);
        if self.part == Part::Newest {
            leave_newest(&mut out);
        }
        Ok(out)
    }
}

fn leave_newest(series: &mut PointSeries) {
    let PointSeries { samples, histograms, .. } = series;
    let (float, histogram) = (samples.pop(), histograms.pop());
    samples.clear();
    histograms.clear();
    match (float, histogram) {
        (Some(f), Some(h)) if f.t_ms < h.t_ms => histograms.push(h),
        (Some(f), _) => samples.push(f),
        (None, h) => histograms.extend(h),
    }
}
