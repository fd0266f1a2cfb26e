use super::*;

fn deployment(service: &str, image: &str) -> String {
    format!(
        "kind: Deployment\nmetadata:\n  name: {service}\nspec:\n  template:\n    spec:\n      containers:\n        - image: {image}\n"
    )
}

/// Two environments over one base, as `gitops/` has them.
fn repository() -> BTreeMap<String, String> {
    let overlay = |tag: &str, more: &str| {
        format!(
            "resources: [../base]\ncomponents: [../components/sandbox]\nimages:\n  - name: shop-orders\n    newName: ${{registry}}/shop-orders\n    newTag: {tag}\n{more}"
        )
    };
    let digest = "  - name: shop-payments\n    digest: sha256:ab\n";
    [
        ("g/apps/base/kustomization.yaml", "resources: [namespace.yaml, orders, payments]".to_owned()),
        ("g/apps/base/namespace.yaml", "kind: Namespace\nmetadata:\n  name: shop\n".to_owned()),
        ("g/apps/base/orders/kustomization.yaml", "resources: [deployment.yaml]".to_owned()),
        ("g/apps/base/orders/deployment.yaml", deployment("orders", "shop-orders")),
        ("g/apps/base/payments/kustomization.yaml", "resources: [deployment.yaml]".to_owned()),
        ("g/apps/base/payments/deployment.yaml", deployment("payments", "shop-payments:0.1.0")),
        ("g/apps/components/sandbox/kustomization.yaml", "kind: Component\npatches: []\n".to_owned()),
        ("g/apps/staging/kustomization.yaml", overlay("1.1.0 # a setter", "")),
        ("g/apps/production/kustomization.yaml", overlay("1.0.0", digest)),
        ("g/infrastructure/redis.yaml", deployment("redis", "redis:8")),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect()
}

/// Everything that is asked for is read until there is an answer; also says in how many turns.
fn answer(
    repository: &BTreeMap<String, String>,
    folder: &str,
    environment: Option<&str>,
) -> Result<(Vec<DeclaredVersion>, usize), String> {
    let below = |path: &&String| path.starts_with(&format!("{folder}/"));
    let paths: Vec<String> = repository.keys().filter(below).cloned().collect();
    let mut texts = BTreeMap::new();
    for turn in 0..20 {
        match declared(&Asked { folder, environment }, &paths, &texts)? {
            Step::Done(found) => return Ok((found.versions, turn)),
            Step::Read(files) => {
                for file in files {
                    let text = repository.get(&file).cloned().unwrap_or_default();
                    assert!(texts.insert(file, text).is_none(), "asked for twice");
                }
            }
        }
    }
    panic!("no answer after twenty turns");
}

fn rows(found: &[DeclaredVersion]) -> Vec<(&str, &str, &str)> {
    found
        .iter()
        .map(|d| (d.service.as_str(), d.environment.as_deref().unwrap_or("-"), d.version.as_str()))
        .collect()
}

#[test]
fn each_environment_declares_its_own_versions() {
    let (found, turns) = answer(&repository(), "g", None).unwrap();
    assert_eq!(
        rows(&found),
        [
            ("orders", "production", "1.0.0"),
            ("orders", "staging", "1.1.0"),
            ("payments", "production", "sha256:ab"),
            ("payments", "staging", "0.1.0"),
        ]
    );
    assert_eq!(found[0].file, "g/apps/production/kustomization.yaml");
    assert_eq!(found[3].file, "g/apps/base/payments/deployment.yaml");
    assert!(turns <= 4, "files are read together: {turns}");
}

#[test]
fn one_environment_may_be_asked_for_or_pointed_at() {
    let (found, _) = answer(&repository(), "g", Some("production")).unwrap();
    assert_eq!(rows(&found), [("orders", "production", "1.0.0"), ("payments", "production", "sha256:ab")]);
    let (found, _) = answer(&repository(), "g/apps/staging", None).unwrap();
    assert_eq!(rows(&found), [("orders", "staging", "1.1.0"), ("payments", "staging", "0.1.0")]);
    let error = answer(&repository(), "g", Some("moon")).unwrap_err();
    assert!(error.contains("g has no apps/moon/kustomization.yaml"), "{error}");
}

#[test]
fn without_environments_manifests_speak_for_themselves() {
    let mut repository = repository();
    repository.retain(|path, _| !path.ends_with("kustomization.yaml"));
    let (found, _) = answer(&repository, "g", None).unwrap();
    assert_eq!(rows(&found), [("payments", "-", "0.1.0"), ("redis", "-", "8")]);
}

#[test]
fn a_component_changes_what_the_overlay_took() {
    let mut repository = repository();
    repository.insert(
        "g/apps/components/sandbox/kustomization.yaml".to_owned(),
        "kind: Component\nimages: [{ name: shop-payments, newName: sandbox, newTag: '7' }]\n".to_owned(),
    );
    let (found, _) = answer(&repository, "g", Some("production")).unwrap();
    // The overlay's own entry names the image that is no longer there.
    assert_eq!(rows(&found)[1], ("payments", "production", "7"));
}

#[test]
fn what_cannot_be_built_is_said_with_its_file() {
    let with = |file: &str, text: &str| {
        let mut repository = repository();
        repository.insert(file.to_owned(), text.to_owned());
        answer(&repository, "g", None)
    };
    let error = with("g/apps/base/orders/kustomization.yaml", "resources: [").unwrap_err();
    assert!(error.starts_with("g/apps/base/orders/kustomization.yaml: not YAML"), "{error}");
    let error = with("g/apps/base/orders/kustomization.yaml", "resources: [../orders]").unwrap_err();
    assert!(error.contains("refer to one another"), "{error}");
    let outside =
        with("g/apps/base/orders/kustomization.yaml", "resources: ['../../../../../etc', 'https://x/y']");
    assert_eq!(rows(&outside.unwrap().0).len(), 2, "what lies elsewhere has no rows");
}
