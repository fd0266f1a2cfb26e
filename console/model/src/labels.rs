//! Label sets: sorted by name, names unique, values never empty.

use std::{
    cmp::Ordering,
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
};

use foldhash::fast::RandomState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{LabelName, Quoted, is_metric_name};

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One name and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    pub name: Arc<str>,
    pub value: Arc<str>,
}

/// An immutable label set, cheap to clone, to compare and to look up. Sorted by name; an empty value means that the label
/// is absent.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Of `all`, with this process' own seed.
    hash: u64,
    all: Arc<[Label]>,
}

/// A hash of text with this process' own seed.
pub fn text_hasher() -> impl Hasher {
    SEED.build_hasher()
}

/// Telemetry is anybody's text: the seed keeps label sets that collide on purpose from being prepared.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

impl Labels {
    fn new(all: Arc<[Label]>) -> Self {
        Self { hash: Self::hash_of(all.iter().map(|l| (&*l.name, &*l.value))), all }
    }

    /// The hash that a label set of these pairs has in this process; in their order, which is that of their names.
    pub fn hash_of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
        let mut hasher = SEED.build_hasher();
        for (name, value) in pairs {
            hasher.write(name.as_bytes());
            // No byte of UTF-8: names and values cannot run into each other.
            hasher.write_u8(0xff);
            hasher.write(value.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    /// As [`Labels::hash_of`], of these labels.
    #[inline]
    pub fn hash_value(&self) -> u64 {
        self.hash
    }

    /// Whether these are the pairs, in their order.
    pub fn are<'a>(&self, mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let mut mine = self.iter();
        pairs.all(|(name, value)| mine.next().is_some_and(|l| *l.name == *name && *l.value == *value))
            && mine.next().is_none()
    }

    /// Sorts, drops empty values, and lets the last of equal names win.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<Label> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            all.retain(|l| &*l.name != name);
            if !value.is_empty() {
                all.push(Label { name: name.into(), value: value.into() });
            }
        }
        all.sort();
        Self::new(all.into())
    }

    /// Takes labels that the caller has already sorted, without duplicates or empty values.
    pub fn from_sorted(labels: Vec<Label>) -> Self {
        debug_assert!(labels.windows(2).all(|w| w[0].name < w[1].name), "labels must be sorted and unique");
        Self::new(labels.into())
    }

    /// Whether both are copies of one label set: then they are equal. Others may be equal too.
    #[inline]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.all, &other.all)
    }

    /// The value of `name`, if the label is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all.binary_search_by(|l| (*l.name).cmp(name)).ok().map(|i| &*self.all[i].value)
    }

    /// As [`Labels::get`], looking first where it was found in a label set before, which `place` remembers.
    pub fn get_near(&self, name: &str, place: &mut usize) -> Option<&Arc<str>> {
        if let Some(l) = self.all.get(*place).filter(|l| *l.name == *name) {
            return Some(&l.value);
        }
        *place = self.all.binary_search_by(|l| (*l.name).cmp(name)).ok()?;
        Some(&self.all[*place].value)
    }

    /// The metric's name, or an empty string.
    pub fn metric_name(&self) -> &str {
        // Only names that begin with a capital letter come before it.
        match self.all.first() {
            Some(first) if *first.name == *METRIC_NAME => &first.value,
            _ => self.get(METRIC_NAME).unwrap_or_default(),
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Label> + Clone {
        self.all.iter()
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A copy with `name` set to `value`; an empty value removes it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::from_pairs(self.iter().map(|l| (&*l.name, &*l.value)).chain(std::iter::once((name, value))))
    }

    /// A copy with the labels for which `keep` answers true.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self::new(self.iter().filter(|l| keep(&l.name)).cloned().collect())
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl PartialEq for Labels {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (self.is_copy_of(other) || self.all == other.all)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_copy_of(other) {
            return Ordering::Equal;
        }
        // Stores share strings: most pairs are equal by their address alone.
        let text = |a: &Arc<str>, b: &Arc<str>| if Arc::ptr_eq(a, b) { Ordering::Equal } else { a.cmp(b) };
        let pairs = self.all.iter().zip(other.all.iter());
        let first = pairs
            .map(|(a, b)| text(&a.name, &b.name).then_with(|| text(&a.value, &b.value)))
            .find(|o| o.is_ne());
        first.unwrap_or_else(|| self.len().cmp(&other.len()))
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Label>::deserialize(deserializer).map(|all| Self::new(all.into()))
    }
}

/// `name{a="b", c="d"}`, as Prometheus prints a series.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let is_plain = is_metric_name(name);
        if is_plain {
            f.write_str(name)?;
        }
        let mut rest = self.iter().filter(|l| &*l.name != METRIC_NAME).peekable();
        if is_plain && rest.peek().is_none() {
            return Ok(());
        }
        f.write_str("{")?;
        let mut separator = "";
        if !is_plain && !name.is_empty() {
            write!(f, "{}", Quoted(name))?;
            separator = ", ";
        }
        for l in rest {
            write!(f, "{separator}{}={:?}", LabelName(&l.name), l.value)?;
            separator = ", ";
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_value_wins_and_empty_removes() {
        let l = Labels::from_pairs([("b", "1"), ("a", "2"), ("b", "3"), ("c", "")]);
        assert_eq!(l.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!(l.with("a", "").to_string(), r#"{b="3"}"#);
    }

    #[test]
    fn names_that_do_not_stand_for_themselves_are_written_in_quotes() {
        for (labels, wanted) in [
            (Labels::from_pairs([("__name__", "up")]), "up"),
            (Labels::from_pairs([("__name__", "up"), ("job", "a")]), r#"up{job="a"}"#),
            (Labels::from_pairs([("__name__", "a.b")]), r#"{"a.b"}"#),
            (Labels::from_pairs([("__name__", "a.b"), ("c.d", "1")]), r#"{"a.b", "c.d"="1"}"#),
            (Labels::default(), "{}"),
        ] {
            assert_eq!(labels.to_string(), wanted);
        }
    }

    #[test]
    fn sets_with_the_same_text_are_equal_and_ordered_as_their_pairs() {
        let of = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        let (short, long) = (of(&[("a", "1")]), of(&[("a", "1"), ("b", "1")]));
        assert_eq!(of(&[("a", "1")]), short);
        assert!(short.clone().is_copy_of(&short) && !of(&[("a", "1")]).is_copy_of(&short));
        let pairs = [("a", "1"), ("b", "1")];
        assert_eq!(Labels::hash_of(pairs.into_iter()), long.hash_value());
        assert!(long.are(pairs.into_iter()) && !short.are(pairs.into_iter()));
        assert_ne!(of(&[("a", "1b"), ("c", "2")]), of(&[("a", "1"), ("bc", "2")]));
        assert!(short < long && long < of(&[("a", "2")]) && of(&[]) < short);
    }
}
