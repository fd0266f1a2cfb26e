//! A search's body: what is asked, how many hits, in which order, which counts.

use console_model::clock;
use serde_json::{Map, Value};

use super::{
    aggregations::Aggregation,
    bounds::Bounds,
    dsl,
    envelope::EsError,
    fields::TIME,
    predicate::{Place, Predicate},
    query_string,
    search::Order,
};
use crate::params::{Limits, Params};

const DEFAULT_SIZE: usize = 10;
const MAX_AGGREGATIONS: usize = 16;

/// The place of a hit in the order of all: its time, and how many of the same time come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    pub t_ns: i64,
    /// None: behind all of that millisecond.
    pub rank: Option<usize>,
}

/// Which members of a document a hit shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    All,
    Nothing,
    /// Names of fields, `*` for any part.
    Some(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub predicate: Predicate,
    pub bounds: Bounds,
    pub from: usize,
    pub size: usize,
    pub order: Order,
    pub after: Option<After>,
    pub count_hits: bool,
    pub shown: Shown,
    pub aggregations: Vec<(String, Aggregation)>,
}

/// Asks for what changes nothing here: there are no scores, plans, versions or highlights.
const WITHOUT_EFFECT: [&str; 14] = [
    "highlight",
    "timeout",
    "version",
    "seq_no_primary_term",
    "stored_fields",
    "docvalue_fields",
    "fields",
    "track_scores",
    "explain",
    "preference",
    "stats",
    "terminate_after",
    "pit_keep_alive",
    "profile",
];
/// Taken when they ask for nothing.
const EMPTY_ONLY: [&str; 3] = ["script_fields", "runtime_mappings", "indices_boost"];

impl SearchRequest {
    /// From the body; `q`, `size`, `from`, `sort` of the address where the body has none.
    pub fn parse(body: &Value, params: &Params, limits: Limits) -> Result<Self, EsError> {
        let empty = Map::new();
        let body = match body {
            Value::Null => &empty,
            other => dsl::object("search", other)?,
        };
        let mut out = Self {
            predicate: Predicate::All,
            bounds: Bounds::default(),
            from: number_of(params, "from")?.unwrap_or(0),
            size: number_of(params, "size")?.unwrap_or(DEFAULT_SIZE),
            order: Order::Descending,
            after: None,
            count_hits: params.get("track_total_hits") != Some("false"),
            shown: Shown::All,
            aggregations: Vec::new(),
        };
        if let Some(text) = params.non_empty("q") {
            let all = params.get("default_operator").is_some_and(|o| o.eq_ignore_ascii_case("and"));
            out.predicate = query_string::parse(text, &[Place::Line], all)?;
        }
        if let Some(text) = params.non_empty("sort") {
            out.order = order(&Value::String(text.to_owned()))?;
        }
        for (name, value) in body {
            out.member(name, value)?;
        }
        let max = limits.max_limit;
        if out.from.saturating_add(out.size) > max {
            let message = format!(
                "Result window is too large, from + size must be less than or equal to: [{max}] but was [{}]",
                out.from.saturating_add(out.size)
            );
            return Err(EsError::argument(message));
        }
        if out.after.is_some() && out.from > 0 {
            return Err(EsError::argument("`from` parameter must be set to 0 when `search_after` is used"));
        }
        Ok(out)
    }

