//! Memory that stores may hold, counted for the whole process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A number of bytes that is shared out. Shared by `Arc`.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    used: AtomicU64,
}

impl MemoryBudget {
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit: limit_bytes, used: AtomicU64::new(0) })
    }

    /// Bytes for the caller until it drops the reservation; none when so many are not left.
    pub fn try_reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Reservation { budget: Arc::clone(self), bytes })
    }

    /// Bytes for what is there already and must be counted, over the limit too: what a log gives back at a start.
    pub fn reserve_over(self: &Arc<Self>, bytes: u64) -> Reservation {
        let add = |used: u64| Some(used.saturating_add(bytes));
        let used = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).unwrap_or(0);
        Reservation { budget: Arc::clone(self), bytes: bytes.min(u64::MAX - used) }
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub fn limit(&self) -> u64 {
        self.limit
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
        self.bytes -= back;
        self.budget.used.fetch_sub(back, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
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
        drop(a);
        assert_eq!(budget.used(), 0);
    }
}
