//! Grafana's dashboards: files that are provisioned, panels that do not lie on each other, units, and data sources that
//! exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{Outcome, Tree, folder},
    at, document, list,
    queries::Query,
    text, verdict,
};

const FILES: &str = "grafana/dashboards";
/// Grafana's grid.
const COLUMNS: i64 = 24;
/// Units that panels here use, by Grafana's ids. `none` is a plain number, `short` one with k and M.
const UNITS: [&str; 12] = [
    "none",
    "short",
    "percentunit",
    "s",
    "bytes",
    "reqps",
    "ops",
    "opm",
    "cps",
    "currencyEUR",
    "ms",
    "percent",
];
/// Panels that show texts.
const UNITLESS: [&str; 2] = ["row", "logs"];

struct Dashboard {
    name: String,
    body: Value,
}

fn all(tree: &Tree) -> Result<Vec<Dashboard>, String> {
    let mut dashboards = Vec::new();
    for path in folder::files(&at(tree, FILES), ".json")? {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let body =
            serde_json::from_str(&folder::read(&path)?).map_err(|e| format!("{FILES}/{name}.json: {e}"))?;
        dashboards.push(Dashboard { name, body });
    }
    Ok(dashboards)
}

/// The queries of all panels and annotations, with variables replaced as Grafana would.
pub fn queries(tree: &Tree) -> Result<Vec<Query>, String> {
    let mut queries = Vec::new();
    for Dashboard { name, body } in all(tree)? {
        let fill = |text: &str| filled(text, &body);
        for annotation in list(&body["annotations"]["list"]) {
            let place = format!("{name}.json: annotation {}", text(&annotation["name"]));
            queries.push(Query { place, language: "promql", text: fill(text(&annotation["expr"])) });
        }
        for panel in list(&body["panels"]) {
            for target in list(&panel["targets"]) {
                let (language, query) = match text(&target["datasource"]["type"]) {
                    "prometheus" => ("promql", &target["expr"]),
                    "loki" => ("logql", &target["expr"]),
                    _ => ("traceql", &target["query"]),
                };
                let place = format!("{name}.json: {} {}", text(&panel["title"]), text(&target["refId"]));
                queries.push(Query { place, language, text: fill(text(query)) });
            }
        }
    }
    Ok(queries)
}

fn filled(query: &str, dashboard: &Value) -> String {
    let mut query =
        query.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$__interval", "1m");
    for variable in list(&dashboard["templating"]["list"]) {
        if variable["type"] == "custom" {
            let first = text(&variable["query"]).split(',').next().unwrap_or_default();
            query = query.replace(&format!("${}", text(&variable["name"])), first);
        }
    }
    query
}

pub fn check(tree: &Tree) -> Result<Outcome, String> {
    let dashboards = all(tree)?;
    let sources = Sources::read(tree)?;
    let mut wrong = sources.problems();
    provisioned(tree, &dashboards, &mut wrong)?;
    let services: BTreeSet<String> = folder::folders(&tree.root.join("services"))?.into_iter().collect();
    let mut panels = 0;
    for Dashboard { name, body } in &dashboards {
        let mut tell = |what: String| wrong.push(format!("{name}.json: {what}"));
        if text(&body["uid"]) != format!("quarterdeck-{name}") || text(&body["title"]).is_empty() {
            tell("its uid is not its file's name, or it has no title".to_owned());
        }
        variables(body, &sources, &services, &mut tell);
        let shown = list(&body["panels"]);
        panels += shown.iter().filter(|panel| panel["type"] != "row").count();
        overlaps(shown, &mut tell);
        let mut ids = BTreeSet::new();
        for panel in shown {
            if !ids.insert(panel["id"].to_string()) {
                tell(format!("{}: id {} stands twice", text(&panel["title"]), panel["id"]));
            }
            self::panel(panel, body, &mut tell);
        }
    }
    verdict(&wrong, format!("{} dashboards, {panels} panels", dashboards.len()))
}

/// Files and the kustomization's list, both ways.
fn provisioned(tree: &Tree, dashboards: &[Dashboard], wrong: &mut Vec<String>) -> Result<(), String> {
    let kustomization = document(tree, "grafana/kustomization.yaml")?;
    let listed: BTreeSet<String> = list(&kustomization["configMapGenerator"])
        .iter()
        .flat_map(|map| list(&map["files"]))
        .filter_map(|file| Some(text(file).strip_prefix("dashboards/")?.to_owned()))
        .collect();
    let there: BTreeSet<String> = dashboards.iter().map(|d| format!("{}.json", d.name)).collect();
    for name in there.difference(&listed) {
        wrong.push(format!("{name}: no ConfigMap has it, see grafana/kustomization.yaml"));
    }
    for name in listed.difference(&there) {
        wrong.push(format!("grafana/kustomization.yaml lists {name}, which is not there"));
    }
    Ok(())
}

/// Data sources by uid, with their types.
struct Sources {
    types: BTreeMap<String, String>,
    referred: Vec<String>,
}

