//! How much streams hold by window of time, mostly from what the index says of runs.

use std::collections::BTreeMap;

use console_blockkit::part::PartError;
use console_storage::{
    logs::{StreamVolumes, Windows},
    parallel,
};

use super::{
    plan::Plan,
    repeated::repeated,
    rows::{Context, RunTimes, Source},
    unordered::tasks,
};
use crate::block::Times;

/// Bytes of lines of runs that windows cut that are worth a thread: only their times are decoded.
const WORTH: usize = 32 << 20;

/// Stream, window, entries, bytes, and whether an entry may have metadata.
type Volume = (usize, usize, u64, u64, bool);

/// Entries and bytes of each stream by window, of streams with any.
pub fn volumes(
    plan: &Plan,
    windows: Windows,
    context: &Context<'_>,
) -> Result<Vec<StreamVolumes>, PartError> {
    let (tasks, work) = tasks(plan);
    let found = parallel::map(tasks.len(), work, WORTH, |range| {
        let (mut out, mut last) = (Vec::new(), None);
        for (s, r) in &tasks[range] {
            let runs = &plan[*s].runs;
            let is_alone = !runs[..*r].iter().any(|earlier| earlier.may_repeat(&runs[*r]));
            let metadata = runs[*r].may_have_metadata()?;
            let window = windows.place(runs[*r].first_ns());
            if let Some(window) = window.filter(|w| is_alone && windows.place(runs[*r].last_ns()) == Some(*w))
            {
                let (entries, bytes) = runs[*r].volume();
                out.push((*s, window, entries, bytes, metadata));
                continue;
            }
            let gone = if is_alone { Vec::new() } else { repeated(runs, *r, context)? };
            let times = times(&runs[*r], &mut last)?;
            let counts = count(&times, &gone, windows).into_iter();
            out.extend(counts.map(|(window, (n, bytes))| (*s, window, n, bytes, metadata)));
        }
        Ok::<Vec<Volume>, PartError>(out)
    })?;
    let mut sums: BTreeMap<usize, StreamVolumes> = BTreeMap::new();
    for (s, window, n, b, metadata) in found {
        let none = || StreamVolumes::none(plan[s].labels.clone(), windows.count);
        let sum = sums.entry(s).or_insert_with(none);
        sum.entries[window] += n;
        sum.bytes[window] += b;
        sum.may_have_metadata |= metadata;
    }
    Ok(sums.into_values().collect())
}

/// Part, block and what was decoded of it last: streams that share a block come one after the other.
type Last = Option<((u64, u32), std::sync::Arc<Times>)>;

fn times(source: &Source, last: &mut Last) -> Result<RunTimes, PartError> {
    if let (Some(place), Source::Stored { run, .. }) = (source.place(), source)
        && let Some((at, times)) = last
        && *at == place
    {
        let (first, len) = (run.first_row as usize, run.rows as usize);
        return Ok(RunTimes::Block { times: std::sync::Arc::clone(times), first, len });
    }
    let times = source.times()?;
    if let (Some(place), RunTimes::Block { times, .. }) = (source.place(), &times) {
        *last = Some((place, std::sync::Arc::clone(times)));
    }
    Ok(times)
}

/// Entries and bytes by window.
fn count(times: &RunTimes, gone: &[u32], windows: Windows) -> BTreeMap<usize, (u64, u64)> {
    let mut out = BTreeMap::new();
    let mut row = times.seek(0, windows.start_ns);
    let mut gone = gone.iter().peekable();
    while row < times.len() {
        let Some(window) = windows.place(times.t_ns(row)) else { break };
        let next = windows.start_ns.saturating_add(windows.step_ns.max(1).saturating_mul(window as i64 + 1));
        let end = times.seek(row + 1, next);
        while gone.next_if(|g| (**g as usize) < row).is_some() {}
        let (mut n, mut bytes) = ((end - row) as u64, times.bytes(row..end) as u64);
        while let Some(gone) = gone.next_if(|g| (**g as usize) < end) {
            let gone = *gone as usize;
            n -= 1;
            bytes -= times.bytes(gone..gone + 1) as u64;
        }
        if n > 0 {
            out.insert(window, (n, bytes));
        }
        row = end;
    }
    out
}
