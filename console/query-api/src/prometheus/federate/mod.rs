//! `/federate`: the newest sample of each series, in the text format that targets are scraped in
//! (prometheus/web/federate.go).
//!
//! Native histograms with exponential buckets have no place in that format and are left out.

mod text;

use std::collections::BTreeMap;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::ACCEPT, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use console_model::{
    Labels, clock,
    metric::{Point, PointSeries, is_stale_nan},
};
use console_promql::parse_selector;

use super::{Api, plain::Refused};
use crate::params;
use text::Escaping;

/// How old a sample may be: the look-back of queries.
const LOOKBACK_MS: i64 = 300_000;

pub async fn federate(
    State(api): State<Api>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refused> {
    let params = params::read(request, api.limits).await?;
    let now_ms = clock::now_ms();
    let mut newest: BTreeMap<Labels, (i64, Point)> = BTreeMap::new();
    for selector in params.all("match[]") {
        let matchers = parse_selector(&selector)?;
        let series = api.metrics.read(&matchers, now_ms - LOOKBACK_MS, now_ms).await?;
        newest.extend(series.into_iter().filter_map(last));
    }
    let escaping = escaping(&headers);
    Ok(([(CONTENT_TYPE, escaping.content_type())], text::written(&newest, escaping)).into_response())
}

/// The newest sample, unless the series has ended with it.
fn last(series: PointSeries) -> Option<(Labels, (i64, Point))> {
    let float = series.samples.last();
    let histogram = series.histograms.last().filter(|h| float.is_none_or(|f| f.t_ms < h.t_ms));
    let (t_ms, point) = match (histogram, float) {
        (Some(h), _) if is_stale_nan(h.h.sum) => return None,
        (Some(h), _) => (h.t_ms, Point::Histogram(h.h.clone())),
        (None, Some(f)) if is_stale_nan(f.v) => return None,
        (None, Some(f)) => (f.t_ms, Point::Float(f.v)),
        (None, None) => return None,
    };
    Some((series.labels, (t_ms, point)))
}

/// What the scraper says of names that are no identifiers.
fn escaping(headers: &HeaderMap) -> Escaping {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    if accepts.into_iter().any(|v| v.contains("escaping=allow-utf-8")) {
        Escaping::AllowUtf8
    } else {
        Escaping::Underscores
    }
}
