//! The role `endpointslice`: a target for each address and port of a slice, and for the other ports of the pods behind
//! them.

use console_ingest::scrape::ClusterGroup;
use k8s_openapi::api::{
    core::v1::Service,
    discovery::v1::{Endpoint, EndpointPort, EndpointSlice},
};

use super::{
    behind::PodsBehind,
    labels::{MetaLabels, sanitised},
    metadata::{add_namespace, add_node},
    objects::{Seen, Surroundings},
    service::service_labels,
};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn endpointslice_group(slice: &EndpointSlice, around: &Surroundings) -> ClusterGroup {
    let name = slice.metadata.name.as_deref().unwrap_or_default();
    let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
    let mut labels = MetaLabels::default();
    labels.set("namespace", namespace).set("endpointslice_address_type", &slice.address_type);
    labels.object("endpointslice", &slice.metadata);
    let service = service_of(slice, around);
    if let Some(service) = service {
        labels.extend(&service_labels(service));
    }
    add_namespace(&mut labels, namespace, around);
    let source = format!("endpointslice/{namespace}/{name}");
    let mut group = ClusterGroup { source, labels: labels.finish(), targets: Vec::new() };
    if service.is_some_and(|service| is_second_family(service, &slice.address_type)) {
        return group;
    }

    let mut behind = PodsBehind::default();
    for endpoint in slice.endpoints.iter().flatten() {
        for port in slice.ports.iter().flatten() {
            for address in &endpoint.addresses {
                let mut target = endpoint_labels(address, endpoint, port, around);
                behind.add(&mut target, endpoint.target_ref.as_ref(), port.port, None, around);
                group.targets.push(target.finish());
            }
        }
    }
    group.targets.extend(behind.other_ports());
    group
}

/// The service that it belongs to.
pub(super) fn service_of<'a>(slice: &EndpointSlice, around: &'a Surroundings) -> Option<&'a Seen<Service>> {
    let meta = &slice.metadata;
    let name = meta.labels.as_ref()?.get(SERVICE_NAME)?;
    around.service(meta.namespace.as_deref().unwrap_or_default(), name)
}

fn endpoint_labels(
    address: &str,
    endpoint: &Endpoint,
    port: &EndpointPort,
    around: &Surroundings,
) -> MetaLabels {
    let reference = endpoint.target_ref.as_ref();
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    let mut target = MetaLabels::default();
    target
        .address(address, port.port)
        .set_option("endpointslice_port_name", port.name.as_deref())
        .set_option("endpointslice_port_protocol", port.protocol.as_deref())
        .set_option("endpointslice_port", port.port.map(|p| p.to_string()))
        .set_option("endpointslice_port_app_protocol", port.app_protocol.as_deref())
        .set_flag("endpointslice_endpoint_conditions_ready", conditions.ready)
        .set_flag("endpointslice_endpoint_conditions_serving", conditions.serving)
        .set_flag("endpointslice_endpoint_conditions_terminating", conditions.terminating)
        .set_option("endpointslice_endpoint_hostname", endpoint.hostname.as_deref())
        .set_option("endpointslice_address_target_kind", reference.and_then(|r| r.kind.as_deref()))
        .set_option("endpointslice_address_target_name", reference.and_then(|r| r.name.as_deref()))
        .set_option("endpointslice_endpoint_node_name", endpoint.node_name.as_deref())
        .set_option("endpointslice_endpoint_zone", endpoint.zone.as_deref());
    for (name, value) in endpoint.deprecated_topology.iter().flatten() {
        let name = sanitised(name);
        target.set(&format!("endpointslice_endpoint_topology_{name}"), value);
        target.set(&format!("endpointslice_endpoint_topology_present_{name}"), "true");
    }
    let node = reference.filter(|r| r.kind.as_deref() == Some("Node")).and_then(|r| r.name.as_deref());
    add_node(&mut target, node.or(endpoint.node_name.as_deref()), around);
    target
}

/// A service of two address families has slices of both; the second would be the same targets again.
fn is_second_family(service: &Service, address_type: &str) -> bool {
    let spec = service.spec.as_ref();
    let policy = spec.and_then(|s| s.ip_family_policy.as_deref());
    let first = spec.and_then(|s| s.ip_families.as_ref()?.first());
    let is_dual = matches!(policy, Some("PreferDualStack" | "RequireDualStack"));
    is_dual && first.is_some_and(|first| first != address_type)
}
