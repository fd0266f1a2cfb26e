//! Every PrometheusRule as Prometheus itself reads it.

use serde_json::{Value, json};

use super::{
    super::{Outcome, Tree, folder, program},
    at, list, text, yaml,
};

const TEST: &str = "cluster.test.yml";

pub struct Rule {
    /// `shop.yaml: ServiceDown`
    pub place: String,
    pub expr: String,
    /// The series that a recording rule makes.
    pub record: Option<String>,
}

/// The specs of all rule objects, by file.
fn specs(tree: &Tree) -> Result<Vec<(String, Value)>, String> {
    let mut specs = Vec::new();
    for path in folder::files(&at(tree, "prometheus/rules"), ".yaml")? {
        let object = yaml(&folder::read(&path)?).map_err(|e| format!("{}: {e}", path.display()))?;
        if object["kind"] == "PrometheusRule" {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            specs.push((name, object["spec"].clone()));
        }
    }
    Ok(specs)
}

pub fn all(tree: &Tree) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (file, spec) in specs(tree)? {
        for rule in list(&spec["groups"]).iter().flat_map(|group| list(&group["rules"])) {
            let record = rule["record"].as_str().map(str::to_owned);
            let name = record.as_deref().unwrap_or_else(|| text(&rule["alert"]));
            rules.push(Rule {
                place: format!("{file}: {name}"),
                expr: text(&rule["expr"]).to_owned(),
                record,
            });
        }
    }
    Ok(rules)
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let specs = specs(tree)?;
    let mut rules = 0;
    for (file, spec) in &specs {
        promtool(spec).map_err(|e| format!("{file}: {e}"))?;
        rules += list(&spec["groups"]).iter().map(|group| list(&group["rules"]).len()).sum::<usize>();
    }
    tested(tree, &specs)?;
    if rules == 0 {
        return Err("no PrometheusRule has a rule".to_owned());
    }
    Ok(Outcome::Passed(format!("{rules} rules in {} objects", specs.len())))
}

/// Runs the test of the rules that are made for the cluster, with those that read them.
fn tested(tree: &Tree, specs: &[(String, Value)]) -> Result<(), String> {
    let place = tempfile::tempdir().map_err(|e| e.to_string())?;
    for (file, spec) in specs {
        folder::write(&place.path().join(file), &spec.to_string())?;
    }
    let test = place.path().join(TEST);
    folder::write(&test, &folder::read(&at(tree, &format!("prometheus/{TEST}")))?)?;
    let ran = program::output(program::command("promtool")?.args(["test", "rules"]).arg(test));
    ran.map(drop).map_err(|e| format!("prometheus/{TEST}: {e}"))
}

/// PromQL of others, by the same parser: a rule for each.
pub fn parses(queries: &[String]) -> Result<(), String> {
    let rules: Vec<Value> =
        queries.iter().enumerate().map(|(n, q)| json!({"record": format!("query:{n}"), "expr": q})).collect();
    promtool(&json!({"groups": [{"name": "queries", "rules": rules}]}))
}

fn promtool(spec: &Value) -> Result<(), String> {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().map_err(|e| e.to_string())?;
    // JSON is YAML.
    folder::write(file.path(), &spec.to_string())?;
    program::output(program::command("promtool")?.args(["check", "rules"]).arg(file.path())).map(drop)
}
