//! What a write may contain.

use console_model::Labels;
use console_storage::AppendError;

use crate::config::{TsdbConfig, TsdbLimits};

pub(crate) fn check_labels(labels: &Labels, limits: &TsdbLimits) -> Result<(), AppendError> {
    if labels.is_empty() {
        return Err(AppendError::Invalid("series without labels".to_owned()));
    }
    if labels.len() > limits.max_labels_per_series {
        return Err(AppendError::Limit(format!(
            "series {:?} has {} labels, over max_labels_per_series ({})",
            labels.metric_name(),
            labels.len(),
            limits.max_labels_per_series
        )));
    }
    for label in labels.iter() {
        if label.name.is_empty() {
            return Err(AppendError::Invalid(format!(
                "series {:?} has a label without name",
                labels.metric_name()
            )));
        }
        let over = [
            (label.name.len(), limits.max_label_name_bytes, "name", "max_label_name_bytes"),
            (label.value.len(), limits.max_label_value_bytes, "value", "max_label_value_bytes"),
        ];
        if let Some((len, limit, part, name)) = over.into_iter().find(|(len, limit, ..)| len > limit) {
            let shown: String = label.name.chars().take(64).collect();
            return Err(AppendError::Limit(format!(
                "series {:?}, label {shown:?}: {part} of {len} bytes is over {name} ({limit})",
                labels.metric_name()
            )));
        }
    }
    Ok(())
}

/// Refuses points outside the time that the store keeps, which ends a little after now.
pub(crate) fn check_time(
    labels: &Labels,
    t_ms: i64,
    (aged_ms, now_ms): (i64, i64),
    config: &TsdbConfig,
) -> Result<(), AppendError> {
    let (oldest, newest) =
        (aged_ms.saturating_sub(config.retention_ms), now_ms.saturating_add(config.limits.max_future_ms));
    if t_ms < oldest {
        return Err(AppendError::Invalid(format!(
            "sample of {labels} at {t_ms} is older than the retention ({} ms)",
            config.retention_ms
        )));
    }
    if t_ms > newest {
        return Err(AppendError::Invalid(format!(
            "sample of {labels} at {t_ms} is more than {} ms in the future",
            config.limits.max_future_ms
        )));
    }
    Ok(())
}
