//! Work on many series at once.

use std::thread;

/// One query leaves processors to others.
const MAX_THREADS: usize = 8;

/// What `f` gives for each of `items`, in their order. `work` says how much there is to do in all, `worth` how much of it
/// is worth a thread.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    work: usize,
    worth: usize,
    f: impl Fn(&T) -> Option<R> + Sync,
) -> Vec<R> {
    let most = (work / worth).min(items.len()).min(MAX_THREADS);
    let threads = if most < 2 { 1 } else { most.min(thread::available_parallelism().map_or(1, usize::from)) };
    let run = |part: &[T]| {
        let mut out = Vec::with_capacity(part.len());
        out.extend(part.iter().filter_map(&f));
        out
    };
    if threads == 1 {
        return run(items);
    }
    thread::scope(|scope| {
        let (first, rest) = items.split_at(items.len().div_ceil(threads));
        let run = &run;
        let others = rest.chunks(first.len()).map(|part| scope.spawn(move || run(part)));
        let others: Vec<_> = others.collect();
        let mut out = run(first);
        for part in others {
            match part.join() {
                Ok(done) => out.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        out
    })
}
