//! What `attach_metadata` tells targets of their node and namespace.

use super::{labels::MetaLabels, objects::Surroundings};

/// Nothing where nodes are not wanted, or it is not known.
pub(super) fn add_node(labels: &mut MetaLabels, name: Option<&str>, around: &Surroundings) {
    if let Some(node) = name.and_then(|name| around.node(name)) {
        labels.object("node", &node.metadata);
    }
}

/// Nothing where namespaces are not wanted, or it is not known.
pub(super) fn add_namespace(labels: &mut MetaLabels, name: &str, around: &Surroundings) {
    if let Some(namespace) = around.namespace(name) {
        labels.described("namespace", &namespace.metadata);
    }
}
