//! One `kustomization.yaml`, as far as images go.

use serde_json::Value;

use crate::manifests::Image;

/// What is built, and which images are replaced in it.
#[derive(Debug)]
pub struct Kustomization {
    pub is_component: bool,
    pub resources: Vec<String>,
    pub components: Vec<String>,
    pub images: Vec<ImageChange>,
}

/// One entry of `images`.
#[derive(Debug)]
pub struct ImageChange {
    pub name: String,
    new_name: Option<String>,
    new_tag: Option<String>,
    digest: Option<String>,
}

impl Kustomization {
    pub fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! { with_snippet: false };
        let read: Value =
            serde_saphyr::from_str_with_options(text, options).map_err(|e| format!("not YAML: {e}"))?;
        let list = |field: &str| read.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let texts = |field: &str| list(field).iter().filter_map(plain).collect();
        Ok(Self {
            is_component: read.get("kind").and_then(Value::as_str) == Some("Component"),
            resources: texts("resources"),
            components: texts("components"),
            images: list("images").iter().filter_map(ImageChange::read).collect(),
        })
    }
}

impl ImageChange {
    fn read(entry: &Value) -> Option<Self> {
        let field = |name: &str| entry.get(name).and_then(plain).filter(|text| !text.is_empty());
        Some(Self {
            name: field("name")?,
            new_name: field("newName"),
            new_tag: field("newTag"),
            digest: field("digest"),
        })
    }

    /// A new tag without a digest takes the old digest away, and the other way round, as kustomize does it.
    pub fn apply(&self, image: &mut Image) {
        if let Some(name) = &self.new_name {
            image.name.clone_from(name);
        }
        if self.new_tag.is_some() || self.digest.is_some() {
            image.tag.clone_from(&self.new_tag);
            image.digest.clone_from(&self.digest);
        }
    }
}

/// Texts, and numbers that somebody forgot to quote.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A path from the repository's root. None for what lies elsewhere.
pub fn join(folder: &str, relative: &str) -> Option<String> {
    if relative.contains("://") || relative.starts_with('/') || relative.contains(char::is_control) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
