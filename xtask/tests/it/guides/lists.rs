//! Lists of the guides against what they list, both ways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::page::{self, code, read, rows};

/// The first code of each row below a heading.
fn named(page: &str, heading: &str) -> BTreeSet<String> {
    let rows = rows(&page::of(page), heading);
    rows.iter().filter_map(|row| Some((*code(&row[0]).first()?).to_owned())).collect()
}

/// What stands in quotes behind each `word`.
fn quoted_behind(text: &str, word: &str) -> BTreeSet<String> {
    let after = text.split(word).skip(1);
    after.filter_map(|rest| Some(rest.split_once('"')?.1.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn deploy_names_every_value_of_an_environment() {
    let source = read("terraform/environments/staging/variables.tf");
    let declared = quoted_behind(&format!("\n{source}"), "\nvariable ");
    assert!(declared.len() > 15);
    assert_eq!(named("runbooks/guides/deploy.md", "## Values"), declared);
}

#[test]
fn deploy_names_every_secret_that_a_person_gives() {
    let source = read("terraform/environments/staging/secrets.tf");
    let given = source.lines().filter(|line| line.contains("made = \"given\""));
    let name = |line: &str| line.trim().split(" = ").next().map(|n| n.trim().trim_matches('"').to_owned());
    let mut secrets: BTreeSet<String> = given.filter_map(name).collect();
    // One row for all services with a key of their own.
    secrets.retain(|name| !name.starts_with('{'));
    secrets.extend(["storefront", "identity", "orders"].map(|service| format!("service-auth/{service}")));
    assert!(source.contains(r#"for name in ["storefront", "identity", "orders"] : "service-auth/${name}""#));
    assert!(secrets.len() > 12);
    assert_eq!(named("runbooks/guides/deploy.md", "## Secrets that a person gives"), secrets);
}

#[test]
fn deploy_names_what_the_pipeline_is_given() {
    let pipeline = read("Jenkinsfile");
    let told = read("runbooks/guides/deploy.md");
    let mut given: BTreeSet<String> = ["credentialsId: '", "name: '"]
        .iter()
        .flat_map(|word| pipeline.split(word).skip(1).filter_map(|rest| rest.split('\'').next()))
        .map(str::to_owned)
        .collect();
    // Each environment's console has a token of its own.
    let token = pipeline.split("credentialsId: \"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(token, Some("console-query-token-${params.ENVIRONMENT}"));
    given.extend(["staging", "production"].map(|environment| format!("console-query-token-{environment}")));
    assert!(pipeline.contains("choices: ['staging', 'production']"));
    assert!(given.len() >= 8, "{given:?}");
    for name in given {
        assert!(told.contains(&format!("`{name}`")), "{name}");
    }
    for stage in pipeline.split("sh '").skip(1).filter_map(|rest| rest.split('\'').next()) {
        assert!(told.contains(stage), "the pipeline's {stage}");
    }
}

#[test]
fn on_call_names_every_alert_and_its_severity() {
    let mut declared = BTreeMap::new();
    for file in ["shop.yml", "data.yml", "platform.yml"] {
        let rules: Value = serde_saphyr::from_str(&read(&format!("alerting/rules/{file}"))).unwrap();
        let groups = rules["groups"].as_array().unwrap();
        for rule in groups.iter().filter_map(|group| group["rules"].as_array()).flatten() {
            if let (Some(name), Some(severity)) =
                (rule["alert"].as_str(), rule["labels"]["severity"].as_str())
            {
                declared.insert(name.to_owned(), severity.to_owned());
            }
        }
    }
    let told: BTreeMap<String, String> = rows(&page::of("runbooks/guides/on-call.md"), "## Alerts")
        .into_iter()
        .map(|row| (row[0].trim_start_matches('[').split(']').next().unwrap().to_owned(), row[1].clone()))
        .collect();
    assert_eq!(told, declared);
}

#[test]
fn architecture_names_who_calls_whom() {
    let table: toml::Table = read("services/instrumentation/registry/access.toml").parse().unwrap();
    let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in table["route"].as_array().unwrap() {
        let service = route["service"].as_str().unwrap();
        for caller in route["callers"].as_array().unwrap().iter().filter_map(toml::Value::as_str) {
            if caller != "public" {
                calls.entry(caller.to_owned()).or_default().insert(service.to_owned());
            }
        }
    }
    let told = rows(&page::of("runbooks/guides/architecture.md"), "## Who talks to whom");
    let told: BTreeMap<String, BTreeSet<String>> = told
        .into_iter()
        .map(|row| (row[0].clone(), row[1].split(", ").map(str::to_owned).collect()))
        .collect();
    assert_eq!(told, calls);
}
