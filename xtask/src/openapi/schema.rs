//! What of a schema breaks whoever was written for the one before: a request must still be taken, an answer must still
//! be understood.

use std::collections::BTreeSet;

use serde_json::Value;

/// Which way a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From an old caller to the new service.
    Request,
    /// From the new service to an old caller.
    Answer,
}

/// One comparison of two schemas and all that they refer to.
pub struct Comparison<'a> {
    way: Direction,
    before: &'a Value,
    after: &'a Value,
    found: &'a mut Vec<String>,
    /// Pairs of references that are being compared: schemas may refer to themselves.
    seen: BTreeSet<(String, String)>,
}

impl<'a> Comparison<'a> {
    /// `before` and `after` are the documents that references point into; changes are put into `found`.
    pub fn new(way: Direction, before: &'a Value, after: &'a Value, found: &'a mut Vec<String>) -> Self {
        Self { way, before, after, found, seen: BTreeSet::new() }
    }

    /// Compares two schemas; `at` says where they stand.
    pub fn compare(&mut self, at: &str, old: &Value, new: &Value) {
        let (old, old_null) = without_null(old);
        let (new, new_null) = without_null(new);
        if let (Some(was), Some(is)) = (reference(old), reference(new))
            && !self.seen.insert((was, is))
        {
            return;
        }
        let (old, new) = (resolved(self.before, old), resolved(self.after, new));
        let (old_null, new_null) = (old_null || takes_null(old), new_null || takes_null(new));
        match self.way {
            Direction::Request if old_null && !new_null => self.tell(at, "null is not taken any more"),
            Direction::Answer if new_null && !old_null => self.tell(at, "may be null now"),
            _ => {}
        }
        self.types(at, old, new);
        self.values(at, old, new);
        if self.way == Direction::Request {
            self.bounds(at, old, new);
        }
        self.properties(at, old, new);
        if old.get("items").is_some() || new.get("items").is_some() {
            self.compare(&format!("{at}[]"), &old["items"], &new["items"]);
        }
        self.alternatives(at, old, new);
    }

    fn types(&mut self, at: &str, old: &Value, new: &Value) {
        let (was, is) = (types(old), types(new));
        let fits = |inner: &BTreeSet<&str>, outer: &BTreeSet<&str>| {
            outer.is_empty()
                || (!inner.is_empty()
                    && inner
                        .iter()
                        .all(|it| outer.contains(it) || (*it == "integer" && outer.contains("number"))))
        };
        let (inner, outer) = if self.way == Direction::Request { (&was, &is) } else { (&is, &was) };
        if !fits(inner, outer) || old["format"] != new["format"] {
            let named = |types: &BTreeSet<&str>, schema: &Value| {
                let names = types.iter().copied().chain(schema["format"].as_str());
                names.collect::<Vec<_>>().join(" ")
            };
            self.tell(at, &format!("the type was {} and is {}", named(&was, old), named(&is, new)));
        }
    }

    /// Values of an enumeration: a request's must stay, an answer's must not be joined by others.
    fn values(&mut self, at: &str, old: &Value, new: &Value) {
        let (was, is) = (old["enum"].as_array(), new["enum"].as_array());
        let (inner, outer) = if self.way == Direction::Request { (was, is) } else { (is, was) };
        let Some(outer) = outer else { return };
        match inner {
            None => self.tell(at, "the values are limited otherwise"),
            Some(inner) => {
                for value in inner.iter().filter(|value| !outer.contains(value)) {
                    let what = if self.way == Direction::Request { "not taken any more" } else { "new" };
                    self.tell(at, &format!("the value {value} is {what}"));
                }
            }
        }
    }

    fn bounds(&mut self, at: &str, old: &Value, new: &Value) {
        for (name, is_least) in [
            ("minLength", true),
            ("minimum", true),
            ("exclusiveMinimum", true),
            ("minItems", true),
            ("maxLength", false),
            ("maximum", false),
            ("exclusiveMaximum", false),
            ("maxItems", false),
        ] {
            let (was, is) = (old[name].as_f64(), new[name].as_f64());
            let Some(is) = is else { continue };
            // A least length of nothing takes everything.
            let was = was.or((is_least && matches!(name, "minLength" | "minItems")).then_some(0.0));
            let narrower = was.is_none_or(|was| if is_least { is > was } else { is < was });
            if narrower {
                self.tell(
                    at,
                    &format!(
                        "{name} was {} and is {is}",
                        was.map_or("nothing".to_owned(), |w| w.to_string())
                    ),
                );
            }
        }
        if new.get("pattern").is_some() && old["pattern"] != new["pattern"] {
            self.tell(at, &format!("the pattern is {}", new["pattern"]));
        }
    }

    fn properties(&mut self, at: &str, old: &Value, new: &Value) {
        let (was, is) = (&old["properties"], &new["properties"]);
        let required = |schema: &Value, name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name))
        };
        for (name, property) in was.as_object().into_iter().flatten() {
            let here = format!("{at}.{name}");
            let Some(now) = is.get(name) else {
                match self.way {
                    Direction::Answer => self.tell(&here, "the field is gone"),
                    Direction::Request if new["additionalProperties"] == false => {
                        self.tell(&here, "the field is refused now");
                    }
                    Direction::Request => {}
                }
                continue;
            };
            if self.way == Direction::Answer && required(old, name) && !required(new, name) {
                self.tell(&here, "the field may be absent now");
            }
            self.compare(&here, property, now);
        }
        if self.way == Direction::Request {
            for (name, _) in is.as_object().into_iter().flatten() {
                if required(new, name) && !required(old, name) {
                    self.tell(&format!("{at}.{name}"), "the field is required now");
                }
            }
        }
    }

    /// Alternatives stay in their order; which of several others one became cannot be told.
    fn alternatives(&mut self, at: &str, old: &Value, new: &Value) {
        for name in ["oneOf", "anyOf", "allOf"] {
            let empty = Vec::new();
            let was = old[name].as_array().unwrap_or(&empty);
            let is = new[name].as_array().unwrap_or(&empty);
            if was.len() != is.len() {
                self.tell(at, &format!("{name} had {} alternatives and has {}", was.len(), is.len()));
            }
            for (old, new) in was.iter().zip(is) {
                self.compare(at, old, new);
            }
        }
    }

    fn tell(&mut self, at: &str, what: &str) {
        self.found.push(format!("{at}: {what}"));
    }
}

fn reference(schema: &Value) -> Option<String> {
    schema["$ref"].as_str().map(str::to_owned)
}

fn resolved<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    let pointer = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
    pointer.map_or(schema, |pointer| document.pointer(pointer).unwrap_or(&Value::Null))
}

/// The schema without the alternative that is null, and whether it had one.
fn without_null(schema: &Value) -> (&Value, bool) {
    let is_null = |it: &&Value| it["type"] == "null";
    if let Some(several) = schema["oneOf"].as_array() {
        let mut others = several.iter().filter(|it| !is_null(it));
        if let (true, Some(only), None) =
            (several.iter().any(|it| is_null(&it)), others.next(), others.next())
        {
            return (only, true);
        }
    }
    (schema, false)
}

fn takes_null(schema: &Value) -> bool {
    schema["type"].as_array().is_some_and(|types| types.iter().any(|it| it == "null"))
}

fn types(schema: &Value) -> BTreeSet<&str> {
    match &schema["type"] {
        Value::String(one) => BTreeSet::from([one.as_str()]),
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).filter(|it| *it != "null").collect()
        }
        _ => BTreeSet::new(),
    }
}
