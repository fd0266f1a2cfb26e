//! Memory that the stores of a process may hold, shared out.
//!
//! A [`MemoryBudget`] is one store's share of a [`MemoryPool`]. Each share has bytes that nobody else gets (its guarantee);
//! what the guarantees leave over is for whoever asks first. So a store that holds all that is left over keeps no other
//! from its own part, and nobody ever waits for memory of somebody else: a request is granted or refused at once.
//!
//! Caches hold reservations too, but never keep anybody from memory: before a request is refused, caches are told to let
//! go, the share's own first.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Something that can do with less, and be asked for it by any thread at any time.
pub trait Reclaim: Send + Sync {
    /// Lets go of about so many bytes of reservations; answers how many it were. Asks for no memory itself.
    fn reclaim(&self, bytes: u64) -> u64;
}

/// What there is for all stores together.
pub struct MemoryPool {
    limit: u64,
    ledger: Mutex<Ledger>,
    /// With the number of its share. Never locked by who holds `ledger`.
    caches: Mutex<Vec<(usize, Weak<dyn Reclaim>)>>,
}

#[derive(Debug, Default)]
struct Ledger {
    shares: Vec<Account>,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    guaranteed: u64,
    used: u64,
}

impl Account {
    /// Bytes that are not its own.
    fn excess(&self) -> u64 {
        self.used.saturating_sub(self.guaranteed)
    }
}

/// Guarantees together are more than the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("guaranteed shares of {guaranteed} bytes are more than the pool of {limit}")]
pub struct Overcommitted {
    pub guaranteed: u64,
    pub limit: u64,
}

impl MemoryPool {
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit: limit_bytes, ledger: Mutex::default(), caches: Mutex::default() })
    }

    /// A share that always has `guaranteed_bytes`.
    pub fn share(self: &Arc<Self>, guaranteed_bytes: u64) -> Result<Arc<MemoryBudget>, Overcommitted> {
        let mut ledger = self.ledger.lock();
        let others = ledger.shares.iter().map(|s| s.guaranteed);
        let guaranteed = others.fold(guaranteed_bytes, u64::saturating_add);
        if guaranteed > self.limit {
            return Err(Overcommitted { guaranteed, limit: self.limit });
        }
        ledger.shares.push(Account { guaranteed: guaranteed_bytes, used: 0 });
        Ok(Arc::new(MemoryBudget { number: ledger.shares.len() - 1, pool: Arc::clone(self) }))
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that all shares hold.
    pub fn used(&self) -> u64 {
        self.ledger.lock().shares.iter().map(|s| s.used).fold(0, u64::saturating_add)
    }

    /// Counts bytes as held by a share, if they are left. The error is how many are not.
    fn take(&self, number: usize, bytes: u64) -> Result<(), u64> {
        let mut ledger = self.ledger.lock();
        let shares = &ledger.shares;
        let used = shares[number].used.checked_add(bytes).ok_or(bytes)?;
        let taken = shares.iter().map(|s| s.guaranteed.max(s.used)).fold(0, u64::saturating_add);
        let wanted = used.saturating_sub(shares[number].guaranteed.max(shares[number].used));
        match wanted.saturating_sub(self.limit.saturating_sub(taken)) {
            0 => {
                ledger.shares[number].used = used;
                Ok(())
            }
            missing => Err(missing),
        }
    }

    /// Asks caches for bytes, those of the share itself first. Others only for what is not their own.
    fn reclaim(&self, number: usize, bytes: u64) {
        let caches: Vec<(usize, Arc<dyn Reclaim>)> = {
            let mut caches = self.caches.lock();
            caches.retain(|(_, cache)| cache.strong_count() > 0);
            caches.iter().filter_map(|(share, cache)| Some((*share, cache.upgrade()?))).collect()
        };
        let mut missing = bytes;
        for own in [true, false] {
            for (share, cache) in caches.iter().filter(|(share, _)| (*share == number) == own) {
                let most = if own { u64::MAX } else { self.ledger.lock().shares[*share].excess() };
                missing = missing.saturating_sub(cache.reclaim(missing.min(most)));
                if missing == 0 {
                    return;
                }
            }
        }
    }
}

impl std::fmt::Debug for MemoryPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryPool")
            .field("limit", &self.limit)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