    fn member(&mut self, name: &str, value: &Value) -> Result<(), EsError> {
        match name {
            "query" => (self.predicate, self.bounds) = dsl::parse(value, clock::now_ns())?,
            "size" => self.size = number(name, value)?,
            "from" => self.from = number(name, value)?,
            "sort" => self.order = order(value)?,
            "search_after" => self.after = Some(after(value)?),
            // A number is how far to count; counting on costs nothing more.
            "track_total_hits" => self.count_hits = *value != Value::Bool(false),
            "_source" => self.shown = shown(value)?,
            "aggs" | "aggregations" => {
                let aggregations = dsl::object(name, value)?;
                if aggregations.len() > MAX_AGGREGATIONS {
                    let message = format!("more than {MAX_AGGREGATIONS} aggregations in one search");
                    return Err(EsError::argument(message));
                }
                for (name, value) in aggregations {
                    self.aggregations.push((name.clone(), Aggregation::parse(name, value)?));
                }
            }
            name if WITHOUT_EFFECT.contains(&name) => {}
            name if EMPTY_ONLY.contains(&name) && is_empty(value) => {}
            other => {
                let shown: String = other.chars().take(64).collect();
                return Err(EsError::parsing(format!("search does not support [{shown}]")));
            }
        }
        Ok(())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(values) => values.is_empty(),
        other => other.is_null(),
    }
}

fn number(name: &str, value: &Value) -> Result<usize, EsError> {
    let found = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    found
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| EsError::argument(format!("[{name}] parameter has to be a number of 0 or more")))
}

fn number_of(params: &Params, name: &str) -> Result<Option<usize>, EsError> {
    params.non_empty(name).map(|text| number(name, &Value::String(text.to_owned()))).transpose()
}

/// By time, up or down; ties as they come (`_doc`, `_shard_doc`), and a score is the same for all.
fn order(value: &Value) -> Result<Order, EsError> {
    let mut found = None;
    let list = match value {
        Value::Array(values) => &values[..],
        one => std::slice::from_ref(one),
    };
    for item in list {
        let (field, direction) = match item {
            Value::String(text) => text.split_once(':').unwrap_or((text, "")),
            Value::Object(members) if members.len() == 1 => {
                let Some((field, by)) = members.iter().next() else { continue };
                (field.as_str(), by.as_str().or_else(|| by["order"].as_str()).unwrap_or(""))
            }
            _ => return Err(EsError::parsing("[sort] has to be a list of fields")),
        };
        match (field, direction) {
            (TIME, "asc" | "") => found = found.or(Some(Order::Ascending)),
            (TIME, "desc") => found = found.or(Some(Order::Descending)),
            ("_doc" | "_shard_doc" | "_score", _) => {}
            (other, _) => {
                let shown: String = other.chars().take(64).collect();
                return Err(EsError::parsing(format!(
                    "[sort] is supported by [@timestamp] only, not by [{shown}]"
                )));
            }
        }
    }
    Ok(found.unwrap_or(Order::Descending))
}

/// As hits give it: the time in milliseconds, and where they give two, time and rank.
fn after(value: &Value) -> Result<After, EsError> {
    let wrong = || EsError::parsing("[search_after] has to be the [sort] of a hit");
    let values = value.as_array().ok_or_else(wrong)?;
    match &values[..] {
        [time] => {
            let ms = time.as_i64().or_else(|| time.as_str()?.parse().ok()).ok_or_else(wrong)?;
            Ok(After { t_ns: ms.checked_mul(1_000_000).ok_or_else(wrong)?, rank: None })
        }
        [_, place] => {
            let (t_ns, rank) = place.as_str().and_then(|p| p.split_once('.')).ok_or_else(wrong)?;
            let rank = rank.parse().map_err(|_| wrong())?;
            Ok(After { t_ns: t_ns.parse().map_err(|_| wrong())?, rank: Some(rank) })
        }
        _ => Err(wrong()),
    }
}

fn shown(value: &Value) -> Result<Shown, EsError> {
    let names = |values: &[Value]| -> Result<Vec<String>, EsError> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let wrong = || EsError::parsing("[_source] takes a boolean, a name, or a list of names");
        values.iter().map(|v| text(v).ok_or_else(wrong)).collect()
    };
    match value {
        Value::Bool(true) => Ok(Shown::All),
        Value::Bool(false) => Ok(Shown::Nothing),
        Value::Array(values) => Ok(Shown::Some(names(values)?)),
        one => Ok(Shown::Some(names(std::slice::from_ref(one))?)),
    }
}
