//! Rows that two runs of a stream both have: the same push twice, on both sides of a flush.

use std::{cmp::Ordering, collections::HashMap, ops::Range};

use console_blockkit::part::PartError;

use super::rows::{Context, RunTimes, Source};

/// The rows of a run, in order, that an earlier run of the stream has too.
pub fn repeated(runs: &[Source], at: usize, context: &Context<'_>) -> Result<Vec<u32>, PartError> {
    let mut found = Vec::new();
    let mut times = None;
    for earlier in runs[..at].iter().filter(|r| r.may_repeat(&runs[at])) {
        let mine = match &times {
            Some(times) => times,
            None => times.insert(runs[at].times()?),
        };
        let moments = common(mine, &earlier.times()?, context);
        if !moments.is_empty() {
            compare(&runs[at], earlier, &moments, context, &mut found)?;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Rows of both at the same times.
fn common(a: &RunTimes, b: &RunTimes, context: &Context<'_>) -> Vec<(Range<usize>, Range<usize>)> {
    let mut out = Vec::new();
    let (mut i, mut j) = (a.seek(0, context.start_ns), b.seek(0, context.start_ns));
    while i < a.len() && j < b.len() && a.t_ns(i) < context.end_ns {
        let (t, u) = (a.t_ns(i), b.t_ns(j));
        match t.cmp(&u) {
            Ordering::Less => i = a.seek(i, u),
            Ordering::Greater => j = b.seek(j, t),
            Ordering::Equal => {
                let end = |times: &RunTimes, from: usize| (from..times.len()).find(|r| times.t_ns(*r) != t);
                let (i_end, j_end) = (end(a, i).unwrap_or(a.len()), end(b, j).unwrap_or(b.len()));
                out.push((i..i_end, j..j_end));
                (i, j) = (i_end, j_end);
            }
        }
    }
    out
}

fn compare(
    mine: &Source,
    earlier: &Source,
    moments: &[(Range<usize>, Range<usize>)],
    context: &Context<'_>,
    found: &mut Vec<u32>,
) -> Result<(), PartError> {
    // A block without a needle has no row that is asked for.
    let (Some(mine), Some(theirs)) = (mine.open(context)?, earlier.open(context)?) else { return Ok(()) };
    for (mine_rows, their_rows) in moments {
        let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
        their_rows.clone().for_each(|row| by_hash.entry(theirs.hash(row)).or_default().push(row));
        let is_there = |row: &usize| {
            let same = by_hash.get(&mine.hash(*row));
            same.is_some_and(|rows| rows.iter().any(|other| theirs.is_same(*other, &mine, *row)))
        };
        found.extend(mine_rows.clone().filter(is_there).map(|row| row as u32));
    }
    Ok(())
}
