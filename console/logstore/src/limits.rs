//! What may not be stored, and why.

use console_model::{Labels, log::LogEntry, names::is_label_name};
use console_storage::AppendError;

use crate::config::LogLimits;

/// Labels of a stream. All or nothing: a stream with wrong labels is refused whole.
pub fn check_labels(labels: &Labels, limits: &LogLimits) -> Result<(), AppendError> {
    if labels.is_empty() {
        return Err(AppendError::Invalid("a stream needs at least one label".into()));
    }
    if labels.len() > limits.max_labels_per_stream {
        return Err(AppendError::Limit(format!(
            "stream {labels} has {} labels, more than max_labels_per_stream ({})",
            labels.len(),
            limits.max_labels_per_stream
        )));
    }
    for label in labels.iter() {
        let (name, value) = (&*label.name, &*label.value);
        if !is_label_name(name) {
            return Err(AppendError::Invalid(format!("invalid label name {name:?}")));
        }
        if name.len() > limits.max_label_name_bytes {
            return Err(AppendError::Limit(format!(
                "label name of {} bytes is longer than max_label_name_bytes ({})",
                name.len(),
                limits.max_label_name_bytes
            )));
        }
        if value.len() > limits.max_label_value_bytes {
            return Err(AppendError::Limit(format!(
                "value of label {name:?} has {} bytes, more than max_label_value_bytes ({})",
                value.len(),
                limits.max_label_value_bytes
            )));
        }
    }
    Ok(())
}

/// One line and its time, which ends a little after now.
pub fn check_entry(
    entry: &LogEntry,
    limits: &LogLimits,
    (aged_ms, now_ms): (i64, i64),
    retention_ms: i64,
) -> Result<(), AppendError> {
    let t_ms = entry.t_ns / 1_000_000;
    if t_ms > now_ms.saturating_add(limits.max_future_ms) {
        return Err(AppendError::Limit(format!(
            "entry has timestamp too new: {} ns is more than max_future_ms ({}) after now",
            entry.t_ns, limits.max_future_ms
        )));
    }
    if t_ms < aged_ms.saturating_sub(retention_ms) {
        return Err(AppendError::Limit(format!(
            "entry has timestamp too old: {} ns is before the retention ({retention_ms} ms)",
            entry.t_ns
        )));
    }
    if entry.line.len() > limits.max_line_bytes {
        return Err(AppendError::Limit(format!(
            "line of {} bytes is longer than max_line_bytes ({})",
            entry.line.len(),
            limits.max_line_bytes
        )));
    }
    let metadata_bytes: usize = entry.metadata.iter().map(|(n, v)| n.len() + v.len()).sum();
    if entry.metadata.len() > limits.max_metadata_per_line || metadata_bytes > limits.max_metadata_bytes {
        return Err(AppendError::Limit(format!(
            "structured metadata of {} pairs and {metadata_bytes} bytes is over max_metadata_per_line ({}) or \
             max_metadata_bytes ({})",
            entry.metadata.len(),
            limits.max_metadata_per_line,
            limits.max_metadata_bytes
        )));
    }
    Ok(())
}
