//! The services' queries are checked ones: what the compiler cannot see itself. A query's hash names its file in `.sqlx`.

mod text;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use self::text::checked_queries;

/// Where SQL is written at run time, and why the compiler cannot check it.
const AT_RUN_TIME: &[(&str, &str)] = &[
    (
        "catalog/src/storage/entries.rs",
        "the words, filters and order of a list are put together from what is asked for",
    ),
    ("catalog/src/storage/list.rs", "filters that are asked for, and no others, so that each has its index"),
    ("catalog/src/storage/search.rs", "a part of the queries of lists and suggestions"),
    (
        "instrumentation/src/db/faults.rs",
        "runs in every service's database, and locks a table that it is told",
    ),
    ("instrumentation/src/db/follower.rs", "asks the server, in every service's database"),
    ("instrumentation/src/db/mod.rs", "asks the server, in every service's database"),
    ("instrumentation/src/outbox/storage/mod.rs", "runs in the database of each service that has an outbox"),
];

/// What writes SQL at run time.
const CALLS: [&str; 6] = [
    concat!("sqlx::query", "("),
    concat!("sqlx::query_as", "("),
    concat!("sqlx::query_scalar", "("),
    concat!("sqlx::query_as", "::<"),
    concat!("sqlx::query_scalar", "::<"),
    concat!("Query", "Builder"),
];

fn services() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services")
}

/// Files of a service's `src`, below `services/`, with their text.
fn sources(service: &str) -> Vec<(String, String)> {
    let root = services();
    let mut found = Vec::new();
    let mut folders = vec![root.join(service).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The services and what they share; testkit speaks to databases that tests make.
fn crates() -> Vec<String> {
    let names =
        fs::read_dir(services()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "testkit" && services().join(name).join("src").is_dir()).collect()
}

fn writes_sql_at_run_time(text: &str) -> bool {
    CALLS.iter().any(|call| text.contains(call))
}

#[test]
fn queries_are_checked_by_the_compiler_but_for_these() {
    let all: Vec<(String, String)> = crates().iter().flat_map(|name| sources(name)).collect();
    let found: BTreeSet<&str> =
        all.iter().filter(|(_, text)| writes_sql_at_run_time(text)).map(|(name, _)| name.as_str()).collect();
    let known: BTreeSet<&str> = AT_RUN_TIME.iter().map(|(file, _)| *file).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "write these with sqlx::query! and its like, or say why they cannot be: {new:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "these write no SQL at run time any more: {gone:?}");
}

#[test]
fn every_query_has_its_metadata_and_no_metadata_is_left_over() {
    let mut queries = 0;
    for service in crates() {
        let sources = sources(&service);
        let texts: Vec<&str> = sources.iter().map(|(_, text)| text.as_str()).collect();
        let found = checked_queries(&texts).unwrap_or_else(|place| panic!("{service}: {place}"));
        let name = |query: &String| format!("query-{}.json", hex::encode(Sha256::digest(query.as_bytes())));
        let wanted: BTreeSet<String> = found.iter().map(name).collect();
        queries += wanted.len();
        let folder = fs::read_dir(services().join(&service).join(".sqlx"));
        let there: BTreeSet<String> = folder
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let (missing, left) = (wanted.difference(&there), there.difference(&wanted));
        let wrong: Vec<_> = missing.chain(left).collect();
        assert!(wrong.is_empty(), "`make sqlx S={service}` writes or removes these: {wrong:?}");
    }
    assert!(queries > 50, "the search finds no queries");
}

#[test]
fn every_service_with_metadata_compiles_it_in_and_compares_it_with_its_schema() {
    let services = crates().into_iter().filter(|name| services().join(name).join(".sqlx").is_dir());
    let mut wrong = Vec::new();
    for service in services {
        for (file, wanted) in [
            ("build.rs", ".sqlx"),
            ("tests/it/sql.rs", "sql::metadata_holds("),
            ("tests/it/main.rs", "mod sql;"),
        ] {
            let text = fs::read_to_string(self::services().join(&service).join(file)).unwrap_or_default();
            if !text.contains(wanted) {
                wrong.push(format!("services/{service}/{file} lacks {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn sql_that_is_written_at_run_time_is_found() {
    for text in [
        concat!("let q = sqlx::query", "(\"SELECT 1\");"),
        concat!("sqlx::query_scalar", "::<_, i64>(&text)"),
        concat!("let mut q = sqlx::Query", "Builder::new(\"SELECT\");"),
    ] {
        assert!(writes_sql_at_run_time(text), "{text}");
    }
    assert!(!writes_sql_at_run_time("sqlx::query!(\"SELECT 1\"); sqlx::query_as!(Row, \"SELECT 2\")"));
}
