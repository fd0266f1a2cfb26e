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

#[test]
fn bases_render_with_kustomize_where_kubectl_is_there() {
    let kubectl =
        std::process::Command::new("kubectl").arg("kustomize").arg(root().join("gitops/apps/base")).output();
    match kubectl {
        Err(_) => println!("skipped: no kubectl on this machine"),
        Ok(out) => assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr)),
    }
}
