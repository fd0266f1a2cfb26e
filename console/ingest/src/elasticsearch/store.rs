//! Writes documents and finds out which of them the store refuses: it counts those of a write and names the first.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    log::{LogStream, Streams},
};
use console_storage::{AppendError, logs::LogAppender};
use http::StatusCode;

use super::{bulk::Fault, document::Document};
use crate::refusal::{Refusal, append_reason};

/// What became of each document, in their order. `Err` where the sender should come back with all of them: an entry that
/// comes twice is stored once.
///
/// What the store would refuse is asked before and left out, so that all is written at once. Only where the store refuses
/// more than it told (a stream too many) is each stream written by itself, and of one that is refused in part each
/// document: no document is written more than three times.
pub fn append(logs: &dyn LogAppender, documents: &[&Document]) -> Result<Vec<Option<Fault>>, Refusal> {
    let mut faults: Vec<Option<Fault>> =
        documents.iter().map(|d| logs.check(&d.labels, &d.entry).err().map(|e| fault(&e))).collect();
    let good: Vec<usize> = (0..documents.len()).filter(|place| faults[*place].is_none()).collect();
    if write(logs, documents, &good)?.is_whole() {
        return Ok(faults);
    }
    let mut streams: BTreeMap<&Labels, Vec<usize>> = BTreeMap::new();
    for place in good {
        streams.entry(&documents[place].labels).or_default().push(place);
    }
    for places in streams.values() {
        match write(logs, documents, places)? {
            Verdict::Whole => {}
            Verdict::Nothing(error) => refuse(&mut faults, places, &error),
            Verdict::Part => {
                for place in places {
                    let place = std::slice::from_ref(place);
                    if let Verdict::Nothing(error) = write(logs, documents, place)? {
                        refuse(&mut faults, place, &error);
                    }
                }
            }
        }
    }
    Ok(faults)
}

/// What a store made of some documents.
enum Verdict {
    Whole,
    /// Some were refused, and it is not known which.
    Part,
    Nothing(AppendError),
}

impl Verdict {
    fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }
}

fn write(logs: &dyn LogAppender, documents: &[&Document], places: &[usize]) -> Result<Verdict, Refusal> {
    if places.is_empty() {
        return Ok(Verdict::Whole);
    }
    let (accepted, error) = match logs.append(streams(documents, places)) {
        Ok((outcome, _)) if outcome.rejected == 0 => return Ok(Verdict::Whole),
        Ok((outcome, error)) => (
            outcome.accepted,
            error.unwrap_or_else(|| AppendError::Invalid("refused by the store".to_owned())),
        ),
        Err(error) => (0, error),
    };
    match error {
        AppendError::Busy { .. } | AppendError::Storage(_) => Err(error.into()),
        _ if accepted > 0 => Ok(Verdict::Part),
        error => Ok(Verdict::Nothing(error)),
    }
}

fn refuse(faults: &mut [Option<Fault>], places: &[usize], error: &AppendError) {
    for place in places {
        faults[*place] = Some(fault(error));
    }
}

/// A limit is no reason to come back here: an entry that is too long, too old or too new remains so.
fn fault(error: &AppendError) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "illegal_argument_exception", append_reason(error), error.to_string())
}

fn streams(documents: &[&Document], places: &[usize]) -> Vec<LogStream> {
    let mut out = Streams::default();
    for document in places.iter().map(|place| documents[*place]) {
        out.push(&document.labels, document.entry.clone());
    }
    out.into_list()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use console_model::log::LogEntry;
    use console_storage::metrics::AppendOutcome;

    use super::*;

    /// Refuses streams of one label and lines of one text, and tells of neither before.
    #[derive(Default)]
    struct Silent(AtomicUsize);

    impl LogAppender for Silent {
        fn append(
            &self,
            streams: Vec<LogStream>,
        ) -> Result<(AppendOutcome, Option<AppendError>), AppendError> {
            let is_bad = |s: &LogStream, e: &LogEntry| s.labels.get("app") == Some("bad") || e.line == "bad";
            let all: usize = streams.iter().map(|s| s.entries.len()).sum();
            let rejected: usize =
                streams.iter().map(|s| s.entries.iter().filter(|e| is_bad(s, e)).count()).sum();
            self.0.fetch_add(all, Ordering::Relaxed);
            let (accepted, rejected) = ((all - rejected) as u64, rejected as u64);
            let error = (rejected > 0).then(|| AppendError::Limit("told to refuse".to_owned()));
            Ok((AppendOutcome { accepted, rejected, ..AppendOutcome::default() }, error))
        }
    }

    fn document(app: &str, line: &str) -> Document {
        Document {
            labels: Labels::from_pairs([("app", app)]),
            entry: LogEntry { t_ns: 1, line: line.to_owned(), metadata: Vec::new() },
        }
    }

    #[test]
    fn what_a_store_refuses_without_a_warning_is_found_with_three_writes_of_a_document_at_most() {
        let all: Vec<Document> = (0..300)
            .map(|i| match i % 6 {
                0 => document("bad", "x"),
                1 => document("mixed", "bad"),
                2 => document("mixed", "x"),
                _ => document("good", "x"),
            })
            .collect();
        let store = Silent::default();
        let faults = append(&store, &all.iter().collect::<Vec<_>>()).unwrap();
        let refused: Vec<bool> = faults.iter().map(Option::is_some).collect();
        assert_eq!(refused, [true, true, false, false, false, false].repeat(50));
        // All, then by stream, then those of the stream that was refused in part.
        assert_eq!(store.0.load(Ordering::Relaxed), 300 + 300 + 100);
    }
}
