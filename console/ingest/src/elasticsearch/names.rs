//! Indices and data streams that were created or written to since the start: what `HEAD /{index}` answers from.

use std::collections::BTreeSet;

use http::StatusCode;
use parking_lot::Mutex;

use super::bulk::Fault;

/// Names kept; of more, those first in the alphabet are forgotten, which clients take for an index that is gone.
const MAX_NAMES: usize = 10_000;
/// Elasticsearch's own bound on a name.
const MAX_NAME_BYTES: usize = 255;

#[derive(Debug, Default)]
pub struct Names(Mutex<BTreeSet<String>>);

impl Names {
    pub fn add(&self, name: &str) {
        let mut names = self.0.lock();
        if names.contains(name) {
            return;
        }
        if names.len() >= MAX_NAMES {
            names.pop_first();
        }
        names.insert(name.to_owned());
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.lock().contains(name)
    }
}

/// Refuses what Elasticsearch calls no name of an index ("Create index API", "Path parameters").
pub fn check(name: &str) -> Result<(), Fault> {
    let wrong = |what: String| {
        let shown: String = name.chars().take(64).collect();
        let message = format!("Invalid index name [{shown}], {what}");
        Err(Fault::new(StatusCode::BAD_REQUEST, "invalid_index_name_exception", "invalid_index", message))
    };
    if name.is_empty() {
        return wrong("must not be empty".to_owned());
    }
    if name.len() > MAX_NAME_BYTES {
        return wrong(format!("index name is too long, ({} > {MAX_NAME_BYTES})", name.len()));
    }
    if name.starts_with(['_', '-', '+']) || name == "." || name == ".." {
        return wrong("must not start with '_', '-', or '+', nor be '.' or '..'".to_owned());
    }
    let forbidden = |c: char| c.is_control() || " \"*\\<|,>/?#:".contains(c);
    if let Some(c) = name.chars().find(|c| forbidden(*c)) {
        return wrong(format!("must not contain {c:?}"));
    }
    if name.chars().any(char::is_uppercase) {
        return wrong("must be lowercase".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_make_room() {
        let names = Names::default();
        for i in 0..=MAX_NAMES {
            names.add(&format!("logs-{i:06}"));
        }
        assert!(!names.contains("logs-000000") && names.contains("logs-010000"));
        assert_eq!(names.0.lock().len(), MAX_NAMES);
    }

    #[test]
    fn names_that_elasticsearch_refuses_are_refused() {
        for good in ["logs-nginx-default", ".ds-x", "logstash-2026.12.01", "é"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "empty"),
            ("_x", "start"),
            ("a b", "contain"),
            ("Logs", "lowercase"),
            (&"a".repeat(256), "too long"),
        ] {
            let message = check(bad).unwrap_err().message;
            assert!(message.contains(why), "{message}");
        }
    }
}
