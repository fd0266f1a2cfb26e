//! The objects that are watched: as they were last seen.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace, Node, ObjectReference, Pod, Service};

/// Namespace and name; of what is in no namespace, an empty one.
pub(super) type ObjectKey = (String, String);

/// Objects of one kind.
pub(super) type Objects<K> = BTreeMap<ObjectKey, Arc<Seen<K>>>;

/// An object with a number that no other state of it, nor of any other object, has.
#[derive(Debug)]
pub(super) struct Seen<K> {
    pub object: K,
    pub stamp: u64,
}

impl<K> Deref for Seen<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.object
    }
}

/// What targets are told about besides their own object. Nodes and namespaces are absent where they are not wanted.
#[derive(Clone, Default)]
pub(super) struct Surroundings {
    pub pods: Arc<Objects<Pod>>,
    pub services: Arc<Objects<Service>>,
    pub nodes: Option<Arc<Objects<Node>>>,
    pub namespaces: Option<Arc<Objects<Namespace>>>,
}

impl Surroundings {
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Seen<Service>> {
        self.services.get(&key(namespace, name)).map(|s| &**s)
    }

    pub fn node(&self, name: &str) -> Option<&Seen<Node>> {
        self.nodes.as_ref()?.get(&key("", name)).map(|n| &**n)
    }

    pub fn namespace(&self, name: &str) -> Option<&Seen<Namespace>> {
        self.namespaces.as_ref()?.get(&key("", name)).map(|n| &**n)
    }

    /// The pod behind an address.
    pub fn pod(&self, reference: Option<&ObjectReference>) -> Option<&Seen<Pod>> {
        let reference = reference.filter(|r| r.kind.as_deref() == Some("Pod"))?;
        let namespace = reference.namespace.as_deref().unwrap_or_default();
        self.pods.get(&key(namespace, reference.name.as_deref()?)).map(|p| &**p)
    }
}

/// The number of what is there, 0 of what is not.
pub(super) fn stamp<K>(seen: Option<&Seen<K>>) -> u64 {
    seen.map_or(0, |seen| seen.stamp)
}

fn key(namespace: &str, name: &str) -> ObjectKey {
    (namespace.to_owned(), name.to_owned())
}
