//! A line as a hit of a search.

use console_model::Labels;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    dates,
    fields::{INDEX, LINE, TIME, field_of},
    indices::UNNAMED,
    request::Shown,
    search::Row,
};

/// The hit with its place in the order, to go on after it.
pub fn hit(row: &Row, shown: &Shown) -> Value {
    let mut out = json!({
        "_index": row.labels.get("index").unwrap_or(UNNAMED),
        "_id": id(row),
        "_score": null,
        "sort": [row.t_ns.div_euclid(1_000_000), format!("{}.{}", row.t_ns, row.rank)],
    });
    let source = match shown {
        Shown::All => Some(source(row, |_| true)),
        Shown::Nothing => None,
        Shown::Some(patterns) => Some(source(row, |field| patterns.iter().any(|p| matches(p, field)))),
    };
    if let Some(source) = source {
        out["_source"] = source;
    }
    out
}

/// The sender's, else one that the same line always has.
fn id(row: &Row) -> String {
    if let Some(id) = row.labels.get("document_id") {
        return id.to_owned();
    }
    let mut hash = Sha256::new();
    hash.update(row.t_ns.to_be_bytes());
    hash.update(row.labels.to_string());
    hash.update([0]);
    hash.update(&row.line);
    hex::encode(&hash.finalize()[..10])
}

fn source(row: &Row, is_shown: impl Fn(&str) -> bool) -> Value {
    let mut out = Map::new();
    if is_shown(TIME) {
        out.insert(TIME.to_owned(), dates::iso(row.t_ns).into());
    }
    if is_shown(LINE) {
        out.insert(LINE.to_owned(), row.line.as_str().into());
    }
    for (field, value) in fields(&row.labels).filter(|(field, _)| is_shown(field)) {
        put(&mut out, &field, value);
    }
    Value::Object(out)
}

fn fields(labels: &Labels) -> impl Iterator<Item = (String, &str)> {
    let named = labels.iter().map(|label| (field_of(&label.name), &*label.value));
    named.filter(|(field, _)| field != INDEX && field != "_id")
}

/// `a.b` is the member `b` of the object `a`; where `a` is a value already, the name keeps its dot.
fn put(out: &mut Map<String, Value>, field: &str, value: &str) {
    if let Some((object, inner)) = field.split_once('.') {
        let of = out.entry(object).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(of) = of {
            return put(of, inner, value);
        }
    }
    out.insert(field.to_owned(), value.into());
}

/// `*` stands for any part; a name stands for what is inside of it too.
fn matches(pattern: &str, field: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return field.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    };
    let Some(mut left) = field.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let labels = [
            ("index", "app"),
            ("level", "error"),
            ("service_name", "cart"),
            ("service_version", "1"),
            ("user", "kim"),
        ];
        Row { t_ns: 1_500_000_000, labels: Labels::from_pairs(labels), line: "x".to_owned(), rank: 2 }
    }

    #[test]
    fn a_hit_has_its_fields_under_their_names() {
        let found = hit(&row(), &Shown::All);
        let want = json!({
            "@timestamp": "1970-01-01T00:00:01.500Z", "message": "x", "log": {"level": "error"},
            "service": {"name": "cart", "version": "1"}, "user": "kim",
        });
        assert_eq!((&found["_source"], &found["_index"]), (&want, &json!("app")));
        assert_eq!(found["sort"], json!([1500, "1500000000.2"]));
        assert_eq!(found["_id"], hit(&row(), &Shown::Nothing)["_id"]);
    }

    #[test]
    fn only_fields_that_are_asked_for_are_shown() {
        let shown = |names: &[&str]| {
            let names = names.iter().map(|n| (*n).to_owned()).collect();
            hit(&row(), &Shown::Some(names))["_source"].clone()
        };
        assert_eq!(shown(&["service"]), json!({"service": {"name": "cart", "version": "1"}}));
        assert_eq!(shown(&["*.level", "mess*"]), json!({"message": "x", "log": {"level": "error"}}));
        assert_eq!(shown(&["serv"]), json!({}));
        assert!(hit(&row(), &Shown::Nothing).get("_source").is_none());
    }
}
