//! Label sets: sorted by name, names unique, values never empty.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One name and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    pub name: Arc<str>,
    pub value: Arc<str>,
}

/// An immutable label set, cheap to clone. Sorted by name; an empty value means that the label is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Labels(Arc<[Label]>);

impl Labels {
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
        Self(all.into())
    }

    /// Takes labels that the caller has already sorted, without duplicates or empty values.
    pub fn from_sorted(labels: Vec<Label>) -> Self {
        debug_assert!(labels.windows(2).all(|w| w[0].name < w[1].name), "labels must be sorted and unique");
        Self(labels.into())
    }

    /// The value of `name`, if the label is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|l| (*l.name).cmp(name)).ok().map(|i| &*self.0[i].value)
    }

    /// The metric's name, or an empty string.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or_default()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Label> + Clone {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy with `name` set to `value`; an empty value removes it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::from_pairs(self.iter().map(|l| (&*l.name, &*l.value)).chain(std::iter::once((name, value))))
    }

    /// A copy with the labels for which `keep` answers true.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self(self.iter().filter(|l| keep(&l.name)).cloned().collect())
    }
}

/// `name{a="b", c="d"}`, as Prometheus prints a series.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        f.write_str(name)?;
        let rest = self.iter().filter(|l| &*l.name != METRIC_NAME);
        if name.is_empty() || rest.clone().next().is_some() {
            f.write_str("{")?;
            for (i, l) in rest.enumerate() {
                write!(f, "{}{}={:?}", if i == 0 { "" } else { ", " }, l.name, l.value)?;
            }
            f.write_str("}")?;
        }
        Ok(())
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
}
