//! What was read last, and since when reading fails.

use std::sync::Arc;

use chrono::DateTime;
use console_storage::SourceError;
use parking_lot::RwLock;

/// One backend's last answer.
pub struct Snapshot<T> {
    /// As an error names it: `Alertmanager at http://…`.
    backend: String,
    /// An answer that is older says nothing any more.
    stale_after_ms: i64,
    last: RwLock<Last<T>>,
}

struct Last<T> {
    answer: Option<(Arc<T>, i64)>,
    /// Since when, and why.
    failing: Option<(i64, SourceError)>,
}

impl<T> Snapshot<T> {
    pub fn new(backend: String, stale_after_ms: i64) -> Self {
        Self { backend, stale_after_ms, last: RwLock::new(Last { answer: None, failing: None }) }
    }

    /// Whether this is another outcome than before: an outage is logged once.
    pub fn put(&self, answer: Result<T, SourceError>, now_ms: i64) -> bool {
        let mut last = self.last.write();
        match answer {
            Ok(answer) => {
                last.answer = Some((Arc::new(answer), now_ms));
                last.failing.take().is_some()
            }
            Err(error) => {
                let since = last.failing.as_ref().map(|(since, _)| *since);
                last.failing = Some((since.unwrap_or(now_ms), error));
                since.is_none()
            }
        }
    }

    /// The answer, when it is fresh enough.
    pub fn get(&self, now_ms: i64) -> Result<Arc<T>, SourceError> {
        let last = self.last.read();
        match &last.answer {
            Some((answer, at)) if now_ms - at <= self.stale_after_ms => Ok(answer.clone()),
            _ => Err(self.blind(&last)),
        }
    }

    /// The last answer, however old it is.
    pub fn last(&self) -> Option<Arc<T>> {
        self.last.read().answer.as_ref().map(|(answer, _)| answer.clone())
    }

    fn blind(&self, last: &Last<T>) -> SourceError {
        let reason = match (&last.failing, &last.answer) {
            (Some((since, error)), _) => format!("since {}: {}", clock(*since), why(error)),
            (None, Some((_, at))) => format!("nothing was heard of it after {}", clock(*at)),
            (None, None) => "it has not answered yet".to_owned(),
        };
        SourceError::Unavailable { backend: self.backend.clone(), reason }
    }
}

/// The backend is named once.
fn why(error: &SourceError) -> String {
    match error {
        SourceError::Unavailable { reason, .. } => reason.clone(),
        SourceError::Timeout => "it does not answer in time".to_owned(),
        other => other.to_string(),
    }
}

fn clock(at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_a_while_and_then_it_is_told_since_when() {
        let snapshot = Snapshot::new("it".to_owned(), 100);
        let told = |now| snapshot.get(now).map(|a: Arc<u8>| *a).map_err(|e| e.to_string());
        assert_eq!(told(0), Err("it is unavailable: it has not answered yet".to_owned()));
        assert!(!snapshot.put(Ok(7), 0));
        let down = || SourceError::Unavailable { backend: "x".into(), reason: "refused".into() };
        assert!(snapshot.put(Err(down()), 50));
        assert!(!snapshot.put(Err(down()), 90));
        assert_eq!(told(100), Ok(7));
        assert_eq!(told(101), Err("it is unavailable: since 1970-01-01 00:00:00 UTC: refused".to_owned()));
        assert!(snapshot.put(Ok(8), 200));
        assert_eq!((told(200), told(301).is_err()), (Ok(8), true));
    }
}
