//! The kinds that are watched, and how an object of each is read.

use console_model::cluster::{ClusterWorkload, FluxObject, ObjectRef};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::Event,
};
use kube::{
    core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta},
    runtime::watcher,
};

use super::{client::watch_config, flux, warnings, warnings::Warning, workloads};

/// Longest message that is kept, in characters; controllers put whole outputs of programs there.
const MAX_MESSAGE_CHARS: usize = 4000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Kustomization,
    HelmRelease,
    GitRepository,
    OciRepository,
    HelmRepository,
    Deployment,
    StatefulSet,
    Warning,
}

pub const ALL_KINDS: [Kind; 8] = [
    Kind::Kustomization,
    Kind::HelmRelease,
    Kind::GitRepository,
    Kind::OciRepository,
    Kind::HelmRepository,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::Warning,
];

/// What is kept of an object.
#[derive(Clone, Debug)]
pub enum WatchedObject {
    Flux(FluxObject),
    Workload(ClusterWorkload),
    Warning(Warning),
}

impl Kind {
    pub fn is_warning(self) -> bool {
        self == Self::Warning
    }

    /// A kind that a cluster may not have.
    pub fn is_flux(self) -> bool {
        !matches!(self, Self::Deployment | Self::StatefulSet | Self::Warning)
    }

    pub fn resource(self) -> ApiResource {
        let flux = |group: &str, version: &str, kind: &str, plural: &str| {
            let group = format!("{group}.toolkit.fluxcd.io");
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(&group, version, kind), plural)
        };
        match self {
            Self::Kustomization => flux("kustomize", "v1", "Kustomization", "kustomizations"),
            Self::HelmRelease => flux("helm", "v2", "HelmRelease", "helmreleases"),
            Self::GitRepository => flux("source", "v1", "GitRepository", "gitrepositories"),
            Self::OciRepository => flux("source", "v1", "OCIRepository", "ocirepositories"),
            Self::HelmRepository => flux("source", "v1", "HelmRepository", "helmrepositories"),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::Warning => ApiResource::erase::<Event>(&()),
        }
    }

    /// As roles name it: `deployments.apps`, `events`.
    pub fn resource_name(self) -> String {
        let resource = self.resource();
        match resource.group.as_str() {
            "" => resource.plural,
            group => format!("{}.{group}", resource.plural),
        }
    }

    pub fn watch_config(self) -> watcher::Config {
        if self.is_warning() { watch_config().fields("type=Warning") } else { watch_config() }
    }

    /// None: an object of no interest. An error names the field or what was found in its place.
    pub fn read(self, object: DynamicObject) -> Result<Option<WatchedObject>, serde_json::Error> {
        let DynamicObject { metadata, data, .. } = object;
        let named = self.object_ref(&metadata);
        Ok(match self {
            Self::Deployment | Self::StatefulSet => {
                Some(WatchedObject::Workload(workloads::read(named, &metadata, data)?))
            }
            Self::Warning => warnings::read(&metadata, data)?.map(WatchedObject::Warning),
            _ => Some(WatchedObject::Flux(flux::read(named, &metadata, data)?)),
        })
    }

    fn object_ref(self, metadata: &ObjectMeta) -> ObjectRef {
        ObjectRef {
            kind: self.resource().kind,
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

/// A message without surrounding blanks, cut where it is too long.
pub fn bounded(message: &str) -> String {
    let message = message.trim();
    match message.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_roles_name_them() {
        let names: Vec<String> = ALL_KINDS.into_iter().map(Kind::resource_name).collect();
        assert_eq!(
            names,
            [
                "kustomizations.kustomize.toolkit.fluxcd.io",
                "helmreleases.helm.toolkit.fluxcd.io",
                "gitrepositories.source.toolkit.fluxcd.io",
                "ocirepositories.source.toolkit.fluxcd.io",
                "helmrepositories.source.toolkit.fluxcd.io",
                "deployments.apps",
                "statefulsets.apps",
                "events",
            ]
        );
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let cut = bounded(&format!("  {}  ", "ü".repeat(MAX_MESSAGE_CHARS + 1)));
        assert_eq!(cut.chars().count(), MAX_MESSAGE_CHARS + 1);
        assert!(cut.ends_with("ü…"));
        assert_eq!(bounded(" x\n"), "x");
    }
}
