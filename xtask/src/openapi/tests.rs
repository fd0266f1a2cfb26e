//! Planted changes: each that breaks a caller is told, none that does not.

use std::process::Command;

use serde_json::{Value, json};

use super::{check, diff::breaking};

fn document() -> Value {
    json!({
        "paths": {
            "/v1/orders": {
                "post": {
                    "x-callers": ["storefront", "identity"],
                    "parameters": [
                        {"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string", "maxLength": 128}},
                        {"name": "page", "in": "query", "schema": {"type": ["integer", "null"], "minimum": 1}}
                    ],
                    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                    "responses": {
                        "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                        "404": {"description": "none"}
                    }
                }
            },
            "/v1/stock": {"get": {"responses": {"200": {"description": "found"}}}}
        },
        "components": {"schemas": {
            "New": {"type": "object", "required": ["lines"], "additionalProperties": false, "properties": {
                "lines": {"type": "array", "maxItems": 50, "items": {"type": "integer", "maximum": 99}},
                "note": {"type": ["string", "null"], "maxLength": 500}
            }},
            "Order": {"type": "object", "required": ["id", "status"], "properties": {
                "id": {"type": "string", "format": "uuid"},
                "status": {"type": "string", "enum": ["pending", "confirmed"]},
                "parent": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Order"}]}
            }}
        }}
    })
}

/// What is told after the value at `pointer` became `value` (`null`: was removed).
fn told(pointer: &str, value: Value) -> Vec<String> {
    let mut after = document();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = after.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is nowhere"));
    let name = name.replace("~1", "/");
    match parent {
        Value::Object(map) if value.is_null() => drop(map.remove(&name).unwrap()),
        Value::Object(map) => drop(map.insert(name, value)),
        Value::Array(list) if name == "-" => list.push(value),
        Value::Array(list) if value.is_null() => drop(list.remove(name.parse().unwrap())),
        other => panic!("{other} has no parts"),
    }
    breaking(&document(), &after)
}

const NEW: &str = "/components/schemas/New";
const ORDER: &str = "/components/schemas/Order";
const POST: &str = "/paths/~1v1~1orders/post";

#[test]
fn changes_that_break_a_caller_are_told() {
    for (pointer, value, expected) in [
        ("/paths/~1v1~1stock".to_owned(), Value::Null, "GET /v1/stock: the route is gone"),
        (POST.to_owned(), Value::Null, "POST /v1/orders: the route is gone"),
        (format!("{ORDER}/properties/status"), Value::Null, "answer 201.status: the field is gone"),
        (format!("{ORDER}/required"), json!(["id"]), "answer 201.status: the field may be absent now"),
        (format!("{NEW}/required"), json!(["lines", "note"]), "body.note: the field is required now"),
        (format!("{NEW}/properties/note"), Value::Null, "body.note: the field is refused now"),
        (format!("{NEW}/properties/note/maxLength"), json!(499), "body.note: maxLength was 500 and is 499"),
        (format!("{NEW}/properties/lines/minItems"), json!(1), "body.lines: minItems was 0 and is 1"),
        (format!("{NEW}/properties/lines/items/maximum"), json!(9), "body.lines[]: maximum was 99 and is 9"),
        (format!("{NEW}/properties/note/pattern"), json!("^a"), "body.note: the pattern is \"^a\""),
        (format!("{NEW}/properties/note/type"), json!("string"), "body.note: null is not taken any more"),
        (
            format!("{NEW}/properties/lines/items/type"),
            json!("string"),
            "body.lines[]: the type was integer and is string",
        ),
        (
            format!("{ORDER}/properties/id/format"),
            json!("date"),
            "answer 201.id: the type was string uuid and is string date",
        ),
        (format!("{ORDER}/properties/id/type"), json!(["string", "null"]), "answer 201.id: may be null now"),
        (
            format!("{ORDER}/properties/status/enum/-"),
            json!("lost"),
            "answer 201.status: the value \"lost\" is new",
        ),
        (format!("{POST}/responses/201"), Value::Null, "answer 201 is gone"),
        (format!("{POST}/parameters/1/required"), json!(true), "the parameter page is required now"),
        (format!("{POST}/parameters/1/schema/minimum"), json!(2), "parameter page: minimum was 1 and is 2"),
        (
            format!("{POST}/parameters/-"),
            json!({"name": "x-new", "in": "header", "required": true, "schema": {"type": "string"}}),
            "the parameter x-new is required now",
        ),
        (format!("{POST}/x-callers/1"), Value::Null, "\"identity\" may not call it any more"),
    ] {
        let told = told(&pointer, value);
        assert!(told.iter().any(|line| line.contains(expected)), "{pointer}: {told:?}");
    }
}

#[test]
fn changes_that_break_nobody_are_not_told() {
    assert_eq!(breaking(&document(), &document()), Vec::<String>::new());
    for (pointer, value) in [
        ("/paths/~1v1~1new".to_owned(), json!({"get": {"responses": {}}})),
        (format!("{ORDER}/properties/more"), json!({"type": "string"})),
        (format!("{NEW}/properties/more"), json!({"type": "string", "maxLength": 9})),
        (format!("{NEW}/properties/note/maxLength"), json!(501)),
        (format!("{NEW}/properties/note/maxLength"), Value::Null),
        (format!("{NEW}/properties/lines/items/type"), json!("number")),
        (format!("{NEW}/required"), json!([])),
        (format!("{POST}/responses/404"), Value::Null),
        (format!("{POST}/responses/409"), json!({"description": "conflict"})),
        (format!("{POST}/parameters/0/required"), json!(false)),
        (format!("{POST}/x-callers/-"), json!("orders")),
    ] {
        assert_eq!(told(&pointer, value), Vec::<String>::new(), "{pointer}");
    }
}

#[test]
fn the_checkout_is_compared_with_its_last_tag() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let git = |arguments: &[&str]| {
        let git = Command::new(xtask_programs::path("git").unwrap())
            .arg("-C")
            .arg(root)
            .args(["-c", "user.name=q", "-c", "user.email=q@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    };
    std::fs::create_dir_all(root.join("services/orders")).unwrap();
    let file = root.join("services/orders/openapi.json");
    std::fs::write(&file, document().to_string()).unwrap();
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    std::fs::write(&file, "{}").unwrap();
    check(root).expect("without a release nobody can be broken");
    git(&["tag", "v1"]);
    let told = check(root).unwrap_err();
    assert!(told.contains("since v1") && told.contains("orders: GET /v1/stock: the route is gone"), "{told}");
    std::fs::remove_file(&file).unwrap();
    assert!(check(root).unwrap_err().contains("the route is gone"), "a removed document removes its routes");
    std::fs::write(&file, document().to_string()).unwrap();
    check(root).unwrap();
}
