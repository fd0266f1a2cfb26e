//! What Grafana's log explorer asks before anybody wrote a query: labels, fields and patterns.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use console_storage::source::{DetectedField, FieldType, LogPattern};
use serde_json::{Value, json};

use super::{
    Api,
    envelope::{LokiError, json as answer, success},
    moment::{self, expression, model_range, range_ns, selector},
};
use crate::{
    json,
    params::{self, Params},
};

const DEFAULT_FIELDS: usize = 1000;
const DEFAULT_LINES: usize = 1000;
/// Values of a field that are told.
const MAX_VALUES: usize = 1000;
/// Told even where all their values are numbers or ids.
const STATIC_LABELS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// Labels of streams with the number of their values; those that are ids say nothing to a person.
pub async fn labels(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let range = model_range(range_ns(&api, &params)?);
    let selectors: Vec<String> = selector(&api, &params)?.map(str::to_owned).into_iter().collect();
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for labels in api.source.series(&selectors, range).await? {
        for label in labels.iter() {
            values.entry(label.name.to_string()).or_default().insert(label.value.to_string());
        }
    }
    let telling = |(name, values): &(&String, &BTreeSet<String>)| {
        STATIC_LABELS.contains(&name.as_str()) || !values.iter().all(|v| is_id(v))
    };
    let labels: Vec<Value> = values
        .iter()
        .filter(telling)
        .map(|(name, values)| json!({"label": name, "cardinality": values.len()}))
        .collect();
    Ok(answer(&json!({"detectedLabels": labels})))
}

/// A number or a UUID.
fn is_id(value: &str) -> bool {
    let uuid = value.len() == 36 && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    uuid || value.parse::<f64>().is_ok()
}

async fn detected(api: &Api, params: &Params) -> Result<(Vec<DetectedField>, usize), LokiError> {
    let (start, end) = range_ns(api, params)?;
    let limit = match params.non_empty("limit") {
        Some(_) => moment::count(api, params, "limit", DEFAULT_FIELDS)?,
        // The name of older clients.
        None => moment::count(api, params, "field_limit", DEFAULT_FIELDS)?,
    };
    let lines = moment::count(api, params, "line_limit", DEFAULT_LINES)?;
    let query = expression(api, params)?;
    let fields = api.source.detected_fields(query, start, end, lines, DEFAULT_FIELDS, MAX_VALUES).await?;
    Ok((fields, limit))
}

pub async fn fields(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (fields, limit) = detected(&api, &params).await?;
    let told: Vec<Value> = fields
        .iter()
        .take(limit)
        .map(|f| {
            let parsers = (!f.parsers.is_empty()).then_some(&f.parsers);
            json!({"label": f.label, "type": type_name(f.field_type), "cardinality": f.cardinality, "parsers": parsers})
        })
        .collect();
    Ok(answer(&json!({"fields": told, "limit": limit})))
}

fn type_name(kind: FieldType) -> &'static str {
    match kind {
        FieldType::String => "string",
        FieldType::Int => "int",
        FieldType::Float => "float",
        FieldType::Boolean => "boolean",
        FieldType::Duration => "duration",
        FieldType::Bytes => "bytes",
    }
}

pub async fn field_values(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (fields, limit) = detected(&api, &params).await?;
    let found = fields.into_iter().find(|f| f.label == name).map(|f| f.values).unwrap_or_default();
    let values: Vec<String> = found.into_iter().take(limit).collect();
    Ok(answer(&json!({"values": values, "limit": limit})))
}

pub async fn patterns(State(api): State<Api>, request: Request) -> Result<Response, LokiError> {
    let params = params::read(request, api.limits).await?;
    let (start, end) = range_ns(&api, &params)?;
    let step_ns = moment::step_ns(&params, (start, end))?;
    let found = api.source.patterns(expression(&api, &params)?, start, end, step_ns).await?;
    let row = |p: &LogPattern| {
        let samples: Vec<(i64, u64)> =
            p.samples.iter().map(|(t_ns, n)| (t_ns.div_euclid(1_000_000_000), *n)).collect();
        json!({"pattern": p.pattern, "samples": samples})
    };
    Ok(success(|out| json::value(out, &found.iter().map(row).collect::<Vec<_>>())))
}
