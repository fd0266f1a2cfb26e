//! Which messages were taken lately, so that one that is repeated is taken once. Not kept over a restart nor shared: an
//! alarm that comes again changes nothing by itself (`Alerting::tell`).

use std::collections::{HashSet, VecDeque};

/// SNS delivers to us far less in the hour for which a message is let in.
const MAX_MESSAGES: usize = 10_000;

#[derive(Default)]
pub struct Seen {
    ids: HashSet<String>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Seen {
    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub fn insert(&mut self, id: String) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut seen = Seen::default();
        seen.insert("a".to_owned());
        seen.insert("a".to_owned());
        (0..MAX_MESSAGES - 1).for_each(|n| seen.insert(n.to_string()));
        assert!(seen.contains("a") && seen.contains("0"));
        seen.insert("b".to_owned());
        assert!(!seen.contains("a") && seen.contains("0") && seen.contains("b"));
        assert_eq!((seen.ids.len(), seen.order.len()), (MAX_MESSAGES, MAX_MESSAGES));
    }
}
