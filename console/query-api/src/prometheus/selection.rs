//! Series, labels, metadata, build information.

use std::collections::BTreeMap;

use axum::extract::{Path, Request, State};
use console_model::{TimeRange, metric::MetricKind};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::{ApiError, Success},
    queries::limit,
};
use crate::{
    params::{self, Params},
    value,
};

/// Absent times mean all that is stored.
fn range(params: &Params) -> Result<TimeRange, ApiError> {
    let time = |name: &str, default: i64| match params.non_empty(name) {
        Some(text) => params::time_ms(name, text).map_err(ApiError::bad_data),
        None => Ok(default),
    };
    let start_ms = time("start", 0)?;
    // Both ends are meant inclusively; the model's range is half open.
    let end_ms = time("end", i64::MAX / 4)?.saturating_add(1);
    if end_ms <= start_ms {
        let message = "invalid parameter \"end\": end timestamp must not be before start time";
        return Err(ApiError::bad_data(message));
    }
    Ok(TimeRange { start_ms, end_ms })
}

/// Asks the source for one more than wanted, to know whether something was cut.
fn one_more(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_add(1) }
}

fn cut<T: Into<Value>>(mut items: Vec<T>, limit: usize) -> Success {
    let truncated = limit > 0 && items.len() > limit;
    if truncated {
        items.truncate(limit);
    }
    let warnings = if truncated { vec!["results truncated due to limit".to_owned()] } else { Vec::new() };
    Success { data: items.into_iter().map(Into::into).collect(), warnings, infos: Vec::new() }
}

pub async fn series(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let matchers = params.all("match[]");
    if matchers.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let max = limit(&params)?;
    let found = api.source.series(&matchers, range(&params)?, one_more(max)).await?;
    Ok(cut(found.iter().map(value::labels).collect(), max))
}

pub async fn label_names(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let max = limit(&params)?;
    let found = api.source.label_names(&params.all("match[]"), range(&params)?, one_more(max)).await?;
    Ok(cut(found, max))
}

pub async fn label_values(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let max = limit(&params)?;
    let found =
        api.source.label_values(&name, &params.all("match[]"), range(&params)?, one_more(max)).await?;
    Ok(cut(found, max))
}

pub async fn metadata(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let found = api.source.metadata(params.non_empty("metric"), limit(&params)?).await?;
    let mut families: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for m in found {
        let entry = json!({"type": kind_name(m.kind), "help": m.help, "unit": m.unit});
        families.entry(m.metric).or_default().push(entry);
    }
    Ok(Success::new(json!(families)))
}

fn kind_name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
        MetricKind::GaugeHistogram => "gaugehistogram",
        MetricKind::Summary => "summary",
        MetricKind::Info => "info",
        MetricKind::StateSet => "stateset",
        MetricKind::Unknown => "unknown",
    }
}

/// Clients ask this to learn what they speak to.
pub async fn build_info() -> Success {
    Success::new(json!({
        "version": env!("CARGO_PKG_VERSION"), "revision": "", "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "", "application": "quarterdeck",
    }))
}
