//! The deployment bases agree with the services that exist.

use std::{collections::BTreeSet, fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folders(of: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(of)).unwrap_or_else(|e| panic!("{of}: {e}"));
    entries
        .filter_map(Result::ok)
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_service_has_a_base_and_every_base_a_service() {
    let libraries = ["contracts", "instrumentation", "testkit"];
    let mut programs: BTreeSet<String> =
        folders("services").into_iter().filter(|s| !libraries.contains(&s.as_str())).collect();
    programs.insert("console".to_owned());
    assert_eq!(programs, folders("gitops/apps/base"));
}

#[test]
fn every_resource_named_by_a_kustomization_exists() {
    #[derive(serde::Deserialize)]
    struct Kustomization {
        resources: Vec<String>,
    }
    for base in folders("gitops/apps/base").into_iter().map(Some).chain([None]) {
        let dir = root().join("gitops/apps/base").join(base.unwrap_or_default());
        let text = fs::read_to_string(dir.join("kustomization.yaml")).expect("a base has a kustomization");
        let kustomization: Kustomization =
            serde_saphyr::from_str(&text).expect("a kustomization lists resources");
        for resource in kustomization.resources {
            assert!(dir.join(&resource).exists(), "{}: {resource} is missing", dir.display());
        }
    }
}

/// What `kubectl kustomize` looks at: it is in no distribution's packages in a version that reads these bases.
#[test]
fn every_resource_is_a_whole_object_and_stands_once() {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Object {
        api_version: String,
        kind: String,
        #[serde(default)]
        metadata: serde_json::Value,
        #[serde(default)]
        spec: serde_json::Value,
    }
    let mut seen = BTreeSet::new();
    for base in folders("gitops/apps/base") {
        let dir = root().join("gitops/apps/base").join(&base);
        for file in fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()) {
            let text = fs::read_to_string(&file).unwrap();
            let object: Object =
                serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            assert!(!object.api_version.is_empty(), "{}", file.display());
            if object.kind == "Kustomization" {
                continue;
            }
            let name = object.metadata["name"].as_str().unwrap_or_else(|| panic!("{}: name", file.display()));
            assert!(
                seen.insert((object.kind.clone(), name.to_owned())),
                "{} {name} stands twice",
                object.kind
            );
            // A controller that does not select its own pods is refused by the API server.
            if let Some(wanted) = object.spec["selector"]["matchLabels"].as_object()
                && let Some(labels) = object.spec["template"]["metadata"]["labels"].as_object()
            {
                let selects = wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
                assert!(selects, "{}: the selector does not select the template", file.display());
            }
        }
    }
    assert!(seen.len() > folders("gitops/apps/base").len(), "{seen:?}");
}
