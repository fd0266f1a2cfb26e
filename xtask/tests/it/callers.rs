//! The table of who may call what against what the services call: who is listed and never calls may not.
//!
//! A call is a path of a caller's source, in one string, in a file that makes a call of that method. What stands in braces
//! there is an id, or one of several words. That every call has its row shows where the services run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// Routes of identity that nobody of this version calls, listed for one more: a storefront of the version before asks for a
/// session by its token's path while both run, and an account's row goes with them.
const LEAVING: [(&str, &str); 3] =
    [("GET", "/v1/accounts/{id}"), ("GET", "/v1/sessions/{token}"), ("DELETE", "/v1/sessions/{token}")];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("a folder is readable").path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Methods and paths that a text calls; tests at its foot do not count.
fn calls(text: &str) -> Vec<(String, String)> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let methods: Vec<String> = METHODS
        .iter()
        .filter(|method| ["(", "_"].iter().any(|next| text.contains(&format!("Call::{method}{next}"))))
        .map(|method| method.to_uppercase())
        .collect();
    let paths = text.split("\"/v1/").skip(1).filter_map(|rest| rest.split(['"', '?']).next());
    paths.flat_map(|path| methods.iter().map(move |method| (method.clone(), format!("/v1/{path}")))).collect()
}

/// Whether a call's path is one of the route's. `{id}{rest}` at its end stands for an id and whatever follows.
fn is_of(route: &str, path: &str) -> bool {
    let is_open = |part: &str| part.starts_with('{');
    let goes_on = path.rsplit('/').next().is_some_and(|last| last.contains("}{"));
    let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
    (route.len() == path.len() || (goes_on && route.len() > path.len()))
        && route.iter().zip(&path).all(|(route, path)| is_open(path) || (!is_open(route) && route == path))
}

#[test]
fn who_may_call_a_route_calls_it() {
    let table = std::fs::read_to_string(root().join("services/instrumentation/registry/access.toml"));
    let table: toml::Table = table.expect("there is a table").parse().expect("the table is TOML");
    let mut known: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let (mut idle, mut leaving, mut found) = (Vec::new(), Vec::new(), 0);
    for row in table["route"].as_array().expect("the table has routes") {
        let text = |key: &str| row[key].as_str().expect("a field of a row is text");
        let callers = row["callers"].as_array().expect("a row has callers");
        for caller in callers.iter().filter_map(toml::Value::as_str).filter(|caller| *caller != "public") {
            let calls = known.entry(caller.to_owned()).or_insert_with(|| {
                let files = sources(&root().join("services").join(caller).join("src"));
                files
                    .iter()
                    .flat_map(|file| calls(&std::fs::read_to_string(file).unwrap_or_default()))
                    .collect()
            });
            if calls.iter().any(|(method, path)| method == text("method") && is_of(text("path"), path)) {
                found += 1;
            } else if LEAVING.contains(&(text("method"), text("path"))) && text("service") == "identity" {
                leaving.push(text("path").to_owned());
            } else {
                idle.push(format!(
                    "{caller} never calls {} {} {}",
                    text("service"),
                    text("method"),
                    text("path")
                ));
            }
        }
    }
    assert!(idle.is_empty(), "remove them from the table:\n{}", idle.join("\n"));
    assert_eq!(
        leaving.len(),
        LEAVING.len(),
        "what has gone, or is called again, is no exception: {leaving:?}"
    );
    assert!(found > 60, "only {found} calls were found: they are written in another way");
}

#[test]
fn a_call_is_a_path_and_a_method_of_one_file_before_its_tests() {
    let text =
        "Call::get(format!(\"/v1/a/{id}?page={page}\"))\n#[cfg(test)]\nmod tests { Call::put(\"/v1/b\") }";
    assert_eq!(calls(text), [("GET".to_owned(), "/v1/a/{id}".to_owned())]);
    for (route, path, fits) in [
        ("/v1/a/{id}", "/v1/a/{key}", true),
        ("/v1/a/{id}", "/v1/a/current", false),
        ("/v1/a/{id}/void", "/v1/a/{id}/{verb}", true),
        ("/v1/a/current", "/v1/a/other", false),
        ("/v1/a", "/v1/a/{id}", false),
        ("/v1/a/{id}/role", "/v1/a/{}{rest}", true),
        ("/v1/a/{id}/role", "/v1/a/{id}", false),
    ] {
        assert_eq!(is_of(route, path), fits, "{route} {path}");
    }
}
