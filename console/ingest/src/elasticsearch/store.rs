//! Writes documents and finds out which of them the store refused: it counts those of a write and names the first.

use console_model::log::{LogStream, Streams};
use console_storage::{AppendError, logs::LogAppender};
use http::StatusCode;

use super::{bulk::Fault, document::Document};
use crate::refusal::{Refusal, append_reason};

/// What became of each document, in their order. `Err` where the sender should come back with all of them: an entry that
/// comes twice is stored once.
pub fn append(logs: &dyn LogAppender, documents: &[&Document]) -> Result<Vec<Option<Fault>>, Refusal> {
    let mut out = vec![None; documents.len()];
    halve(logs, documents, &mut out)?;
    Ok(out)
}

/// Writes all; where some were refused, writes both halves again, until a write is taken or refused whole.
fn halve(logs: &dyn LogAppender, documents: &[&Document], out: &mut [Option<Fault>]) -> Result<(), Refusal> {
    if documents.is_empty() {
        return Ok(());
    }
    let (accepted, error) = match logs.append(streams(documents)) {
        Ok((outcome, _)) if outcome.rejected == 0 => return Ok(()),
        Ok((outcome, error)) => (
            outcome.accepted,
            error.unwrap_or_else(|| AppendError::Invalid("refused by the store".to_owned())),
        ),
        Err(error) => (0, error),
    };
    if matches!(error, AppendError::Busy { .. } | AppendError::Storage(_)) {
        return Err(error.into());
    }
    if accepted == 0 || documents.len() == 1 {
        out.fill(Some(fault(&error)));
        return Ok(());
    }
    let middle = documents.len() / 2;
    let (left, right) = out.split_at_mut(middle);
    halve(logs, &documents[..middle], left)?;
    halve(logs, &documents[middle..], right)
}

/// A limit is no reason to come back here: an entry that is too long, too old or too new remains so.
fn fault(error: &AppendError) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "illegal_argument_exception", append_reason(error), error.to_string())
}

fn streams(documents: &[&Document]) -> Vec<LogStream> {
    let mut out = Streams::default();
    for document in documents {
        out.push(&document.labels, document.entry.clone());
    }
    out.into_list()
}
