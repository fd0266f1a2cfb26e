//! Work on many series at once.

use std::{sync::LazyLock, thread};

/// Steps of work (samples looked at, about) that are worth a thread.
const WORK_PER_THREAD: usize = 200_000;
/// One query leaves processors to others.
const MAX_THREADS: usize = 4;

/// Items between two looks at the limits of the query.
const PART: usize = 256;

/// Asking the system reads files: once is enough.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// What `f` gives for parts of `items`, in their order; the first error in that order. `work` says how much there is to do
/// in all, which decides on the number of threads.
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: usize,
    f: impl Fn(&[T]) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = PROCESSORS.min(MAX_THREADS).min(work / WORK_PER_THREAD).min(items.len());
    // Several parts a thread: series differ in length.
    let part = items.len().div_ceil(threads.max(1) * 4).clamp(1, PART);
    let parts: Vec<&[T]> = items.chunks(part).collect();
    if threads < 2 {
        let mut out = Vec::with_capacity(items.len());
        for part in parts {
            out.append(&mut f(part)?);
        }
        return Ok(out);
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(part) = parts.get(at) else { break };
            let result = f(part);
            let failed = result.is_err();
            done.push((at, result));
            if failed {
                break;
            }
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    let mut out = Vec::with_capacity(items.len());
    for (_, part) in done {
        out.extend(part?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_first_error_are_those_of_the_items() {
        let items: Vec<usize> = (0..10_000).collect();
        let double = |part: &[usize]| Ok::<_, usize>(part.iter().map(|i| i * 2).collect());
        let fail = |part: &[usize]| match part.iter().find(|i| *i % 3_000 == 2_999) {
            Some(i) => Err(*i),
            None => Ok(vec![()]),
        };
        for work in [0, usize::MAX] {
            let doubled = map(&items, work, double).unwrap();
            assert!(doubled.iter().enumerate().all(|(i, v)| *v == i * 2) && doubled.len() == items.len());
            assert_eq!(map(&items, work, fail), Err(2_999));
            assert_eq!(map(&[], work, double), Ok(vec![]));
        }
    }
}
