//! How many requests a server works on at a time, found out from how long they take.
//!
//! The gradient algorithm of Netflix's concurrency-limits (Gradient2): while requests take about as long as usual, the
//! limit grows by the square root of itself; when they take more than twice as long, work queues up somewhere, and the
//! limit shrinks by that ratio. It starts at its upper bound, so that it is felt only under overload, and never goes below
//! its lower bound, because one slow dependency must not close a service.
//!
//! Who finds the server full waits a moment in a line of bounded length, first come first served: a rush of shoppers is
//! worked off instead of turned away. Who cannot wait that long is asked to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout_at;

/// Requests may take so much longer than usual before that counts as a queue.
const TOLERANCE: f64 = 2.0;
/// Share of one request in the usual duration.
const USUAL_SHARE: f64 = 2.0 / 601.0;
/// Share of one request in the limit.
const LIMIT_SHARE: f64 = 0.2;

/// The limit of one server.
#[derive(Debug)]
pub(super) struct ConcurrencyLimit {
    lowest: f64,
    highest: f64,
    in_flight: AtomicUsize,
    limit: AtomicUsize,
    waiting: AtomicUsize,
    most_waiting: usize,
    freed: Notify,
    state: Mutex<State>,
}

/// A request in progress. Its place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    limit: Arc<ConcurrencyLimit>,
    started: Instant,
    in_flight: usize,
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// Seconds that a request takes as a rule; nothing before the first.
    usual: Option<f64>,
}

impl ConcurrencyLimit {
    /// Between these bounds, starting at the upper one; at most `most_waiting` wait for a place.
    pub(super) fn new(lowest: usize, highest: usize, most_waiting: usize) -> Self {
        let highest = highest.max(1);
        let lowest = lowest.clamp(1, highest);
        Self {
            lowest: lowest as f64,
            highest: highest as f64,
            in_flight: AtomicUsize::new(0),
            limit: AtomicUsize::new(highest),
            waiting: AtomicUsize::new(0),
            most_waiting,
            freed: Notify::new(),
            state: Mutex::new(State { limit: highest as f64, usual: None }),
        }
    }

    /// A place for one more request; when the server is full, the next free one within `max_wait`.
    pub(super) async fn enter_within(self: &Arc<Self>, max_wait: Duration) -> Option<Place> {
        // Nobody overtakes those who wait.
        if self.waiting.load(Ordering::Acquire) == 0
            && let Some(place) = self.enter()
        {
            return Some(place);
        }
        let _place_in_line = Waiting::join(self)?;
        let until = tokio::time::Instant::now() + max_wait;
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.enter() {
                return Some(place);
            }
            timeout_at(until, freed).await.ok()?;
        }
    }

    /// A place for one more request, unless the server is full.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let limit = self.limit();
        let next = |in_flight: usize| (in_flight < limit).then_some(in_flight + 1);
        let before = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(Place { limit: self.clone(), started: Instant::now(), in_flight: before + 1 })
    }

    /// How many requests are worked on at a time now.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }

    fn learn(&self, took: Duration, in_flight: usize) {
        // Whoever comes while another learns is one of very many.
        let Some(mut state) = self.state.try_lock() else { return };
        let took = took.as_secs_f64().max(1e-6);
        let mut usual = state.usual.map_or(took, |usual| usual + (took - usual) * USUAL_SHARE);
        // After a long overload the usual duration is far too long: forget it quickly.
        if usual / took > TOLERANCE {
            usual *= 0.95;
        }
        state.usual = Some(usual);
        // With few requests their duration says nothing about how many would be too many.
        if (in_flight as f64) < state.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * usual / took).clamp(0.5, 1.0);
        let wanted = state.limit * gradient + state.limit.sqrt();
        state.limit += (wanted - state.limit) * LIMIT_SHARE;
        state.limit = state.limit.clamp(self.lowest, self.highest);
        self.limit.store(state.limit as usize, Ordering::Release);
    }
}

impl Place {
    /// The request was answered: its duration counts.
    pub(super) fn answered(self) {
        self.limit.learn(self.started.elapsed(), self.in_flight);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limit.in_flight.fetch_sub(1, Ordering::AcqRel);
        if self.limit.waiting.load(Ordering::Acquire) > 0 {
            self.limit.freed.notify_one();
        }
    }
}

/// A place in the line.
struct Waiting<'a>(&'a ConcurrencyLimit);

impl<'a> Waiting<'a> {
    fn join(limit: &'a ConcurrencyLimit) -> Option<Self> {
        let next = |waiting: usize| (waiting < limit.most_waiting).then_some(waiting + 1);
        limit.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(Self(limit))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
        // A signal that came while this one left belongs to the next.
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(10);

    fn busy(limit: &ConcurrencyLimit, took: Duration, requests: usize) {
        (0..requests).for_each(|_| limit.learn(took, limit.limit()));
    }

    #[tokio::test]
    async fn full_server_refuses_after_a_while_and_a_dropped_request_frees_its_place() {
        let limit = Arc::new(ConcurrencyLimit::new(1, 2, 8));
        let (first, second) = (limit.enter(), limit.enter());
        assert!(first.is_some() && second.is_some() && limit.enter().is_none());
        assert!(limit.enter_within(USUAL).await.is_none());
        drop(second);
        assert!(limit.enter_within(USUAL).await.is_some());
        assert_eq!((limit.waiting.load(Ordering::Acquire), limit.in_flight.load(Ordering::Acquire)), (0, 1));
    }

    #[tokio::test]
    async fn a_rush_is_worked_off_and_only_what_does_not_fit_in_the_line_is_refused() {
        const RUSH: usize = 100;
        let limit = Arc::new(ConcurrencyLimit::new(1, 2, RUSH - 20));
        let work = (0..RUSH).map(|_| {
            let limit = limit.clone();
            tokio::spawn(async move {
                let place = limit.enter_within(Duration::from_mins(1)).await?;
                tokio::task::yield_now().await;
                drop(place);
                Some(())
            })
        });
        let done = futures::future::join_all(work).await;
        let served = done.iter().filter(|it| matches!(it, Ok(Some(())))).count();
        assert_eq!(served, RUSH - 20 + 2);
        assert_eq!((limit.waiting.load(Ordering::Acquire), limit.in_flight.load(Ordering::Acquire)), (0, 0));
    }

    #[test]
    fn limit_shrinks_while_requests_queue_and_grows_again_after() {
        let limit = ConcurrencyLimit::new(20, 500, 0);
        busy(&limit, USUAL, 1000);
        assert_eq!(limit.limit(), 500, "as usual");
        busy(&limit, USUAL * 10, 60);
        let overloaded = limit.limit();
        assert!(overloaded < 100, "{overloaded}");
        busy(&limit, USUAL, 2000);
        assert_eq!(limit.limit(), 500, "over");
    }

    #[test]
    fn limit_keeps_its_bounds_and_a_quiet_server_learns_nothing_about_it() {
        let limit = ConcurrencyLimit::new(20, 500, 0);
        busy(&limit, USUAL, 100);
        busy(&limit, USUAL * 1000, 150);
        assert!(limit.limit() >= 20);
        let quiet = ConcurrencyLimit::new(20, 500, 0);
        quiet.learn(USUAL, 1);
        (0..100).for_each(|_| quiet.learn(USUAL * 50, 1));
        assert_eq!(quiet.limit(), 500);
    }
}
