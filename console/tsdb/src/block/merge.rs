//! Several blocks as one, for compaction.

use std::{iter::Peekable, sync::Arc};

use console_model::{Labels, metric::PointSeries};

use super::{Block, BlockCache, BlockError, index::Index};

/// Of decoded parts, for each block: of every stretch of time the batch that is read from, and the one before.
const CACHE_BYTES_PER_BLOCK: usize = 2 << 20;

struct Source {
    block: Arc<Block>,
    index: Arc<Index>,
    places: Peekable<std::ops::Range<u32>>,
}

impl Source {
    fn next_labels(&mut self) -> Option<Labels> {
        self.places.peek().map(|p| self.index.labels(*p))
    }
}

/// The series of all `blocks` (oldest first), sorted by labels, each point once.
pub fn merge(
    blocks: &[Arc<Block>],
) -> Result<impl Iterator<Item = Result<PointSeries, BlockError>>, BlockError> {
    // Each part is read once: those that queries read again and again stay where they are.
    let cache = BlockCache::new(CACHE_BYTES_PER_BLOCK.saturating_mul(blocks.len()));
    let mut sources = Vec::with_capacity(blocks.len());
    for block in blocks {
        let index = block.load_index().map(Arc::new).inspect_err(|e| {
            block.note(e);
        })?;
        let places = (0..index.len()).peekable();
        sources.push(Source { block: Arc::clone(block), index, places });
    }
    Ok(std::iter::from_fn(move || {
        let labels = sources.iter_mut().filter_map(Source::next_labels).min()?;
        let mut all = PointSeries { labels: labels.clone(), samples: Vec::new(), histograms: Vec::new() };
        for source in &mut sources {
            if source.next_labels().as_ref() != Some(&labels) {
                continue;
            }
            let Some(place) = source.places.next() else { continue };
            if let Err(e) =
                source.block.read_with(&cache, &source.index, place, (i64::MIN, i64::MAX), &mut all)
            {
                source.block.note(&e);
                return Some(Err(e));
            }
        }
        crate::series::put_in_order(&mut all);
        Some(Ok(all))
    }))
}
