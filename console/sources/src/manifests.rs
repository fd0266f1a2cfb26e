//! What manifests say: services and the image versions that they declare.

use console_model::deploy::DeclaredVersion;
use serde_json::Value;

/// The service that a file belongs to: the folder below `apps/base/` or `apps/<overlay>/`.
pub fn service_of(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip_while(|p| *p != "apps").skip(2);
    let service = parts.next()?;
    parts.next()?;
    Some(service.to_owned())
}

/// Whether a path looks like a manifest.
pub fn is_yaml(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// Versions of the containers in one manifest (Deployment, StatefulSet, ...). Files that are not manifests have none.
pub fn declared_versions(file: &str, text: &str) -> Vec<DeclaredVersion> {
    let mut found = Vec::new();
    for document in text.split("\n---") {
        let Ok(manifest) = serde_saphyr::from_str::<Value>(document) else { continue };
        let Some(name) = manifest.pointer("/metadata/name").and_then(Value::as_str) else { continue };
        let containers = manifest.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            let Some(image) = container.get("image").and_then(Value::as_str) else { continue };
            if let Some(version) = version_of(image) {
                found.push(DeclaredVersion { service: name.to_owned(), version, file: file.to_owned() });
            }
        }
    }
    found
}

/// Tag or digest of an image reference; a port in the registry's name is not a tag.
fn version_of(image: &str) -> Option<String> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest.to_owned());
    }
    let last = image.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_declares_its_image_s_tag() {
        let text = "kind: Deployment\nmetadata:\n  name: orders\nspec:\n  template:\n    spec:\n      containers:\n        - image: localhost:5000/shop-orders:1.2.3\n";
        let found = declared_versions("f.yaml", text);
        assert_eq!((found[0].service.as_str(), found[0].version.as_str()), ("orders", "1.2.3"));
        assert_eq!(service_of("gitops/apps/base/orders/deployment.yaml").as_deref(), Some("orders"));
        assert_eq!(service_of("gitops/apps/base/namespace.yaml"), None);
    }

    #[test]
    fn digests_are_versions_and_ports_are_not() {
        assert_eq!(version_of("r:5000/x@sha256:ab").as_deref(), Some("sha256:ab"));
        assert_eq!(version_of("r:5000/x"), None);
    }
}
