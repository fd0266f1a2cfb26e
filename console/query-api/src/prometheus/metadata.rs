//! What metrics mean: `metadata`, and `targets/metadata` by target.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Request, State};
use console_model::{
    TimeRange, clock,
    labels::METRIC_NAME,
    metric::{MetricKind, MetricMetadata},
    target::ActiveTarget,
};
use console_promql::parse_selector;
use serde::Serialize;

use super::{
    Api,
    envelope::{ApiError, Success},
    matching::{fits, selector_of},
    parameters::bound,
};
use crate::{json::LabelMap, params};

/// How far back a target must have shown a metric.
const RECENT_MS: i64 = 300_000;
/// Endings of series that belong to a family without them.
const SUFFIXES: [&str; 6] = ["_bucket", "_count", "_sum", "_total", "_created", "_info"];

#[derive(Serialize)]
struct Entry<'a> {
    r#type: &'static str,
    help: &'a str,
    unit: &'a str,
}

#[derive(Serialize)]
struct OfTarget<'a> {
    target: LabelMap<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<&'a str>,
    #[serde(flatten)]
    entry: Entry<'a>,
}

fn entry(m: &MetricMetadata) -> Entry<'_> {
    Entry { r#type: kind_name(m.kind), help: &m.help, unit: &m.unit }
}

pub async fn metrics(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let most = bound(&params, "limit")?;
    let most_each = bound(&params, "limit_per_metric")?.filter(|n| *n > 0).unwrap_or(usize::MAX);
    let found = api.metrics.metadata(params.non_empty("metric"), 0).await?;
    let mut families: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    for m in &found {
        let entries = families.entry(&m.metric).or_default();
        if entries.len() < most_each {
            entries.push(entry(m));
        }
    }
    let kept: BTreeMap<_, _> = families.into_iter().take(most.unwrap_or(usize::MAX)).collect();
    Ok(Success::new(&kept))
}

/// The store keeps what a metric means once, not by target: a target is given what it has shown of late.
pub async fn targets(State(api): State<Api>, request: Request) -> Result<Success, ApiError> {
    let params = params::read(request, api.limits).await?;
    let most = bound(&params, "limit")?.unwrap_or(usize::MAX);
    let wanted = match params.non_empty("match_target") {
        Some(text) => parse_selector(text).map_err(|e| ApiError::parameter("match_target", e))?,
        None => Vec::new(),
    };
    let metric = params.non_empty("metric");
    let known = api.metrics.metadata(metric, 0).await?;
    let targets = api.target_list().await?.active;
    let mut found = Vec::new();
    for target in targets.iter().filter(|t| fits(&wanted, &t.labels)) {
        if found.len() >= most {
            break;
        }
        let shown = shown_by(&api, target).await?;
        let of_target = known.iter().filter(|m| shown.contains(m.metric.as_str())).map(|m| OfTarget {
            target: LabelMap(&target.labels),
            metric: metric.is_none().then_some(m.metric.as_str()),
            entry: entry(m),
        });
        found.extend(of_target);
    }
    Ok(Success::new(&found))
}

/// Families of which a target has shown series.
async fn shown_by(api: &Api, target: &ActiveTarget) -> Result<BTreeSet<String>, ApiError> {
    let now_ms = clock::now_ms();
    let range = TimeRange { start_ms: now_ms - RECENT_MS, end_ms: now_ms + 1 };
    let names = api.metrics.label_values(METRIC_NAME, &[selector_of(&target.labels)], range, 0).await?;
    let families: Vec<String> = names
        .iter()
        .flat_map(|name| SUFFIXES.iter().filter_map(|suffix| name.strip_suffix(suffix)).map(str::to_owned))
        .collect();
    Ok(names.into_iter().chain(families).collect())
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
