//! The fields of a document: objects in one another become names with dots.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Longest name of a field with those around it.
const MAX_NAME_BYTES: usize = 1024;

/// Values by the full name of their field; an empty value and `null` are absent, as for a search.
pub type Fields = BTreeMap<String, String>;

/// Fields of a document without `@timestamp`, at most `max`.
pub fn flatten(document: &Map<String, Value>, max: usize) -> Result<Fields, String> {
    let mut out = Fields::new();
    let mut name = String::new();
    walk(document, max, &mut name, &mut out)?;
    out.remove("@timestamp");
    Ok(out)
}

/// Recursion is bounded by `max_json_depth`, which was looked at before.
fn walk(object: &Map<String, Value>, max: usize, name: &mut String, out: &mut Fields) -> Result<(), String> {
    for (key, value) in object {
        let length = name.len();
        if length + key.len() + 1 > MAX_NAME_BYTES {
            return Err(format!("the name of a field is longer than {MAX_NAME_BYTES} bytes"));
        }
        if length > 0 {
            name.push('.');
        }
        name.push_str(key);
        match value {
            Value::Object(inner) => walk(inner, max, name, out)?,
            other => {
                if let Some(text) = text(other) {
                    out.insert(name.clone(), text);
                }
                // `@timestamp` does not count.
                if out.len() > max + 1 {
                    return Err(format!("the document has more fields than max_attributes ({max})"));
                }
            }
        }
        name.truncate(length);
    }
    Ok(())
}

/// A value as text: JSON for lists, the one value for a list of one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        Value::Array(values) => match &values[..] {
            [] => None,
            [one] if !one.is_object() && !one.is_array() => text(one),
            _ => Some(value.to_string()),
        },
        other => Some(other.to_string()),
    }
    .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &Value, max: usize) -> Result<Fields, String> {
        flatten(value.as_object().unwrap(), max)
    }

    #[test]
    fn objects_become_dots_and_lists_become_json() {
        let document = json!({
            "@timestamp": 1, "a": {"b": {"c": 1}}, "a.d": true, "n": null, "e": "", "one": ["x"],
            "tags": ["x", "y"], "o": [{"k": 1}], "none": [],
        });
        let fields: Vec<_> = of(&document, 9).unwrap().into_iter().collect();
        let want =
            [("a.b.c", "1"), ("a.d", "true"), ("o", r#"[{"k":1}]"#), ("one", "x"), ("tags", r#"["x","y"]"#)];
        assert_eq!(fields, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn many_fields_and_long_names_are_refused() {
        let many: Map<String, Value> = (0..12).map(|i| (format!("f{i}"), json!(i))).collect();
        assert!(flatten(&many, 9).unwrap_err().contains("max_attributes (9)"));
        let long = json!({"a".repeat(600): {"b".repeat(600): 1}});
        assert!(of(&long, 9).unwrap_err().contains("1024 bytes"));
    }
}
