//! Fields and where their values are; what fields there are.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    response::Response,
};
use console_model::clock;
use serde_json::{Map, Value, json};

use super::{
    Api,
    bounds::Bounds,
    envelope::{EsError, ok},
    indices::{Pattern, UNNAMED},
    predicate::{Place, Predicate},
    search::{Order, Reader},
};

pub const TIME: &str = "@timestamp";
pub const LINE: &str = "message";
pub const INDEX: &str = "_index";

/// ECS' names of fields that are labels of another name, as ingest maps them.
const NAMED: [(&str, &str); 8] = [
    ("log.level", "level"),
    ("service.environment", "deployment_environment_name"),
    ("kubernetes.namespace", "k8s_namespace_name"),
    ("kubernetes.pod.name", "k8s_pod_name"),
    ("kubernetes.container.name", "k8s_container_name"),
    ("orchestrator.cluster.name", "k8s_cluster_name"),
    ("_index", "index"),
    ("_id", "document_id"),
];

/// Labels whose ECS name is theirs with dots.
const DOTTED: [&str; 6] =
    ["service.name", "service.namespace", "host.name", "trace.id", "span.id", "service.version"];

/// Newest lines that are looked at for names of structured metadata.
const SAMPLED: usize = 200;
const MAX_NAME_BYTES: usize = 512;

/// Where a field's value is. `@timestamp` is no such field.
pub fn place(field: &str) -> Result<Place, EsError> {
    let name = field.strip_suffix(".keyword").unwrap_or(field);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('*') {
        let shown: String = field.chars().take(64).collect();
        return Err(EsError::parsing(format!("[{shown}] is no field that can be asked for")));
    }
    if name == TIME {
        return Err(EsError::parsing(
            "[@timestamp] can only be asked for with [range], where every hit has to match",
        ));
    }
    if name == LINE {
        return Ok(Place::Line);
    }
    if let Some((_, label)) = NAMED.iter().find(|(n, _)| *n == name) {
        return Ok(Place::Label((*label).to_owned()));
    }
    let clean: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    // As ingest names them.
    Ok(Place::Label(if clean.starts_with(|c: char| c.is_ascii_digit()) {
        format!("key_{clean}")
    } else if clean.starts_with("__") {
        format!("key{clean}")
    } else {
        clean
    }))
}

/// What a label or structured metadata is called in a hit.
pub fn field_of(label: &str) -> String {
    if let Some((field, _)) = NAMED.iter().find(|(_, l)| *l == label) {
        return (*field).to_owned();
    }
    let dotted = DOTTED.iter().find(|field| field.replace('.', "_") == label);
    dotted.map_or_else(|| label.to_owned(), |field| (*field).to_owned())
}

/// Names of fields: labels, and structured metadata of the newest lines.
async fn names(api: &Api, index: Option<&str>) -> Result<BTreeSet<String>, EsError> {
    let range = Bounds::default().resolve(clock::now_ns(), api.limits.max_range_ms)?;
    let reader = Reader::new(api, &Pattern::parse(index)?, &Predicate::All, range)?;
    let rows = reader.rows(SAMPLED, Order::Descending).await?;
    let mut out: BTreeSet<String> = [TIME, LINE].map(str::to_owned).into();
    out.extend(rows.iter().flat_map(|row| row.labels.iter().map(|label| field_of(&label.name))));
    Ok(out)
}

fn kind(name: &str) -> &'static str {
    match name {
        TIME => "date",
        LINE => "text",
        _ => "keyword",
    }
}

async fn capabilities_answer(api: &Api, index: Option<&str>) -> Result<Response, EsError> {
    let fields: Map<String, Value> = names(api, index)
        .await?
        .into_iter()
        .map(|name| {
            let kind = kind(&name);
            let is_internal = name.starts_with('_');
            let told = json!({
                "type": kind, "metadata_field": is_internal, "searchable": true, "aggregatable": kind != "text",
            });
            (name, json!({kind: told}))
        })
        .collect();
    Ok(ok(json!({"indices": [index.unwrap_or(UNNAMED)], "fields": fields})))
}

pub async fn capabilities(State(api): State<Api>) -> Result<Response, EsError> {
    capabilities_answer(&api, None).await
}

pub async fn capabilities_of_index(
    State(api): State<Api>,
    Path(index): Path<String>,
) -> Result<Response, EsError> {
    capabilities_answer(&api, Some(&index)).await
}

async fn mapping_answer(api: &Api, index: Option<&str>) -> Result<Response, EsError> {
    let mut properties = Map::new();
    for name in names(api, index).await?.into_iter().filter(|name| !name.starts_with('_')) {
        put(&mut properties, &name, &name);
    }
    let index = index.filter(|i| !i.contains(['*', ','])).unwrap_or(UNNAMED);
    Ok(ok(json!({index: {"mappings": {"properties": properties}}})))
}

/// `a.b` is the property `b` of the object `a`.
fn put(properties: &mut Map<String, Value>, rest: &str, full: &str) {
    let leaf = || json!({"type": kind(full)});
    match rest.split_once('.') {
        None => {
            properties.insert(rest.to_owned(), leaf());
        }
        Some((object, inner)) => {
            let of = properties.entry(object).or_insert_with(|| json!({"properties": {}}));
            match of.get_mut("properties").and_then(Value::as_object_mut) {
                Some(of) => put(of, inner, full),
                // A value and an object of one name: the name with its dot says both.
                None => drop(properties.insert(rest.to_owned(), leaf())),
            }
        }
    }
}

pub async fn mapping(State(api): State<Api>) -> Result<Response, EsError> {
    mapping_answer(&api, None).await
}

pub async fn mapping_of_index(
    State(api): State<Api>,
    Path(index): Path<String>,
) -> Result<Response, EsError> {
    mapping_answer(&api, Some(&index)).await
}
