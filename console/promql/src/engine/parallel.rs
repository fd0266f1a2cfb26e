//! Work on many series at once.

use std::thread;

/// Steps of work (samples looked at, about) that are worth a thread.
const WORK_PER_THREAD: usize = 200_000;
/// One query leaves processors to others.
const MAX_THREADS: usize = 4;

/// What `f` gives for each of `items`, in their order; the first error in that order. `work` says how much there is to do
/// in all, which decides on the number of threads.
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: usize,
    f: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(MAX_THREADS).min(work / WORK_PER_THREAD).min(items.len());
    if threads < 2 {
        return items.iter().map(f).collect();
    }
    // Several parts a thread: series differ in length.
    let part = items.len().div_ceil(threads * 4);
    let parts: Vec<&[T]> = items.chunks(part).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(part) = parts.get(at) else { break };
            let result: Result<Vec<R>, E> = part.iter().map(&f).collect();
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
        let doubled = map(&items, usize::MAX, |i| Ok::<_, usize>(i * 2)).unwrap();
        assert!(doubled.iter().enumerate().all(|(i, v)| *v == i * 2) && doubled.len() == items.len());
        assert_eq!(
            map(&items, usize::MAX, |i| if i % 3_000 == 2_999 { Err(*i) } else { Ok(()) }),
            Err(2_999)
        );
        assert_eq!(map(&[] as &[usize], usize::MAX, |i| Ok::<_, ()>(*i)), Ok(vec![]));
    }
}
