//! Lines to patterns: Drain (He, Zhu, Zheng, Lyu 2017), with a fixed depth: lines meet their like by their number of
//! words and their first words, then by how many words they share. Everything is bounded; what does not fit is left out.

use std::collections::{BTreeMap, HashMap};

/// Stands for what differs.
pub const WILDCARD: &str = "<_>";

const MAX_WORDS: usize = 64;
/// Words that lead to a group.
const DEPTH: usize = 2;
const MAX_CLUSTERS: usize = 300;
/// Each has a cluster, or came too late for one.
const MAX_GROUPS: usize = 2 * MAX_CLUSTERS;
/// Clusters that one line is compared with.
const MAX_IN_GROUP: usize = 32;
/// The share of words that lines of one pattern have in common.
const SIMILARITY: f64 = 0.5;
const MAX_LINE_BYTES: usize = 3_000;

pub struct Cluster {
    words: Vec<String>,
    pub lines: u64,
    /// Lines by the beginning of a step.
    pub steps: BTreeMap<i64, u64>,
}

impl Cluster {
    pub fn pattern(&self) -> String {
        self.words.join(" ")
    }

    /// Words that are not wildcards.
    fn is_telling(&self) -> bool {
        self.words.iter().any(|w| w != WILDCARD)
    }

    fn similarity(&self, words: &[&str]) -> f64 {
        let same = self.words.iter().zip(words).filter(|(mine, theirs)| mine == *theirs).count();
        same as f64 / words.len().max(1) as f64
    }
}

#[derive(Default)]
pub struct Drain {
    groups: HashMap<(usize, Vec<String>), Vec<usize>>,
    clusters: Vec<Cluster>,
}

impl Drain {
    pub fn learn(&mut self, line: &str, step_ns: i64) {
        if line.len() > MAX_LINE_BYTES {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().take(MAX_WORDS + 1).collect();
        if words.is_empty() || words.len() > MAX_WORDS {
            return;
        }
        // Numbers and ids differ anyway.
        let words: Vec<&str> = words
            .into_iter()
            .map(|w| if w.bytes().any(|b| b.is_ascii_digit()) { masked(w) } else { w })
            .collect();
        let lead = words.iter().take(DEPTH).map(|w| (*w).to_owned()).collect();
        let key = (words.len(), lead);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return;
        }
        let group = self.groups.entry(key).or_default();
        let best = group
            .iter()
            .map(|at| (self.clusters[*at].similarity(&words), *at))
            .filter(|(similarity, _)| *similarity >= SIMILARITY)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let at = match best {
            Some((_, at)) => {
                for (mine, theirs) in self.clusters[at].words.iter_mut().zip(&words) {
                    if mine != theirs {
                        *mine = WILDCARD.to_owned();
                    }
                }
                at
            }
            None if self.clusters.len() < MAX_CLUSTERS && group.len() < MAX_IN_GROUP => {
                let words = words.iter().map(|w| (*w).to_owned()).collect();
                self.clusters.push(Cluster { words, lines: 0, steps: BTreeMap::new() });
                group.push(self.clusters.len() - 1);
                self.clusters.len() - 1
            }
            None => return,
        };
        self.clusters[at].lines += 1;
        *self.clusters[at].steps.entry(step_ns).or_default() += 1;
    }

    /// The most frequent first; patterns of wildcards alone say nothing.
    pub fn finish(mut self) -> Vec<Cluster> {
        self.clusters.retain(Cluster::is_telling);
        self.clusters.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.words.cmp(&b.words)));
        self.clusters
    }
}

/// A word with digits: `key=` stays before what differs.
fn masked(word: &str) -> &str {
    match word.split_once('=') {
        // A pair whose value has no digits is a word as any other.
        Some((_, value)) if !value.bytes().any(|b| b.is_ascii_digit()) => word,
        _ => WILDCARD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_a_word_share_a_pattern() {
        let mut drain = Drain::default();
        for i in 0..10 {
            drain.learn(&format!("order {i} accepted for user{i} by phone"), i64::from(i % 2));
        }
        for name in ["ann", "bob", "eve"] {
            drain.learn(&format!("login failed for {name} from the web"), 0);
        }
        drain.learn("something else entirely", 0);
        let found = drain.finish();
        let told: Vec<(String, u64)> = found.iter().map(|c| (c.pattern(), c.lines)).collect();
        assert_eq!(
            told,
            [
                ("order <_> accepted for <_> by phone".to_owned(), 10),
                ("login failed for <_> from the web".to_owned(), 3),
                ("something else entirely".to_owned(), 1),
            ]
        );
        assert_eq!(found[0].steps, BTreeMap::from([(0, 5), (1, 5)]));
    }

    #[test]
    fn no_stream_of_new_lines_makes_it_grow() {
        let mut drain = Drain::default();
        let letters = |mut n: usize| {
            let mut out = String::new();
            while n > 0 {
                out.push(char::from(b'a' + (n % 26) as u8));
                n /= 26;
            }
            out
        };
        for i in 1..5_000 {
            drain.learn(&format!("{} {} {}", letters(i), letters(i * 7), letters(i * 13)), 0);
        }
        assert_eq!(drain.clusters.len(), MAX_CLUSTERS);
        assert_eq!(drain.groups.len(), MAX_GROUPS);
    }
}
