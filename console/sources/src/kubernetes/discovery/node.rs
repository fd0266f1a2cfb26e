//! The role `node`: a target for each node, at its kubelet.

use console_ingest::scrape::ClusterGroup;
use k8s_openapi::api::core::v1::Node;

use super::labels::{MetaLabels, sanitised};

/// Types of addresses, the best first.
const ADDRESS_TYPES: [&str; 6] =
    ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/// Nothing while the node has no address.
pub(super) fn node_group(node: &Node) -> ClusterGroup {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let mut group = ClusterGroup { source: format!("node/{name}"), ..ClusterGroup::default() };
    let status = node.status.clone().unwrap_or_default();
    let addresses = status.addresses.unwrap_or_default();
    let first = |of: &str| addresses.iter().find(|a| a.type_ == of).map(|a| a.address.as_str());
    let Some(address) = ADDRESS_TYPES.into_iter().find_map(first) else { return group };
    let kubelet = status.daemon_endpoints.and_then(|d| d.kubelet_endpoint).map_or(0, |k| k.port);

    let mut labels = MetaLabels::default();
    labels.set_option("node_provider_id", node.spec.as_ref().and_then(|s| s.provider_id.as_deref()));
    for condition in status.conditions.iter().flatten() {
        let name = sanitised(&condition.type_.to_lowercase());
        labels.set(&format!("node_condition_{name}"), condition.status.to_lowercase());
    }
    group.labels = labels.object("node", &node.metadata).finish();

    let mut target = MetaLabels::default();
    target.address(address, Some(kubelet)).put("instance".to_owned(), name.to_owned());
    for of in &addresses {
        let first = first(&of.type_).unwrap_or_default();
        target.set(&format!("node_address_{}", sanitised(&of.type_)), first);
    }
    group.targets.push(target.finish());
    group
}
