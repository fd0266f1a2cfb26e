//! What git declares against what runs, for each service.

use std::collections::{BTreeMap, BTreeSet};

use console_model::deploy::DeclaredVersion;
use console_ui::Tone;

/// One service's versions in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceVersions {
    pub service: String,
    pub declared: Option<DeclaredVersion>,
    /// Versions seen in telemetry with how many instances report each.
    pub running: Vec<(String, u64)>,
    pub verdict: Verdict,
}

/// How git and telemetry relate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Agrees,
    /// All instances run one version, which is not the declared one.
    Differs,
    /// Instances run more than one version: a rollout, or one that is stuck.
    Mixed,
    /// Declared, but nothing reports.
    NotSeen,
    /// Runs, but no manifest declares it.
    NotDeclared,
}

impl Verdict {
    pub fn words(&self) -> &'static str {
        match self {
            Self::Agrees => "Agrees",
            Self::Differs => "Not what git declares",
            Self::Mixed => "Mixed versions",
            Self::NotSeen => "No telemetry",
            Self::NotDeclared => "Not in git",
        }
    }

    pub fn tone(&self) -> Tone {
        match self {
            Self::Agrees => Tone::Ok,
            Self::Differs => Tone::Bad,
            Self::Mixed => Tone::Warn,
            Self::NotSeen | Self::NotDeclared => Tone::Neutral,
        }
    }
}

/// Every service that either side names, disagreements first; one that several environments declare has a row for each,
/// compared with the same telemetry.
pub fn compare(
    declared: Vec<DeclaredVersion>,
    running: &BTreeMap<String, Vec<(String, u64)>>,
) -> Vec<ServiceVersions> {
    let mut declared_of: BTreeMap<String, Vec<DeclaredVersion>> = BTreeMap::new();
    for one in declared {
        declared_of.entry(one.service.clone()).or_default().push(one);
    }
    let names: BTreeSet<String> = declared_of.keys().chain(running.keys()).cloned().collect();
    let mut rows = Vec::new();
    for service in names {
        let seen = running.get(&service).cloned().unwrap_or_default();
        let declared = declared_of
            .remove(&service)
            .map_or_else(|| vec![None], |all| all.into_iter().map(Some).collect());
        for declared in declared {
            let verdict = verdict(declared.as_ref(), &seen);
            rows.push(ServiceVersions { service: service.clone(), declared, running: seen.clone(), verdict });
        }
    }
    rows.sort_by_key(|r| match r.verdict {
        Verdict::Differs => 0,
        Verdict::Mixed => 1,
        Verdict::NotSeen => 2,
        Verdict::NotDeclared => 3,
        Verdict::Agrees => 4,
    });
    rows
}

fn verdict(declared: Option<&DeclaredVersion>, running: &[(String, u64)]) -> Verdict {
    match (declared, running) {
        (_, []) => Verdict::NotSeen,
        (None, _) => Verdict::NotDeclared,
        (Some(d), [(version, _)]) if same_version(&d.version, version) => Verdict::Agrees,
        (Some(_), [_]) => Verdict::Differs,
        _ => Verdict::Mixed,
    }
}

/// A `v` before the number and build metadata behind a `+` make no difference (semver 2.0, section 10).
pub fn same_version(a: &str, b: &str) -> bool {
    let release = |v: &str| v.trim_start_matches('v').split('+').next().unwrap_or_default().to_owned();
    release(a) == release(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(service: &str, version: &str) -> DeclaredVersion {
        let (service, version, file) = (service.into(), version.into(), "f.yaml".into());
        DeclaredVersion { service, environment: None, version, file }
    }

    #[test]
    fn each_environment_that_declares_a_service_has_a_row() {
        let of = |environment: &str, version: &str| DeclaredVersion {
            environment: Some(environment.to_owned()),
            ..declared("orders", version)
        };
        let running = BTreeMap::from([("orders".to_owned(), vec![("1.1".to_owned(), 2)])]);
        let rows = compare(vec![of("staging", "1.1"), of("production", "1.0")], &running);
        let told: Vec<(&str, &str)> = rows
            .iter()
            .map(|r| {
                let declared = r.declared.as_ref().unwrap();
                (declared.environment.as_deref().unwrap(), r.verdict.words())
            })
            .collect();
        assert_eq!(told, [("production", "Not what git declares"), ("staging", "Agrees")]);
    }

    #[test]
    fn disagreements_stand_first_and_say_which_kind() {
        let running = BTreeMap::from([
            ("a".to_owned(), vec![("1.0+0a1b2c3d".to_owned(), 2)]),
            ("b".to_owned(), vec![("0.9".to_owned(), 2)]),
            ("c".to_owned(), vec![("0.9".to_owned(), 1), ("1.0".to_owned(), 1)]),
            ("e".to_owned(), vec![("1.0".to_owned(), 1)]),
        ]);
        let rows = compare(
            vec![declared("a", "v1.0"), declared("b", "1.0"), declared("c", "1.0"), declared("d", "1.0")],
            &running,
        );
        let told: Vec<(&str, &str)> = rows.iter().map(|r| (r.service.as_str(), r.verdict.words())).collect();
        assert_eq!(
            told,
            [
                ("b", "Not what git declares"),
                ("c", "Mixed versions"),
                ("d", "No telemetry"),
                ("e", "Not in git"),
                ("a", "Agrees")
            ]
        );
    }
}
