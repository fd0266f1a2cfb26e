//! The query language of a search's body ("Query DSL"), as a predicate and the time that it looks at.

use serde_json::{Map, Value};

use super::{
    bounds::Bounds,
    dates::{self, Rounding},
    envelope::EsError,
    fields::{self, TIME},
    predicate::{Comparison, Place, Predicate, Test, phrase, wildcard, words},
    query_string,
};

/// Queries inside of one another; JSON itself may nest deeper.
const MAX_DEPTH: usize = 20;
/// Clauses of one query, as Elasticsearch bounds them.
const MAX_CLAUSES: usize = 1024;

type Parsed<T> = Result<T, EsError>;

/// Reads a query. Ranges of `@timestamp` are taken out of it, so they may stand only where every hit has to match.
pub fn parse(query: &Value, now_ns: i64) -> Parsed<(Predicate, Bounds)> {
    let mut reader = DslReader { now_ns, clauses: 0 };
    let mut bounds = Bounds::default();
    let predicate = reader.query(query, Some(&mut bounds), 0)?;
    Ok((predicate, bounds))
}

struct DslReader {
    now_ns: i64,
    clauses: usize,
}

impl DslReader {
    fn query(&mut self, query: &Value, bounds: Option<&mut Bounds>, depth: usize) -> Parsed<Predicate> {
        self.clauses += 1;
        if depth > MAX_DEPTH || self.clauses > MAX_CLAUSES {
            let message =
                format!("the query nests deeper than {MAX_DEPTH} or has more than {MAX_CLAUSES} clauses");
            return Err(EsError::parsing(message));
        }
        let (kind, body) = only_member("query", query)?;
        match kind {
            "match_all" => Ok(Predicate::All),
            "match_none" => Ok(Predicate::Nothing),
            "bool" => self.boolean(object(kind, body)?, bounds, depth),
            "constant_score" => match object(kind, body)?.get("filter") {
                Some(filter) => self.query(filter, bounds, depth + 1),
                None => Err(EsError::parsing("[constant_score] requires a [filter]")),
            },
            "exists" => {
                let field = string(kind, "field", object(kind, body)?.get("field"))?;
                if field == TIME {
                    return Ok(Predicate::All);
                }
                Ok(Predicate::field(fields::place(field)?, Test::Exists))
            }
            "term" => {
                let (field, value) = field_value(kind, body, &["value", "boost", "case_insensitive"])?;
                equal(fields::place(field)?, &scalar(kind, field, value)?)
            }
            "terms" => self.terms(object(kind, body)?),
            "match" => {
                let allowed = ["query", "operator", "boost", "lenient", "fuzziness_none", "zero_terms_query"];
                let (field, value) = field_value(kind, body, &allowed)?;
                let operator = body[field]["operator"].as_str().unwrap_or("or");
                matched(fields::place(field)?, &scalar(kind, field, value)?, operator)
            }
            "match_phrase" => {
                let (field, value) = field_value(kind, body, &["query", "boost", "zero_terms_query"])?;
                let (place, text) = (fields::place(field)?, scalar(kind, field, value)?);
                if place == Place::Line { Ok(phrase(&words(&text))) } else { equal(place, &text) }
            }
            "prefix" => {
                let (field, value) =
                    field_value(kind, body, &["value", "boost", "case_insensitive", "rewrite"])?;
                let text = scalar(kind, field, value)?;
                let escaped: String = text
                    .chars()
                    .flat_map(|c| ['*', '?', '\\'].contains(&c).then_some('\\').into_iter().chain([c]))
                    .collect();
                Ok(wildcard(fields::place(field)?, &format!("{escaped}*"), ignores_case(body, field)))
            }
            "wildcard" => {
                let allowed = ["value", "wildcard", "boost", "case_insensitive", "rewrite"];
                let (field, value) = field_value(kind, body, &allowed)?;
                let text = scalar(kind, field, value)?;
                Ok(wildcard(fields::place(field)?, &text, ignores_case(body, field)))
            }
            "range" => self.range(object(kind, body)?, bounds),
            "query_string" | "simple_query_string" => query_string::of_query(kind, object(kind, body)?),
            other => {
                let shown: String = other.chars().take(64).collect();
                Err(EsError::parsing(format!("query [{shown}] is not supported")))
            }
        }
    }

