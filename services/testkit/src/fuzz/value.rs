//! Values that a schema of a document describes, for bodies that get past the parser.

use serde_json::{Map, Value, json};

use super::Bytes;

/// Schemas refer to each other in circles at most in theory.
const DEEPEST: usize = 8;
const MOST_ITEMS: usize = 3;

impl Bytes {
    /// A value of the shape that `schema` asks for; its texts and numbers are arbitrary, or at the edge of the bounds, or
    /// one of `known`.
    pub fn value(&mut self, document: &Value, schema: &Value, known: &[String]) -> Value {
        self.value_at(document, schema, known, DEEPEST)
    }

    fn value_at(&mut self, document: &Value, schema: &Value, known: &[String], depth: usize) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        if let Some(name) = schema["$ref"].as_str() {
            let schema = document.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
            return self.value_at(document, schema, known, depth - 1);
        }
        for several in ["oneOf", "anyOf", "allOf"] {
            if let Some(list) = schema[several].as_array().filter(|list| !list.is_empty()) {
                let chosen = &list[self.below(list.len())];
                return self.value_at(document, chosen, known, depth - 1);
            }
        }
        if let Some(list) = schema["enum"].as_array().filter(|list| !list.is_empty()) {
            return if self.below(8) == 0 {
                json!(self.text())
            } else {
                list[self.below(list.len())].clone()
            };
        }
        match kind(schema) {
            "object" => self.object(document, schema, known, depth),
            "array" => {
                let items = (0..self.below(MOST_ITEMS + 1))
                    .map(|_| self.value_at(document, &schema["items"], known, depth - 1));
                Value::Array(items.collect())
            }
            "integer" | "number" => self.edge(schema),
            "boolean" => json!(self.below(2) == 0),
            "string" => self.string(schema, known),
            _ => Value::Null,
        }
    }

    fn object(&mut self, document: &Value, schema: &Value, known: &[String], depth: usize) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|it| it == name) || self.below(2) == 0 {
                object.insert(name.clone(), self.value_at(document, property, known, depth - 1));
            }
        }
        Value::Object(object)
    }

    fn edge(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
        let most = schema["maximum"].as_i64().unwrap_or(i64::MAX);
        match self.below(6) {
            0 => json!(least),
            1 => json!(most),
            2 => json!(most.saturating_add(1)),
            3 => json!(self.number()),
            _ => json!(least.max(0).saturating_add(self.below(5) as i64).min(most)),
        }
    }

    fn string(&mut self, schema: &Value, known: &[String]) -> Value {
        let is_id = schema["format"] == "uuid";
        match self.below(4) {
            0 => json!(self.text()),
            1 if schema["format"] == "email" => json!("kim@example.com"),
            _ if is_id && !known.is_empty() => json!(known[self.below(known.len())]),
            _ => {
                let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
                let length = least.saturating_add(self.below(20));
                json!((0..length).map(|_| char::from(b'a' + self.below(26) as u8)).collect::<String>())
            }
        }
    }
}

/// The type of a schema; of several, the one that is not null.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|it| *it != "null").unwrap_or(""),
        _ => "",
    }
}
