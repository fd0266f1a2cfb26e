//! Every fault names the alert that tells of it: one that exists, has its page, and is shown to fire by its rule tests.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn each<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Names of the rules in `alerting/rules`.
fn alerts() -> BTreeSet<String> {
    let files = ["shop.yml", "data.yml", "platform.yml"].map(|file| yaml(&format!("alerting/rules/{file}")));
    let rules = files.iter().flat_map(|file| each(file, "groups")).flat_map(|group| each(group, "rules"));
    rules.filter_map(|rule| rule["alert"].as_str()).map(str::to_owned).collect()
}

/// Alerts that a rule test expects to fire: named with what they say, or counted as firing in a sample.
fn shown_to_fire() -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for file in ["shop.test.yml", "data.test.yml", "platform.test.yml"] {
        let file = yaml(&format!("alerting/rules/tests/{file}"));
        for test in each(&file, "tests") {
            let told = each(test, "alert_rule_test").filter(|case| each(case, "exp_alerts").next().is_some());
            shown.extend(told.filter_map(|case| case["alertname"].as_str()).map(str::to_owned));
            let counted =
                each(test, "promql_expr_test").filter(|case| each(case, "exp_samples").next().is_some());
            for expression in counted.filter_map(|case| case["expr"].as_str()) {
                let name = expression.split("alertname=\"").nth(1).and_then(|rest| rest.split('"').next());
                shown
                    .extend(name.filter(|_| expression.contains("alertstate=\"firing\"")).map(str::to_owned));
            }
        }
    }
    shown
}

#[test]
fn every_fault_names_an_alert_that_exists_has_a_page_and_is_shown_to_fire() {
    let registry: toml::Table =
        read("services/instrumentation/registry/faults.toml").parse().expect("the registry is TOML");
    let faults = registry["fault"].as_array().expect("there are faults");
    let (alerts, fire) = (alerts(), shown_to_fire());
    let mut named = 0;
    for fault in faults {
        let name = fault["name"].as_str().expect("a fault has a name");
        let (alert, sees) = (fault["alert"].as_str().unwrap_or(""), fault["sees"].as_str().unwrap_or(""));
        if alert.is_empty() {
            assert!(!sees.is_empty(), "{name} names neither an alert nor what one sees");
            continue;
        }
        named += 1;
        assert!(alerts.contains(alert), "{name} names {alert}, and there is no such rule");
        assert!(fire.contains(alert), "{name} names {alert}, which no rule test shows to fire");
        let page = format!("runbooks/alerts/{alert}.md");
        assert!(root().join(&page).is_file(), "{name} names {alert}, and there is no {page}");
    }
    assert!(named > 20, "only {named} faults name an alert");
}