    fn boolean(
        &mut self,
        body: &Map<String, Value>,
        mut bounds: Option<&mut Bounds>,
        depth: usize,
    ) -> Parsed<Predicate> {
        let mut parts = Vec::new();
        let mut either = Vec::new();
        let mut least = None;
        for (name, value) in body {
            match name.as_str() {
                "must" | "filter" => {
                    for clause in list(value) {
                        parts.push(self.query(clause, bounds.as_deref_mut(), depth + 1)?);
                    }
                }
                "must_not" => {
                    for clause in list(value) {
                        parts.push(self.query(clause, None, depth + 1)?.negated());
                    }
                }
                "should" => {
                    for clause in list(value) {
                        either.push(self.query(clause, None, depth + 1)?);
                    }
                }
                "minimum_should_match" => {
                    let given = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                    least = Some(given.filter(|n| *n <= 1).ok_or_else(|| {
                        EsError::parsing("[bool] [minimum_should_match] is supported as 0 or 1 only")
                    })?);
                }
                "boost" | "adjust_pure_negative" => {}
                other => return Err(EsError::parsing(format!("[bool] query does not support [{other}]"))),
            }
        }
        // Beside clauses that have to match, `should` only raises a score, which hits here have none of.
        let required = body.contains_key("must") || body.contains_key("filter");
        let least = least.unwrap_or(u64::from(!required));
        if !either.is_empty() && least > 0 {
            parts.push(Predicate::or(either));
        }
        Ok(Predicate::and(parts))
    }

    fn terms(&mut self, body: &Map<String, Value>) -> Parsed<Predicate> {
        let mut found = None;
        for (field, value) in body.iter().filter(|(name, _)| *name != "boost") {
            let Value::Array(values) = value else {
                return Err(EsError::parsing(format!(
                    "[terms] query requires a list of values for [{field}]"
                )));
            };
            self.clauses += values.len();
            if found.is_some() || self.clauses > MAX_CLAUSES {
                let message = format!("[terms] query takes one field and at most {MAX_CLAUSES} values");
                return Err(EsError::parsing(message));
            }
            let place = fields::place(field)?;
            let each = values.iter().map(|v| equal(place.clone(), &scalar("terms", field, v)?));
            found = Some(Predicate::or(each.collect::<Parsed<_>>()?));
        }
        found.ok_or_else(|| EsError::parsing("[terms] query requires a field"))
    }

    fn range(&mut self, body: &Map<String, Value>, bounds: Option<&mut Bounds>) -> Parsed<Predicate> {
        let (field, limits) = single("range", body)?;
        let limits = object("range", limits)?;
        let allowed = [
            "gt",
            "gte",
            "lt",
            "lte",
            "from",
            "to",
            "format",
            "boost",
            "time_zone",
            "include_lower",
            "include_upper",
        ];
        if let Some(other) = limits.keys().find(|k| !allowed.contains(&k.as_str())) {
            return Err(EsError::parsing(format!("[range] query does not support [{other}]")));
        }
        if field != TIME {
            return numbers(fields::place(field)?, field, limits);
        }
        let Some(bounds) = bounds else {
            return Err(EsError::parsing(
                "[range] of [@timestamp] is supported only where every hit has to match",
            ));
        };
        if limits.get("time_zone").is_some_and(|z| !is_utc(z)) {
            return Err(EsError::parsing("[range] [time_zone] is supported as UTC only"));
        }
        *bounds = bounds.and(self.times(limits)?);
        Ok(Predicate::All)
    }

    fn times(&self, limits: &Map<String, Value>) -> Parsed<Bounds> {
        let mut bounds = Bounds::default();
        for (name, value) in limits.iter().filter(|(_, v)| !v.is_null()) {
            let included = |member: &str| limits.get(member).and_then(Value::as_bool).unwrap_or(true);
            let (is_start, inclusive) = match name.as_str() {
                "gte" => (true, true),
                "gt" => (true, false),
                "lte" => (false, true),
                "lt" => (false, false),
                "from" => (true, included("include_lower")),
                "to" => (false, included("include_upper")),
                _ => continue,
            };
            // A rounded date stands for its whole unit: from its start, to its end, after its end, before its start.
            let rounding = if is_start == inclusive { Rounding::Down } else { Rounding::Up };
            let (ns, rounded_up) = dates::parse(value, rounding, self.now_ns).map_err(EsError::parsing)?;
            // A time in milliseconds stands for all of that millisecond.
            let unit = if rounded_up {
                0
            } else if ns.rem_euclid(1_000_000) == 0 {
                1_000_000
            } else {
                1
            };
            let after = ns.saturating_add(unit);
            let limit = if is_start == inclusive { ns } else { after };
            if is_start {
                bounds.start_ns = Some(bounds.start_ns.map_or(limit, |s| s.max(limit)));
            } else {
                bounds.end_ns = Some(bounds.end_ns.map_or(limit, |e| e.min(limit)));
            }
        }
        Ok(bounds)
    }
}

/// UTC in the ways in which it is named.
pub fn is_utc(zone: &Value) -> bool {
    matches!(zone.as_str(), Some("UTC" | "utc" | "Z" | "+00:00" | "Etc/UTC" | "GMT"))
}

