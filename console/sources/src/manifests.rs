//! What manifests say: services and the images that they declare.

use serde_json::Value;

/// A container's image, and the manifest or overlay that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub service: String,
    pub image: Image,
    pub file: String,
}

/// `name[:tag][@digest]`, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub name: String,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

impl Image {
    /// A port in the registry's name is not a tag.
    pub fn parse(image: &str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (image, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        match rest[last..].find(':') {
            Some(colon) => {
                let (name, tag) = rest.split_at(last + colon);
                Self { name: name.to_owned(), tag: Some(tag[1..].to_owned()), digest }
            }
            None => Self { name: rest.to_owned(), tag: None, digest },
        }
    }

    /// The tag, which is what services call themselves; the digest of an image without one.
    pub fn version(&self) -> Option<&str> {
        self.tag.as_deref().or(self.digest.as_deref())
    }
}

/// The service that a file belongs to: the folder below `apps/base/` or `apps/<overlay>/`. Components belong to none.
pub fn service_of(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip_while(|p| *p != "apps").skip(1);
    parts.next().filter(|overlay| *overlay != "components")?;
    let service = parts.next()?;
    parts.next()?;
    Some(service.to_owned())
}

/// Whether a path looks like a manifest.
pub fn is_yaml(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|e| e == "yaml" || e == "yml")
}

/// What one manifest runs (Deployment, StatefulSet, ...): the first container of each. Files that are not manifests have
/// none.
pub fn workloads(file: &str, text: &str) -> Vec<Workload> {
    let mut found = Vec::new();
    // Most manifests run nothing, and reading YAML costs more than looking for a word.
    if !text.contains("image:") {
        return found;
    }
    for document in text.split("\n---") {
        let Ok(manifest) = serde_saphyr::from_str::<Value>(document) else { continue };
        let Some(name) = manifest.pointer("/metadata/name").and_then(Value::as_str) else { continue };
        let Some(image) = manifest.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str)
        else {
            continue;
        };
        found.push(Workload { service: name.to_owned(), image: Image::parse(image), file: file.to_owned() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_declares_its_image_s_tag() {
        let text = "kind: Deployment\nmetadata:\n  name: orders\nspec:\n  template:\n    spec:\n      containers:\n        - image: localhost:5000/shop-orders:1.2.3\n";
        let found = workloads("f.yaml", text);
        assert_eq!((found[0].service.as_str(), found[0].image.version()), ("orders", Some("1.2.3")));
        assert_eq!(service_of("gitops/apps/base/orders/deployment.yaml").as_deref(), Some("orders"));
        assert_eq!(service_of("gitops/apps/base/namespace.yaml"), None);
        assert_eq!(service_of("gitops/apps/components/sandbox/kustomization.yaml"), None);
    }

    #[test]
    fn digests_are_versions_and_ports_are_not() {
        let version = |image: &str| Image::parse(image).version().map(str::to_owned);
        assert_eq!(version("r:5000/x@sha256:ab").as_deref(), Some("sha256:ab"));
        assert_eq!(version("r:5000/x:1.2@sha256:ab").as_deref(), Some("1.2"));
        assert_eq!(version("r:5000/x"), None);
        assert_eq!(Image::parse("r:5000/x:1").name, "r:5000/x");
    }
}
