//! What Elasticsearch is given: lifecycle, pipeline, template and searches belong together, and take what the services
//! write. `make infra-elastic` runs them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    super::{Outcome, Tree, folder},
    at, document, list, text, verdict,
};

const LINES: &str = "services/instrumentation/src/telemetry/json.rs";
/// Below it every field is mapped as it comes.
const OPEN: &str = "shop.";

/// A saved search.
struct Search {
    title: String,
    columns: Vec<String>,
    view: String,
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let mut wrong = Vec::new();
    names(tree, &mut wrong)?;
    let template = document(tree, "elastic/template.json")?;
    let pipeline = document(tree, "elastic/pipeline.json")?;
    document(tree, "elastic/lifecycle.json")?;
    let (views, searches) = saved(tree)?;
    for search in &searches {
        if !views.iter().any(|(id, _)| *id == search.view) {
            wrong.push(format!("searches.ndjson: {} looks through a view that is not there", search.title));
        }
        for column in search.columns.iter().filter(|column| !is_mapped(&template, column)) {
            wrong.push(format!(
                "searches.ndjson: {} shows {column}, which template.json does not map",
                search.title
            ));
        }
    }
    for (_, pattern) in &views {
        if !list(&template["index_patterns"]).iter().any(|p| text(p) == pattern) {
            wrong.push(format!("searches.ndjson: no template makes {pattern}"));
        }
    }
    let read = read_by(&pipeline);
    for field in every_line_has(tree)? {
        if !read.contains(&format!("{OPEN}{field}")) {
            wrong.push(format!("pipeline.json does not read {field}, which every line of a service has"));
        }
    }
    for field in written_by(&pipeline).iter().filter(|field| !is_mapped(&template, field)) {
        wrong.push(format!("pipeline.json writes {field}, which template.json does not map"));
    }
    verdict(
        &wrong,
        format!("{} processors, {} searches", list(&pipeline["processors"]).len(), searches.len()),
    )
}

/// What setup.sh puts under a name is what the template and Filebeat name, and every file of the folder is mounted.
fn names(tree: &Tree, wrong: &mut Vec<String>) -> Result<(), String> {
    let script = folder::read(&at(tree, "elastic/setup.sh"))?;
    let template = document(tree, "elastic/template.json")?;
    let settings = &template["template"]["settings"];
    for (path, setting) in
        [("_ilm/policy/", "index.lifecycle.name"), ("_ingest/pipeline/", "index.default_pipeline")]
    {
        let name = text(&settings[setting]);
        if !script.contains(&format!("put {path}{name} ")) {
            wrong.push(format!("template.json: {setting} is {name:?}, which setup.sh does not put"));
        }
    }
    let filebeat = document(tree, "elastic/filebeat.yaml")?;
    let index = text(&filebeat["spec"]["config"]["output.elasticsearch"]["index"]);
    let patterns: Vec<&str> = list(&template["index_patterns"]).iter().map(text).collect();
    if !patterns.iter().any(|p| p.strip_suffix('*').is_some_and(|start| index.starts_with(start))) {
        wrong.push(format!("filebeat.yaml writes to {index:?}, and the template is for {patterns:?}"));
    }
    let kustomization = document(tree, "elastic/kustomization.yaml")?;
    let mounted: BTreeSet<&str> =
        list(&kustomization["configMapGenerator"][0]["files"]).iter().map(text).collect();
    for path in folder::files(&at(tree, "elastic"), "")? {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.extension().is_none_or(|ending| ending != "yaml")
            && (!mounted.contains(name.as_str()) || !(name == "setup.sh" || script.contains(&name)))
        {
            wrong.push(format!("{name} is not mounted, or setup.sh does not use it"));
        }
    }
    Ok(())
}

/// Views with their patterns, and searches.
fn saved(tree: &Tree) -> Result<(Vec<(String, String)>, Vec<Search>), String> {
    let (mut views, mut searches) = (Vec::new(), Vec::new());
    for (number, line) in folder::read(&at(tree, "elastic/searches.ndjson"))?.lines().enumerate() {
        let fail = |what: &str| format!("searches.ndjson, line {}: {what}", number + 1);
        let object: Value = serde_json::from_str(line).map_err(|e| fail(&e.to_string()))?;
        let attributes = &object["attributes"];
        match text(&object["type"]) {
            "index-pattern" => {
                views.push((text(&object["id"]).to_owned(), text(&attributes["title"]).to_owned()));
            }
            "search" => {
                let source = text(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]);
                let source: Value = serde_json::from_str(source).map_err(|e| fail(&e.to_string()))?;
                if source["query"]["language"] != "lucene" || text(&source["query"]["query"]).is_empty() {
                    return Err(fail("it asks nothing in Lucene's language, which is what can be run here"));
                }
                searches.push(Search {
                    title: text(&attributes["title"]).to_owned(),
                    columns: list(&attributes["columns"]).iter().map(|c| text(c).to_owned()).collect(),
                    view: text(&object["references"][0]["id"]).to_owned(),
                });
            }
            other => return Err(fail(&format!("an object of type {other:?}"))),
        }
    }
    Ok((views, searches))
}

fn is_mapped(template: &Value, field: &str) -> bool {
    let mut at = &template["template"]["mappings"];
    field.starts_with(OPEN)
        || field.split('.').all(|part| {
            at = &at["properties"][part];
            at.is_object()
        })
}

/// Fields that the pipeline's processors take.
fn read_by(pipeline: &Value) -> BTreeSet<String> {
    steps(pipeline).filter_map(|step| step["field"].as_str()).map(str::to_owned).collect()
}

/// Fields that they make.
fn written_by(pipeline: &Value) -> BTreeSet<String> {
    let renamed = steps(pipeline).filter_map(|step| step["target_field"].as_str());
    renamed.filter(|field| *field != "shop").map(str::to_owned).collect()
}

fn steps(pipeline: &Value) -> impl Iterator<Item = &Value> {
    list(&pipeline["processors"]).iter().filter_map(Value::as_object).flat_map(|step| step.values())
}

/// The fields of every line, from the source that writes them.
fn every_line_has(tree: &Tree) -> Result<Vec<String>, String> {
    let source = folder::read(&tree.root.join(LINES))?;
    let list = source.split_once("const RESERVED").and_then(|(_, rest)| rest.split_once("];"));
    let (list, _) = list.ok_or_else(|| format!("{LINES} has no list of what every line has"))?;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}