impl Sources {
    fn read(tree: &Tree) -> Result<Self, String> {
        let provisioning = document(tree, "grafana/datasources.yaml")?;
        let sources = list(&provisioning["datasources"]);
        let types =
            sources.iter().map(|s| (text(&s["uid"]).to_owned(), text(&s["type"]).to_owned())).collect();
        let mut referred = Vec::new();
        uids(&provisioning, &mut referred);
        Ok(Self { types, referred })
    }

    fn problems(&self) -> Vec<String> {
        let unknown = self.referred.iter().filter(|uid| !self.types.contains_key(*uid));
        let mut wrong: Vec<String> =
            unknown.map(|uid| format!("datasources.yaml: {uid} is referred to and not there")).collect();
        for kind in ["prometheus", "loki", "tempo"] {
            if self.types.values().filter(|t| *t == kind).count() < 2 {
                wrong.push(format!(
                    "datasources.yaml: {kind} is not there twice, as itself and as the console"
                ));
            }
        }
        wrong
    }
}

fn uids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key.to_lowercase().ends_with("datasourceuid") || key == "alertmanagerUid" {
                    found.push(text(value).to_owned());
                }
                uids(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| uids(value, found)),
        _ => {}
    }
}

fn variables(body: &Value, sources: &Sources, services: &BTreeSet<String>, tell: &mut impl FnMut(String)) {
    for variable in list(&body["templating"]["list"]) {
        let name = text(&variable["name"]);
        match text(&variable["type"]) {
            "datasource" => {
                let uid = text(&variable["current"]["value"]);
                if sources.types.get(uid).map(String::as_str) != variable["query"].as_str() {
                    tell(format!("variable {name}: {uid:?} is no data source of its type"));
                }
            }
            "custom" => {
                for value in text(&variable["query"]).split(',').filter(|value| !services.contains(*value)) {
                    tell(format!("variable {name}: there is no service {value:?}"));
                }
            }
            other => tell(format!("variable {name} is of a type that nothing checks: {other}")),
        }
    }
}

fn panel(panel: &Value, body: &Value, tell: &mut impl FnMut(String)) {
    let (title, kind) = (text(&panel["title"]), text(&panel["type"]));
    if title.is_empty() {
        tell(format!("panel {} has no title", panel["id"]));
    }
    let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
    if !UNITLESS.contains(&kind) && !UNITS.contains(&unit) {
        tell(format!("{title}: unit {unit:?} is none that is known here"));
    }
    if kind != "row" && list(&panel["targets"]).is_empty() {
        tell(format!("{title}: asks nothing"));
    }
    for target in list(&panel["targets"]) {
        let (of, uid) = (text(&target["datasource"]["type"]), text(&target["datasource"]["uid"]));
        let variable =
            list(&body["templating"]["list"]).iter().find(|v| uid == format!("${{{}}}", text(&v["name"])));
        if variable.is_none_or(|v| v["query"] != of) {
            tell(format!("{title}: its data source {uid:?} is no variable of type {of}"));
        }
    }
}

/// Places on the grid: inside, and nobody's twice.
fn overlaps(panels: &[Value], tell: &mut impl FnMut(String)) {
    let mut taken: BTreeMap<(i64, i64), &str> = BTreeMap::new();
    for panel in panels {
        let number = |key: &str| panel["gridPos"][key].as_i64().unwrap_or(-1);
        let (x, y, w, h) = (number("x"), number("y"), number("w"), number("h"));
        let title = text(&panel["title"]);
        if x < 0 || y < 0 || w < 1 || h < 1 || x + w > COLUMNS {
            tell(format!("{title}: lies outside the grid"));
            continue;
        }
        let cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        let mut under = None;
        for cell in cells {
            under = under.or(taken.insert(cell, title));
        }
        if let Some(under) = under {
            tell(format!("{title} lies on {under}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(of: &[(i64, i64, i64, i64)]) -> Vec<String> {
        let panels: Vec<Value> = of
            .iter()
            .enumerate()
            .map(|(n, (x, y, w, h))| json!({"title": format!("{n}"), "gridPos": {"x": x, "y": y, "w": w, "h": h}}))
            .collect();
        let mut told = Vec::new();
        overlaps(&panels, &mut |what| told.push(what));
        told
    }

    #[test]
    fn panels_beside_each_other_are_fine_and_on_each_other_are_told() {
        assert!(places(&[(0, 0, 12, 8), (12, 0, 12, 8), (0, 8, 24, 1)]).is_empty());
        assert_eq!(places(&[(0, 0, 12, 8), (11, 7, 12, 8)]), ["1 lies on 0"]);
        assert_eq!(places(&[(13, 0, 12, 8)]), ["0: lies outside the grid"]);
    }

    #[test]
    fn variables_are_replaced_as_grafana_does() {
        let body = json!({"templating": {"list": [{"name": "service", "type": "custom", "query": "orders,payments"}]}});
        assert_eq!(
            filled("rate(a{job=~\"$service\"}[$__rate_interval])", &body),
            "rate(a{job=~\"orders\"}[1m])"
        );
    }
}