fn numbers(place: Place, field: &str, limits: &Map<String, Value>) -> Parsed<Predicate> {
    if place == Place::Line {
        return Err(EsError::parsing("[range] query is not supported for [message], which is text"));
    }
    let mut parts = Vec::new();
    for (name, value) in limits.iter().filter(|(_, v)| !v.is_null()) {
        let comparison = match name.as_str() {
            "gte" => Comparison::GreaterOrEqual,
            "gt" => Comparison::Greater,
            "lte" => Comparison::LessOrEqual,
            "lt" => Comparison::Less,
            other => {
                return Err(EsError::parsing(format!(
                    "[range] query of [{field}] does not support [{other}]"
                )));
            }
        };
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|n| n.is_finite());
        let number = number.ok_or_else(|| {
            EsError::parsing(format!("[range] query of [{field}] compares numbers, [{name}] is none"))
        })?;
        parts.push(Predicate::field(place.clone(), Test::Number(comparison, number)));
    }
    Ok(Predicate::and(parts))
}

/// The value itself; of a line, a word of it.
pub fn equal(place: Place, text: &str) -> Parsed<Predicate> {
    Ok(match &place {
        Place::Line => phrase(&words(text)),
        // Ingest keeps levels in lower case.
        Place::Label(name) if name == "level" => Predicate::field(place, Test::Equal(text.to_lowercase())),
        Place::Label(_) => Predicate::field(place, Test::Equal(text.to_owned())),
    })
}

/// Of a line any or all of the words; of a label the value.
pub fn matched(place: Place, text: &str, operator: &str) -> Parsed<Predicate> {
    if place != Place::Line {
        return equal(place, text);
    }
    let each = words(text).into_iter().map(|word| phrase(&[word])).collect();
    match operator.to_ascii_lowercase().as_str() {
        "or" => Ok(Predicate::or(each)),
        "and" => Ok(Predicate::and(each)),
        other => Err(EsError::parsing(format!("operator needs to be either AND or OR, but not [{other}]"))),
    }
}

fn ignores_case(body: &Value, field: &str) -> bool {
    body[field]["case_insensitive"].as_bool().unwrap_or(false)
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

pub fn object<'a>(what: &str, value: &'a Value) -> Parsed<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| EsError::parsing(format!("[{what}] has to be an object")))
}

fn single<'a>(what: &str, body: &'a Map<String, Value>) -> Parsed<(&'a str, &'a Value)> {
    let mut members = body.iter().filter(|(name, _)| *name != "boost" && *name != "_name");
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(EsError::parsing(format!("[{what}] query takes exactly one field"))),
    }
}

fn only_member<'a>(what: &str, value: &'a Value) -> Parsed<(&'a str, &'a Value)> {
    let body = object(what, value)?;
    let mut members = body.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(EsError::parsing(format!("[{what}] takes exactly one kind of query"))),
    }
}

/// `{"field": value}`, or `{"field": {first of allowed: value, …}}` with no other members.
fn field_value<'a>(kind: &str, body: &'a Value, allowed: &[&str]) -> Parsed<(&'a str, &'a Value)> {
    let (field, value) = single(kind, object(kind, body)?)?;
    let Value::Object(members) = value else { return Ok((field, value)) };
    if let Some(other) = members.keys().find(|name| !allowed.contains(&name.as_str())) {
        return Err(EsError::parsing(format!("[{kind}] query does not support [{other}]")));
    }
    let wanted = members.get(allowed[0]).or_else(|| members.get("wildcard"));
    let value = wanted
        .ok_or_else(|| EsError::parsing(format!("[{kind}] query of [{field}] has no [{}]", allowed[0])))?;
    Ok((field, value))
}

fn scalar(kind: &str, field: &str, value: &Value) -> Parsed<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(n) => Ok(n.to_string()),
        Value::Bool(b) => Ok(b.to_string()),
        _ => {
            Err(EsError::parsing(format!("[{kind}] query of [{field}] needs a text, a number or a boolean")))
        }
    }
}

