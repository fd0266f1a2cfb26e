//! Several blocks as one, for compaction.

use std::{iter::Peekable, sync::Arc};

use console_model::{Labels, metric::Sample};

use super::{Block, BlockError, index::Index};

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

/// The series of all `blocks` (oldest first), sorted by labels, each sample once.
pub fn merge(
    blocks: &[Arc<Block>],
) -> Result<impl Iterator<Item = Result<(Labels, Vec<Sample>), BlockError>>, BlockError> {
    let mut sources = Vec::with_capacity(blocks.len());
    for block in blocks {
        let index = block.index().inspect_err(|e| {
            block.note(e);
        })?;
        let places = (0..index.len()).peekable();
        sources.push(Source { block: Arc::clone(block), index, places });
    }
    Ok(std::iter::from_fn(move || {
        let labels = sources.iter_mut().filter_map(Source::next_labels).min()?;
        let mut samples = Vec::new();
        for source in &mut sources {
            if source.next_labels().as_ref() != Some(&labels) {
                continue;
            }
            let Some(place) = source.places.next() else { continue };
            match source.block.read(source.index.runs(place), (i64::MIN, i64::MAX)) {
                Ok(more) => samples.extend(more),
                Err(e) => {
                    source.block.note(&e);
                    return Some(Err(e));
                }
            }
        }
        crate::series::in_order(&mut samples);
        Some(Ok((labels, samples)))
    }))
}
