//! What of an API breaks its callers: operations, parameters, bodies, answers.

use serde_json::{Map, Value};

use super::schema::{Comparison, Direction};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// Every change from `before` to `after` that a caller written for `before` may fail on, as a line for people.
pub fn breaking(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in entries(&before["paths"]) {
        for method in METHODS {
            let Some(old) = item.get(method) else { continue };
            let name = format!("{} {path}", method.to_uppercase());
            match after["paths"].get(path).and_then(|item| item.get(method)) {
                None => found.push(format!("{name}: the route is gone")),
                Some(new) => {
                    let operation = Operation { name, before, after };
                    operation.parameters(old, new, &mut found);
                    operation.body(&old["requestBody"], &new["requestBody"], &mut found);
                    operation.answers(&old["responses"], &new["responses"], &mut found);
                    operation.callers(old, new, &mut found);
                }
            }
        }
    }
    found
}

struct Operation<'a> {
    name: String,
    before: &'a Value,
    after: &'a Value,
}

impl Operation<'_> {
    fn parameters(&self, old: &Value, new: &Value, found: &mut Vec<String>) {
        for parameter in list(&new["parameters"]) {
            let same = |it: &&Value| it["name"] == parameter["name"] && it["in"] == parameter["in"];
            let name = parameter["name"].as_str().unwrap_or_default();
            let known = list(&old["parameters"]).iter().find(same);
            let was_required = known.is_some_and(|it| it["required"] == true);
            if parameter["required"] == true && !was_required {
                found.push(format!("{}: the parameter {name} is required now", self.name));
            }
            if let Some(known) = known {
                let at = format!("{}: parameter {name}", self.name);
                self.schemas(Direction::Request, at, &known["schema"], &parameter["schema"], found);
            }
        }
    }

    fn body(&self, old: &Value, new: &Value, found: &mut Vec<String>) {
        if new["required"] == true && old["required"] != true {
            found.push(format!("{}: a body is required now", self.name));
        }
        for (kind, content) in entries(&old["content"]) {
            let at = format!("{}: body", self.name);
            match new["content"].get(kind) {
                None => found.push(format!("{at}: {kind} is not taken any more")),
                Some(now) => self.schemas(Direction::Request, at, &content["schema"], &now["schema"], found),
            }
        }
    }

    /// A refusal may change: callers go by its code, and problems have one shape.
    fn answers(&self, old: &Value, new: &Value, found: &mut Vec<String>) {
        for (status, answer) in entries(old).filter(|(status, _)| status.as_str() < "400") {
            let Some(now) = new.get(status) else {
                found.push(format!("{}: answer {status} is gone", self.name));
                continue;
            };
            for (kind, content) in entries(&answer["content"]) {
                let at = format!("{}: answer {status}", self.name);
                match now["content"].get(kind) {
                    None => found.push(format!("{at}: {kind} is not given any more")),
                    Some(now) => {
                        self.schemas(Direction::Answer, at, &content["schema"], &now["schema"], found);
                    }
                }
            }
        }
    }

    /// A service that might call and may not any more.
    fn callers(&self, old: &Value, new: &Value, found: &mut Vec<String>) {
        let now = list(&new["x-callers"]);
        for caller in list(&old["x-callers"]).iter().filter(|caller| !now.contains(caller)) {
            // Nobody is listed where everybody may call.
            if new.get("x-callers").is_some() {
                found.push(format!("{}: {caller} may not call it any more", self.name));
            }
        }
        if old.get("x-callers").is_none() && new.get("x-callers").is_some() {
            found.push(format!("{}: a token is asked for now", self.name));
        }
    }

    fn schemas(&self, way: Direction, at: String, old: &Value, new: &Value, found: &mut Vec<String>) {
        Comparison::new(way, self.before, self.after, found).compare(&at, old, new);
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
