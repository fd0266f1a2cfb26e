//! Work on many series at once.

use std::{
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// One query leaves processors to others.
const MAX_THREADS: usize = 4;
/// A part is no larger: memory of one is used again for the next, and between parts a query looks at its limits.
const PART: usize = 256;

/// Asking the system reads files: once is enough.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// How many processors there are for this process.
pub fn processors() -> usize {
    *PROCESSORS
}

/// What `f` gives for the parts of `0..len`, in their order; the first error in that order. On one thread for each
/// `worth` of the `work` there is to do in all.
pub fn map<R: Send, E: Send>(
    len: usize,
    work: usize,
    worth: usize,
    f: impl Fn(Range<usize>) -> Result<Vec<R>, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = processors().min(MAX_THREADS).min(work / worth.max(1)).min(len).max(1);
    // Several parts a thread: series differ in length.
    let size = len.div_ceil(threads * 4).clamp(1, PART);
    let parts = len.div_ceil(size);
    let part = |at: usize| at * size..len.min((at + 1) * size);
    if threads == 1 {
        let mut out = Vec::with_capacity(len);
        for at in 0..parts {
            out.append(&mut f(part(at))?);
        }
        return Ok(out);
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= parts {
                break;
            }
            let result = f(part(at));
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
    let mut out = Vec::with_capacity(len);
    for (_, part) in done {
        out.append(&mut part?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_and_the_first_error_are_those_of_the_items() {
        let double = |part: Range<usize>| Ok::<_, usize>(part.map(|i| i * 2).collect());
        let fail = |mut part: Range<usize>| match part.find(|i| i % 3_000 == 2_999) {
            Some(i) => Err(i),
            None => Ok(vec![()]),
        };
        for work in [0, usize::MAX] {
            let doubled = map(10_000, work, 1, double).unwrap();
            assert!(doubled.iter().enumerate().all(|(i, v)| *v == i * 2) && doubled.len() == 10_000);
            assert_eq!(map(10_000, work, 1, fail), Err(2_999));
            assert_eq!(map(0, work, 1, double), Ok(vec![]));
        }
    }
}
