//! Values under rising numbers that are never used twice.

use std::collections::VecDeque;

/// Looks up by place. What is removed leaves eight bytes behind until all that is older is gone too.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// The number of the first slot.
    base: u32,
    slots: VecDeque<Option<Box<T>>>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { base: 0, slots: VecDeque::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number that the next value gets.
    pub fn next(&self) -> u32 {
        self.base + self.slots.len() as u32
    }

    pub fn push(&mut self, value: T) -> u32 {
        let id = self.next();
        self.slots.push_back(Some(Box::new(value)));
        self.len += 1;
        id
    }

    fn slot(&self, id: u32) -> Option<usize> {
        id.checked_sub(self.base).map(|at| at as usize)
    }

    pub fn get(&self, id: u32) -> Option<&T> {
        self.slots.get(self.slot(id)?)?.as_deref()
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        let at = self.slot(id)?;
        self.slots.get_mut(at)?.as_deref_mut()
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// At most `slots` numbers from `from` on, those that are there; and where to go on, none at the end.
    pub fn step(&mut self, from: u32, slots: usize) -> (impl Iterator<Item = &mut T>, Option<u32>) {
        let start = self.slot(from).unwrap_or(0).min(self.slots.len());
        let end = start.saturating_add(slots).min(self.slots.len());
        let next = (end < self.slots.len()).then_some(self.base + end as u32);
        (self.slots.range_mut(start..end).filter_map(Option::as_deref_mut), next)
    }

    /// Keeps what `keep` wants; answers the numbers of the rest.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) -> Vec<u32> {
        let mut gone = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.as_deref_mut().is_some_and(|value| !keep(value)) {
                *slot = None;
                gone.push(self.base + at as u32);
            }
        }
        self.len -= gone.len();
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
            self.base += 1;
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_when_others_go() {
        let mut slab = Slab::default();
        let ids: Vec<u32> = (0..5).map(|v| slab.push(v * 10)).collect();
        assert_eq!(slab.retain(|v| *v == 10 || *v == 30), [ids[0], ids[2], ids[4]]);
        assert_eq!(
            (slab.len(), slab.get(ids[1]), slab.get(ids[2]), slab.get(ids[3])),
            (2, Some(&10), None, Some(&30))
        );
        assert_eq!(slab.get(ids[0]), None);
        assert_eq!(slab.push(50), 5);
        let (seen, next) = slab.step(0, 2);
        assert_eq!((seen.map(|v| *v).collect::<Vec<_>>(), next), (vec![10], Some(3)));
        let (seen, next) = slab.step(3, 9);
        assert_eq!((seen.map(|v| *v).collect::<Vec<_>>(), next), (vec![30, 50], None));
    }
}