/// One store's share. Used by `Arc`.
#[derive(Debug)]
pub struct MemoryBudget {
    pool: Arc<MemoryPool>,
    number: usize,
}

impl MemoryBudget {
    /// A pool of its own.
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        let pool = MemoryPool::new(limit_bytes);
        pool.ledger.lock().shares.push(Account { guaranteed: limit_bytes, used: 0 });
        Arc::new(Self { pool, number: 0 })
    }

    /// Bytes for the caller until it drops the reservation; none when so many are not left, although caches let go. Not to
    /// be called by a cache.
    pub fn try_reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        match self.pool.take(self.number, bytes) {
            Ok(()) => Some(self.reservation(bytes)),
            // A request that can never be met empties no cache.
            Err(_) if bytes > self.pool.limit => None,
            Err(missing) => {
                self.pool.reclaim(self.number, missing);
                self.try_reserve_spare(bytes)
            }
        }
    }

    fn reservation(self: &Arc<Self>, bytes: u64) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes }
    }

    /// As [`MemoryBudget::try_reserve`], without asking caches: for caches themselves.
    pub fn try_reserve_spare(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        self.pool.take(self.number, bytes).is_ok().then(|| self.reservation(bytes))
    }

    /// Bytes for what is there already and must be counted, over the limit too: what a log gives back at a start.
    pub fn reserve_over(self: &Arc<Self>, bytes: u64) -> Reservation {
        let mut ledger = self.pool.ledger.lock();
        let used = &mut ledger.shares[self.number].used;
        let bytes = bytes.min(u64::MAX - *used);
        *used += bytes;
        self.reservation(bytes)
    }

    /// Lets requests that find no room ask a cache of this share.
    pub fn add_cache(&self, cache: Weak<dyn Reclaim>) {
        self.pool.caches.lock().push((self.number, cache));
    }

    fn account(&self) -> Account {
        self.pool.ledger.lock().shares[self.number]
    }

    /// Bytes that the share holds.
    pub fn used(&self) -> u64 {
        self.account().used
    }

    pub fn guaranteed(&self) -> u64 {
        self.account().guaranteed
    }

    /// What the pool has for all shares.
    pub fn limit(&self) -> u64 {
        self.pool.limit
    }
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl Reservation {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over what another reservation of the same budget holds.
    pub fn join(&mut self, mut other: Self) {
        if Arc::ptr_eq(&self.budget, &other.budget) {
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        if back > 0 {
            self.bytes -= back;
            self.budget.pool.ledger.lock().shares[self.budget.number].used -= back;
        }
    }

    /// Holds just so many, over the limit too: for what was measured after it was there.
    pub fn resize_to(&mut self, bytes: u64) {
        if bytes > self.bytes {
            let more = self.budget.reserve_over(bytes - self.bytes);
            self.join(more);
        } else {
            self.shrink_to(bytes);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicU64, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn what_is_reserved_is_given_back_and_never_more_than_the_limit_is_out() {
        let budget = MemoryBudget::new(100);
        let mut a = budget.try_reserve(60).unwrap();
        assert!(budget.try_reserve(41).is_none() && budget.try_reserve(u64::MAX).is_none());
        a.join(budget.try_reserve(40).unwrap());
        assert_eq!((a.bytes(), budget.used(), budget.limit()), (100, 100, 100));
        let over = budget.reserve_over(50);
        assert_eq!(budget.used(), 150);
        drop(over);
        a.shrink_to(10);
        assert_eq!(budget.used(), 10);
        a.resize_to(30);
        assert_eq!((a.bytes(), budget.used()), (30, 30));
        drop(a);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_share_that_holds_all_that_is_left_over_starves_no_other() {
        let pool = MemoryPool::new(100);
        let shares: Vec<_> = [20, 20, 20].map(|own| pool.share(own).unwrap()).into();
        // 20 of its own, and the 40 that nobody was promised.
        let greedy = shares[0].try_reserve(60).unwrap();
        assert!(shares[0].try_reserve(1).is_none());
        let small: Vec<_> = shares[1..].iter().map(|s| s.try_reserve(20).unwrap()).collect();
        assert!(shares[1].try_reserve(1).is_none());
        assert_eq!(pool.used(), 100);
        drop(greedy);
        let more = shares[1].try_reserve(40).unwrap();
        assert!(shares[2].try_reserve(1).is_none() && shares[0].try_reserve(20).is_some());
        drop((small, more));
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn a_share_over_its_limit_takes_no_other_s_guarantee() {
        let pool = MemoryPool::new(100);
        let (a, b) = (pool.share(20).unwrap(), pool.share(20).unwrap());
        let log = a.reserve_over(500);
        assert!(a.try_reserve(1).is_none());
        let own = b.try_reserve(20);
        assert!(own.is_some() && b.try_reserve(1).is_none());
        drop(log);
        assert!(b.try_reserve(60).is_some());
    }

    #[test]
    fn guarantees_that_are_more_than_the_pool_are_refused() {
        let pool = MemoryPool::new(100);
        pool.share(60).unwrap();
        assert_eq!(pool.share(41).unwrap_err(), Overcommitted { guaranteed: 101, limit: 100 });
        assert_eq!(pool.share(40).unwrap().guaranteed(), 40);
    }

    /// Lets go of all that it is asked for.
    struct Cache(Mutex<Reservation>);

    impl Reclaim for Cache {
        fn reclaim(&self, bytes: u64) -> u64 {
            let mut held = self.0.lock();
            let before = held.bytes();
            held.shrink_to(before.saturating_sub(bytes));
            before - held.bytes()
        }
    }

    #[test]
    fn caches_give_way_the_share_s_own_first_and_others_keep_what_is_guaranteed() {
        let pool = MemoryPool::new(100);
        let (a, b) = (pool.share(30).unwrap(), pool.share(30).unwrap());
        let cache_of = |share: &Arc<MemoryBudget>, bytes| {
            let cache = Arc::new(Cache(Mutex::new(share.try_reserve(bytes).unwrap())));
            let weak: Weak<dyn Reclaim> = Arc::downgrade(&(Arc::clone(&cache) as Arc<dyn Reclaim>));
            share.add_cache(weak);
            cache
        };
        let (own, other) = (cache_of(&a, 20), cache_of(&b, 70));
        let bytes = || (own.0.lock().bytes(), other.0.lock().bytes());
        let head = a.try_reserve(20).unwrap();
        assert_eq!(bytes(), (10, 70), "what is missing, of its own");
        let more = a.try_reserve(40).unwrap();
        assert_eq!((bytes(), pool.used()), ((0, 40), 100));
        assert!(a.try_reserve(20).is_none());
        assert_eq!(bytes(), (0, 30), "no less than its guarantee");
        drop((head, more));
    }

    #[test]
    fn many_threads_never_hold_more_than_there_is_and_leave_nothing_behind() {
        const LIMIT: u64 = 1000;
        let pool = MemoryPool::new(LIMIT);
        let shares: Vec<_> = [100, 200, 300].map(|own| pool.share(own).unwrap()).into();
        let fourth = pool.share(50).unwrap();
        let (granted, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            let (pool, is_over) = (&pool, &is_over);
            for (n, share) in (0u64..).zip(shares.iter().cycle().take(9)) {
                let granted = &granted;
                scope.spawn(move || {
                    let mut held: Vec<Reservation> = Vec::new();
                    for i in 0..5_000u64 {
                        if let Some(more) = share.try_reserve(1 + (i * 7 + n * 13) % 97) {
                            granted.fetch_add(1, Ordering::Relaxed);
                            held.push(more);
                        }
                        if i % 3 == 0 || held.len() > 8 {
                            held.pop();
                        }
                    }
                });
            }
            let watcher = scope.spawn(move || {
                let mut most = 0;
                while !is_over.load(Ordering::Relaxed) {
                    most = most.max(pool.used());
                }
                most
            });
            // Whoever asks for its own part gets it, whatever the others do.
            for _ in 0..5_000 {
                assert!(fourth.try_reserve(50).is_some());
            }
            is_over.store(true, Ordering::Relaxed);
            let most = watcher.join().unwrap();
            assert!(most <= LIMIT, "{most}");
        });
        assert!(granted.load(Ordering::Relaxed) > 1_000);
        assert_eq!(pool.used(), 0);
    }
}
