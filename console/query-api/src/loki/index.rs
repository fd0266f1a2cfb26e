//! What the store holds of a selector, without reading lines: `index/stats`, `index/volume`, `index/volume_range`.

use std::collections::BTreeMap;

use axum::{
    extract::{Request, State},
    response::Response,
};
use console_model::{
    Labels,
    labels::Label,
    metric::{QueryAnswer, QueryStats, QueryValue, Sample, Series},
};
use console_storage::logs::{StreamVolumes, Windows};
use serde_json::json;

use super::{
    Api, answers,
    envelope::{LokiError, success},
    moment::{self, DEFAULT_LIMIT, expression, range_ns},
};
use crate::params::{self, Params};

/// One window from `start` to `end`.
fn whole((start, end): (i64, i64)) -> Windows {
    Windows { start_ns: start, step_ns: end.saturating_sub(start).max(1), count: 1 }
}

pub async fn stats(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let query = expression(&api, &params)?;
    let found = api.source.volumes(query, whole(range_ns(&api, &params)?)).await?;
    let sum = |of: fn(&StreamVolumes) -> &[u64]| found.iter().flat_map(of).sum::<u64>();
    // A store of this house has no chunks to count: a stream is one.
    Ok(super::envelope::json(&json!({
        "streams": found.len(),
        "chunks": found.len(),
        "bytes": sum(|v| &v.bytes),
        "entries": sum(|v| &v.entries),
    })))
}

/// What volumes are told of.
struct Grouping {
    labels: Vec<String>,
    /// Each label for itself, whatever its value, and not label sets.
    by_label: bool,
}

impl Grouping {
    /// `targetLabels`, `aggregateBy`; without labels those that the selector names.
    fn of(params: &Params, query: &str) -> Result<Self, LokiError> {
        let by_label = match params.non_empty("aggregateBy") {
            None | Some("series") => false,
            Some("labels") => true,
            Some(other) => {
                return Err(LokiError::bad_request(format!(
                    "invalid aggregateBy {other:?}: must be series or labels"
                )));
            }
        };
        let named = params.non_empty("targetLabels").unwrap_or_default();
        let labels: Vec<String> =
            named.split(',').map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
        if labels.is_empty() && !by_label {
            return Ok(Self { labels: names_of(query), by_label });
        }
        Ok(Self { labels, by_label })
    }

    fn keys(&self, labels: &Labels) -> Vec<Labels> {
        let wanted = |name: &str| self.labels.iter().any(|l| l == name);
        if self.by_label {
            let all = self.labels.is_empty();
            let kept = labels.iter().filter(|l| all || wanted(&l.name));
            // A name without a value, as Loki writes it.
            let alone =
                |l: &Label| Labels::from_sorted(vec![Label { name: l.name.clone(), value: "".into() }]);
            return kept.map(alone).collect();
        }
        vec![labels.filter(wanted)]
    }
}

/// Names of the labels in a selector that was accepted.
fn names_of(selector: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = selector.trim_start_matches(['{', ' ']);
    while let Some(at) = rest.find(['=', '!']) {
        out.push(rest[..at].trim_matches([',', ' ', '\n', '\t']).to_owned());
        let after = &rest[at..];
        let Some(open) = after.find(['"', '`']) else { break };
        let quote = if after[open..].starts_with('"') { '"' } else { '`' };
        let mut escaped = false;
        let value = &after[open + 1..];
        let close = value.char_indices().find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = quote == '"' && *c == '\\' && !escaped;
            ends
        });
        let Some((close, _)) = close else { break };
        rest = &value[close + 1..];
    }
    out
}

/// Bytes a key and window.
async fn grouped(api: &Api, params: &Params, windows: Windows) -> Result<Vec<(Labels, Vec<u64>)>, LokiError> {
    let query = expression(api, params)?;
    let grouping = Grouping::of(params, query)?;
    let limit = moment::count(api, params, "limit", DEFAULT_LIMIT)?;
    let mut all: BTreeMap<Labels, Vec<u64>> = BTreeMap::new();
    for stream in api.source.volumes(query, windows).await? {
        for key in grouping.keys(&stream.labels) {
            let sums = all.entry(key).or_insert_with(|| vec![0; windows.count]);
            sums.iter_mut().zip(&stream.bytes).for_each(|(sum, bytes)| *sum += bytes);
        }
    }
    let mut out: Vec<_> = all.into_iter().collect();
    let total = |sums: &[u64]| sums.iter().sum::<u64>();
    out.sort_by(|a, b| total(&b.1).cmp(&total(&a.1)).then_with(|| a.0.cmp(&b.0)));
    out.truncate(limit);
    Ok(out)
}

fn told(value: QueryValue) -> Response {
    let answer = QueryAnswer { value, warnings: Vec::new(), infos: Vec::new(), stats: QueryStats::default() };
    success(|out| answers::data(out, &console_model::log::LogAnswer::Metric(answer)))
}

/// The greatest volumes, as a vector.
pub async fn volume(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (start, end) = range_ns(&api, &params)?;
    let found = grouped(&api, &params, whole((start, end))).await?;
    let t_ms = end.div_euclid(1_000_000);
    let sample = |(labels, sums): (Labels, Vec<u64>)| (labels, Sample { t_ms, v: sums[0] as f64 });
    Ok(told(QueryValue::Vector(found.into_iter().map(sample).collect())))
}

/// The greatest volumes, step by step.
pub async fn volume_range(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (start, end) = range_ns(&api, &params)?;
    let step_ns = moment::step_ns(&params, (start, end))?;
    let count = usize::try_from((end - start).max(1).div_euclid(step_ns) + 1).unwrap_or(1);
    let windows = Windows { start_ns: start, step_ns, count };
    let found = grouped(&api, &params, windows).await?;
    let series = |(labels, sums): (Labels, Vec<u64>)| {
        // A step is told at its end, and one without lines not at all.
        let at =
            |i: usize| (start.saturating_add(step_ns.saturating_mul(i as i64 + 1))).div_euclid(1_000_000);
        let kept = sums.iter().enumerate().filter(|(_, sum)| **sum > 0);
        Series { labels, samples: kept.map(|(i, sum)| Sample { t_ms: at(i), v: *sum as f64 }).collect() }
    };
    Ok(told(QueryValue::Matrix(found.into_iter().map(series).collect())))
}

#[cfg(test)]
mod tests {
    use super::names_of;

    #[test]
    fn a_selector_names_its_labels() {
        assert_eq!(names_of(r#"{app="a,b=\"c", level=~`x|y` ,pod != ""}"#), ["app", "level", "pod"]);
    }
}