fn string<'a>(kind: &str, name: &str, value: Option<&'a Value>) -> Parsed<&'a str> {
    let text = value.and_then(Value::as_str);
    text.ok_or_else(|| EsError::parsing(format!("[{kind}] query must be provided with a [{name}]")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elasticsearch::{indices::Pattern, translate::logql};
    use serde_json::json;

    /// 2026-12-01T02:03:04.500Z
    const NOW: i64 = 1_796_090_584_500_000_000;

    fn of(query: &Value) -> Result<String, String> {
        let (predicate, _) = parse(query, NOW).map_err(|e| e.reason)?;
        let text = logql(&Pattern::parse(None).unwrap(), &predicate).unwrap_or_default();
        Ok(text.trim_start_matches(r#"{service_name=~".+"}"#).trim().to_owned())
    }

    #[test]
    fn each_query_has_its_translation() {
        let cases = [
            (json!({"match_all": {}}), ""),
            (json!({"term": {"log.level": "ERROR"}}), r#"| level="error""#),
            (json!({"term": {"host.name": {"value": "h"}}}), r#"| host_name="h""#),
            (json!({"terms": {"status": [500, "x"]}}), r#"| (status="500" or status="x")"#),
            (json!({"match": {"service.name": "cart"}}), r#"| service_name="cart""#),
            (json!({"match": {"message": "Declined"}}), r#"|~ "(?i)(?:^|\\W)declined(?:\\W|$)""#),
            (json!({"match_phrase": {"message": "not found"}}), r#"|~ "(?i)(?:^|\\W)not\\W+found(?:\\W|$)""#),
            (json!({"exists": {"field": "trace.id"}}), r#"| trace_id!="""#),
            (json!({"prefix": {"url.path": "/ca*"}}), r#"| url_path=~"/ca\\*.*""#),
            (json!({"wildcard": {"url.path": {"value": "/c?rt*"}}}), r#"| url_path=~"/c.rt.*""#),
            (
                json!({"bool": {"must_not": [{"term": {"a": 1}}], "should": [{"term": {"b": 1}}, {"term": {"c": true}}]}}),
                r#"| (b="1" or c="true") and a!="1""#,
            ),
            (json!({"bool": {"filter": {"term": {"a": 1}}, "should": [{"term": {"b": 1}}]}}), r#"| a="1""#),
        ];
        for (query, want) in cases {
            let got = of(&query).unwrap();
            // Members of an object have no order of their own.
            let mut got: Vec<_> = got.trim_start_matches("| ").split(" and ").collect();
            let mut want: Vec<_> = want.trim_start_matches("| ").split(" and ").collect();
            got.sort_unstable();
            want.sort_unstable();
            assert_eq!(got, want, "{query}");
        }
    }

    #[test]
    fn times_become_bounds() {
        let bounds = |range: Value| {
            parse(&json!({"bool": {"filter": [{"range": {"@timestamp": range}}]}}), NOW).unwrap().1
        };
        let ms = 1_000_000;
        let both = bounds(json!({"gte": 1_000, "lte": 2_000, "format": "epoch_millis"}));
        assert_eq!(both, Bounds { start_ns: Some(1_000 * ms), end_ns: Some(2_001 * ms) });
        let open = bounds(json!({"gt": 1_000, "lt": 2_000}));
        assert_eq!(open, Bounds { start_ns: Some(1_001 * ms), end_ns: Some(2_000 * ms) });
        let today = bounds(json!({"gte": "now/d", "lte": "now/d"}));
        let day = 86_400_000 * ms;
        assert_eq!(today.end_ns.unwrap() - today.start_ns.unwrap(), day);
        assert!(today.start_ns.unwrap() <= NOW && NOW < today.end_ns.unwrap());
    }

    #[test]
    fn what_has_no_translation_is_named() {
        let range = json!({"range": {"@timestamp": {"gte": 1}}});
        let cases = [
            (json!({"fuzzy": {"a": "b"}}), "query [fuzzy] is not supported"),
            (json!({"bool": {"must_not": range}}), "where every hit has to match"),
            (json!({"bool": {"should": [range]}}), "where every hit has to match"),
            (json!({"bool": {"mustnt": []}}), "[bool] query does not support [mustnt]"),
            (
                json!({"match": {"message": {"query": "a", "fuzziness": "AUTO"}}}),
                "does not support [fuzziness]",
            ),
            (json!({"term": {"a": []}}), "[term] query of [a] needs a text"),
            (json!({"term": {"@timestamp": 1}}), "[@timestamp] can only be asked for with [range]"),
            (json!({"range": {"a": {"gte": "x"}}}), "compares numbers"),
            (json!({"exists": {}}), "must be provided with a [field]"),
            (json!([]), "has to be an object"),
            (json!({"term": {"a": 1}, "match_all": {}}), "exactly one kind of query"),
        ];
        for (query, want) in cases {
            let told = of(&query).unwrap_err();
            assert!(told.contains(want), "{query}: {told}");
        }
    }

    #[test]
    fn deep_and_wide_queries_are_refused() {
        let mut deep = json!({"match_all": {}});
        for _ in 0..30 {
            deep = json!({"bool": {"must": [deep]}});
        }
        assert!(of(&deep).unwrap_err().contains("deeper than 20"));
        let wide: Vec<_> = (0..2000).collect();
        assert!(of(&json!({"terms": {"a": wide}})).unwrap_err().contains("1024"));
    }
}
