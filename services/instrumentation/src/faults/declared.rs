//! The registry of faults (`registry/faults.toml`): what each is called, who has it, and what bounds it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const SOURCE: &str = include_str!("../../registry/faults.toml");

/// How many instances a fault is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// All at once.
    #[default]
    Every,
    /// One: another is there to be compared with.
    One,
}

/// One fault of one or more services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Its name behind the service's.
    pub name: String,
    /// Who has it.
    pub services: Vec<String>,
    /// Whether [`super::Shared`] serves it.
    #[serde(default)]
    pub shared: bool,
    /// How many instances it is meant for.
    #[serde(default)]
    pub reach: Reach,
    /// The ratio that is meant when none is said.
    #[serde(default = "whole")]
    pub ratio: f64,
    /// Longest time that it may stay on, seconds.
    #[serde(default = "hour")]
    pub seconds: u64,
    /// Longest delay, milliseconds.
    #[serde(default = "ten_seconds")]
    pub delay_ms: u64,
    /// What it does.
    pub description: String,
    /// What keeps it from doing more.
    pub bounds: String,
    /// What one sees.
    pub sees: String,
    /// Which alert fires.
    pub alert: String,
}

#[derive(Deserialize)]
struct File {
    fault: Vec<Declared>,
}

static DECLARED: LazyLock<BTreeMap<String, Declared>> = LazyLock::new(|| {
    let file: File = toml::from_str(SOURCE).expect("the embedded registry is valid: a unit test parses it");
    let named = |fault: Declared| {
        let names: Vec<String> =
            fault.services.iter().map(|service| format!("{service}.{}", fault.name)).collect();
        names.into_iter().map(move |name| (name, fault.clone()))
    };
    file.fault.into_iter().flat_map(named).collect()
});

/// The name, such as `orders.crash`, and what is declared of it.
pub fn find(name: &str) -> Option<(&'static str, &'static Declared)> {
    DECLARED.get_key_value(name).map(|(name, declared)| (name.as_str(), declared))
}

/// Everything that a service has.
pub fn of_service(service: &str) -> impl Iterator<Item = (&'static str, &'static Declared)> {
    DECLARED
        .iter()
        .filter(move |(name, _)| name.split('.').next() == Some(service))
        .map(|(name, declared)| (name.as_str(), declared))
}

const fn whole() -> f64 {
    1.0
}

const fn hour() -> u64 {
    3600
}

const fn ten_seconds() -> u64 {
    10_000
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file() -> File {
        toml::from_str(SOURCE).unwrap()
    }

    fn runbooks() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../runbooks")
    }

    #[test]
    fn every_fault_is_declared_once_and_its_alert_has_a_page() {
        let faults = file().fault;
        let names: usize = faults.iter().map(|fault| fault.services.len()).sum();
        assert_eq!(names, DECLARED.len(), "a fault is declared twice");
        assert!(names >= 18, "{names}");
        for fault in &faults {
            assert!((0.0..=1.0).contains(&fault.ratio) && fault.seconds <= hour(), "{}", fault.name);
            assert!(fault.delay_ms <= ten_seconds() && !fault.bounds.is_empty(), "{}", fault.name);
            let page = runbooks().join(format!("alerts/{}.md", fault.alert));
            assert!(
                fault.alert.is_empty() || page.is_file(),
                "{} has no page {}",
                fault.name,
                page.display()
            );
        }
        for service in
            ["storefront", "identity", "catalog", "inventory", "orders", "payments", "notifications"]
        {
            for what in ["errors", "latency", "crash", "leak"] {
                assert!(find(&format!("{service}.{what}")).is_some(), "{service} has no {what}");
            }
        }
    }

    /// The guide's table is this one, row by row.
    #[test]
    fn guide_and_registry_agree() {
        let guide = std::fs::read_to_string(runbooks().join("guides/faults.md")).unwrap();
        let rows: Vec<&str> =
            guide.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `make")).collect();
        let wanted: Vec<String> = file().fault.iter().map(row).collect();
        assert_eq!(rows, wanted, "the rows should be\n{}\n", wanted.join("\n"));
    }

    fn row(fault: &Declared) -> String {
        let names = fault.services.iter().map(|service| format!("`{service}.{}`", fault.name));
        let names = if fault.services.len() == 7 {
            format!("`SERVICE.{}`", fault.name)
        } else {
            names.collect::<Vec<_>>().join(" ")
        };
        let alert = match fault.alert.as_str() {
            "" => "none".to_owned(),
            alert => format!("[{alert}](../alerts/{alert}.md)"),
        };
        let instances = if fault.reach == Reach::One { "; one instance" } else { "" };
        let Declared { description, bounds, sees, seconds, .. } = fault;
        format!("| {names} | {description} | {bounds}; {seconds} s{instances} | {sees} | {alert} |")
    }
}
