//! Configuration from environment variables: read once at start, all problems reported together.
//!
//! Reading never fails on the spot. A missing or malformed variable is noted and a stand-in value returned, so that the
//! operator sees every mistake in one go when [`Env::finish`] is called. Secrets do not print.

use std::any::type_name;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;

/// The process's environment and the problems found in it so far. Clones share both.
#[derive(Clone)]
pub struct Env {
    variables: Arc<HashMap<String, String>>,
    problems: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<Asked>>,
}

/// Which variables a process reads: what `--environment` tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Asked {
    /// Every name that was asked for.
    pub variables: BTreeSet<String>,
    /// What was missing and must be there: of each set one is enough.
    pub required: BTreeSet<BTreeSet<String>>,
}

/// A secret that does not appear in logs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// Everything that is wrong with the configuration, one line each.
#[derive(Debug, thiserror::Error)]
#[error("invalid configuration: {}", .0.join("; "))]
pub struct ConfigErrors(pub Vec<String>);

impl Env {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    /// An environment made of pairs, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables: Arc::new(variables), problems: Arc::default(), asked: Arc::default() }
    }

    /// A variable that must be there. When it is missing or malformed the problem is noted and `T::default()` returned.
    pub fn required<T: FromStr + Default>(&mut self, name: &str) -> T {
        match self.text(name) {
            Some(text) => self.parse(name, &text).unwrap_or_default(),
            None => {
                self.missing(name);
                self.note(format!("{name} is required"));
                T::default()
            }
        }
    }

    /// A variable with a default.
    pub fn optional<T: FromStr>(&mut self, name: &str, default: T) -> T {
        self.maybe(name).unwrap_or(default)
    }

    /// A variable that may be absent; empty counts as absent.
    pub fn maybe<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.parse(name, &text)
    }

    /// A secret that may be absent.
    pub fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret)
    }

    /// A comma-separated list that must have at least one entry, such as `ORDERS_URLS`.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let entries = self.list_or_empty(name);
        if entries.is_empty() {
            self.require(name, "a comma-separated list");
        }
        entries
    }

    /// A comma-separated list that may be empty.
    pub fn list_or_empty(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// Notes that a variable is required, with what it is. `A or B` says that one of two is.
    pub fn require(&mut self, name: &str, what: &str) {
        self.missing(name);
        self.note(format!("{name} is required: {what}"));
    }

    /// Notes a problem that the caller found itself (a value out of range, two that contradict).
    pub fn note(&mut self, problem: impl Into<String>) {
        self.problems.lock().push(problem.into());
    }

    /// All problems so far, or nothing when there are none.
    pub fn finish(&self) -> Result<(), ConfigErrors> {
        let problems = self.problems.lock();
        if problems.is_empty() { Ok(()) } else { Err(ConfigErrors(problems.clone())) }
    }

    /// What was asked for so far.
    pub fn asked(&self) -> Asked {
        self.asked.lock().clone()
    }

    fn missing(&self, name: &str) {
        self.asked.lock().required.insert(name.split(" or ").map(str::to_owned).collect());
    }

    fn text(&self, name: &str) -> Option<String> {
        self.asked.lock().variables.insert(name.to_owned());
        self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn parse<T: FromStr>(&mut self, name: &str, text: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            // The value itself may be a secret with a typing error: say what was expected, not what was there.
            let kind = type_name::<T>().rsplit("::").next().unwrap_or("value");
            self.note(format!("{name} is not a valid {kind}"));
        }
        parsed
    }
}

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one header or hash that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("problems", &self.problems.lock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_reported_together() {
        let mut env = Env::from_pairs([("PORT", "seventy"), ("PEERS", " , ")]);
        let _: String = env.required("DATABASE_URL");
        let port: u16 = env.optional("PORT", 7);
        let _ = env.list("PEERS");
        assert_eq!(port, 7);
        let ConfigErrors(problems) = env.finish().unwrap_err();
        assert_eq!(
            problems,
            [
                "DATABASE_URL is required",
                "PORT is not a valid u16",
                "PEERS is required: a comma-separated list"
            ]
        );
    }

    #[test]
    fn empty_counts_as_absent_and_lists_are_trimmed() {
        let mut env = Env::from_pairs([("A", " "), ("URLS", "http://a, http://b,")]);
        assert_eq!(env.maybe::<String>("A"), None);
        assert_eq!(env.list("URLS"), ["http://a", "http://b"]);
        env.finish().unwrap();
    }

    #[test]
    fn what_was_asked_for_is_remembered_also_of_clones() {
        let mut env = Env::from_pairs([("A", "1")]);
        let _: u16 = env.clone().required("A");
        let _ = env.maybe::<String>("B");
        env.require("C or D", "either");
        let Asked { variables, required } = env.asked();
        assert_eq!(variables.into_iter().collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(required, BTreeSet::from([BTreeSet::from(["C".to_owned(), "D".to_owned()])]));
    }

    #[test]
    fn secrets_do_not_print() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
