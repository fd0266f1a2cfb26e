//! Small parts into larger ones. What two of them both have is there once afterwards.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use console_blockkit::part::{Mark, PartError, PartWriter};
use console_model::{Labels, log::Direction};

use crate::{
    LogStore,
    flush::stretch_ns,
    part::{Caches, LogPart, PartBuilder},
    read::{Absent, Context, Merge, Source, StreamRuns},
};

/// Parts of one size that are worth a merge; fewer when their stretch of time is over.
const PARTS_PER_MERGE: usize = 8;
const OLD_PARTS_PER_MERGE: usize = 2;
const MOST_PARTS_PER_MERGE: usize = 16;
/// Every reading looks at the index of a part.
const MOST_STREAMS_PER_PART: usize = 50_000;
/// Sizes grow by this from one tier to the next; the first ends here.
const TIER_FACTOR: u64 = 6;
const FIRST_TIER_BYTES: u64 = 24 << 20;
/// Merges that one call does.
const MERGES_PER_CALL: usize = 8;
/// A part is at most this part of what may lie on disk: it goes as a whole.
const PARTS_ON_DISK: u64 = 8;
/// Decoded blocks that several streams share, for each of the parts that are merged.
const SHARED_BYTES_PER_PART: usize = 4 << 20;

impl LogStore {
    /// Merges parts of about one size and one stretch of time.
    pub(crate) fn compact(&self, now_ms: i64) -> Result<(), PartError> {
        for _ in 0..MERGES_PER_CALL {
            let parts = Arc::clone(&self.state.read().parts);
            let Some(group) = self.mergeable(&parts, now_ms) else { break };
            let need: u64 = group.iter().map(|p| p.part.bytes).sum();
            let need = need.saturating_add(self.config.min_free_bytes);
            if self.folder.free_bytes().is_some_and(|free| free < need) {
                // The log and the parts of new lines need the disk more.
                break;
            }
            let merged = self.merge(&group)?;
            let gone: Vec<u64> = group.iter().map(|p| p.part.sequence).collect();
            self.state.write().change_parts(&gone, merged.into_iter().collect());
            for sequence in gone {
                self.caches.forget(sequence);
                self.folder.remove(sequence);
            }
        }
        Ok(())
    }

    fn mergeable(&self, parts: &[Arc<LogPart>], now_ms: i64) -> Option<Vec<Arc<LogPart>>> {
        let stretch = stretch_ns(self.config.retention_ms);
        let (raw, disk) = (self.config.max_part_bytes, self.config.max_bytes / PARTS_ON_DISK);
        let now = now_ms.saturating_mul(1_000_000).div_euclid(stretch);
        let mut groups: BTreeMap<(i64, u32), Vec<Arc<LogPart>>> = BTreeMap::new();
        for part in parts.iter().filter(|p| !p.part.is_damaged()) {
            let of = part.part.meta.last_t_ns.div_euclid(stretch);
            groups.entry((of, tier(part.raw_bytes))).or_default().push(Arc::clone(part));
        }
        groups.into_iter().find_map(|((of, _), mut group)| {
            let enough = if of < now { OLD_PARTS_PER_MERGE } else { PARTS_PER_MERGE };
            let all = group.len();
            let mut sum = (0, 0, 0);
            // Bounds both what is read at once and what retention drops at once.
            group.retain(|p| {
                sum = (sum.0 + p.raw_bytes, sum.1 + p.part.bytes, sum.2 + p.streams.len());
                sum.0 <= raw && sum.1 <= disk && sum.2 <= MOST_STREAMS_PER_PART
            });
            let is_full = group.len() < all;
            group.truncate(MOST_PARTS_PER_MERGE);
            (group.len() >= enough || is_full && group.len() > 1).then_some(group)
        })
    }

    fn merge(&self, group: &[Arc<LogPart>]) -> Result<Option<Arc<LogPart>>, PartError> {
        let caches = Caches::new(0, SHARED_BYTES_PER_PART * group.len());
        let mut streams: BTreeMap<Labels, Vec<Source>> = BTreeMap::new();
        for part in group {
            let index = part.index(&self.caches)?;
            for (labels, runs) in &index.streams {
                let stored =
                    |run: &_| Source::Stored { part: Arc::clone(part), index: Arc::clone(&index), run: *run };
                streams.entry(labels.clone()).or_default().extend(runs.iter().map(stored));
            }
        }
        let mut marks = Vec::new();
        group.iter().flat_map(|p| &p.part.meta.marks).for_each(|m| Mark::add(&mut marks, *m));
        let replaces = group.iter().map(|p| p.part.sequence).collect();
        let age = group.iter().map(|p| p.age).min().unwrap_or_default();
        let fill = |out: &mut PartWriter<'_>| {
            let mut builder = PartBuilder::new(out);
            for (labels, runs) in streams {
                builder.stream(&labels)?;
                for together in overlapping(runs) {
                    put(&mut builder, &labels, together, &caches)?;
                }
            }
            builder.finish(marks, replaces, age)
        };
        self.folder.write(fill, |part, footer| LogPart::load(part, footer).map(Arc::new))
    }
}

/// The size of a part, roughly.
fn tier(raw_bytes: u64) -> u32 {
    let mut bound = FIRST_TIER_BYTES;
    let mut tier = 0;
    while raw_bytes > bound {
        bound = bound.saturating_mul(TIER_FACTOR);
        tier += 1;
    }
    tier
}

/// Runs in groups in order of time; those of different groups have no time in common. Within a group in their order.
fn overlapping(runs: Vec<Source>) -> Vec<Vec<Source>> {
    let mut by_time: Vec<(usize, Source)> = runs.into_iter().enumerate().collect();
    by_time.sort_by_key(|(_, r)| r.first_ns());
    let mut groups: Vec<(i64, Vec<(usize, Source)>)> = Vec::new();
    for (at, run) in by_time {
        match groups.last_mut() {
            Some((last, group)) if run.first_ns() <= *last => {
                *last = run.last_ns().max(*last);
                group.push((at, run));
            }
            _ => groups.push((run.last_ns(), vec![(at, run)])),
        }
    }
    let in_order = |(_, mut group): (i64, Vec<(usize, Source)>)| {
        group.sort_by_key(|(at, _)| *at);
        group.into_iter().map(|(_, run)| run).collect()
    };
    groups.into_iter().map(in_order).collect()
}

/// Puts runs of one stream that may overlap each other, and nothing else.
fn put(
    builder: &mut PartBuilder<'_, '_>,
    labels: &Labels,
    runs: Vec<Source>,
    caches: &Caches,
) -> Result<(), PartError> {
    if let [Source::Stored { part, index, run }] = runs.as_slice()
        && let Some(block) = index.blocks.get(run.block as usize)
        && PartBuilder::copies(block, run)
    {
        return builder.copy(part, block, run);
    }
    let absent = Absent::default();
    let context = Context { start_ns: i64::MIN, end_ns: i64::MAX, needles: &[], caches, absent: &absent };
    let merge = Merge { context, direction: Direction::Forward };
    let mut failed = None;
    let stream = StreamRuns { labels: labels.clone(), runs };
    merge.run(&[stream], &mut |_, rows, row| {
        let mut metadata = Vec::new();
        rows.metadata(row, &mut metadata);
        match builder.push(rows.t_ns(row), rows.line(row), &metadata) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failed.map_or(Ok(()), Err)
}
