//! The role `endpoints`: a target for each address and port of a service's endpoints, and for the other ports of the pods
//! behind them.

use console_ingest::scrape::ClusterGroup;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, Endpoints};

use super::{
    behind::PodsBehind,
    labels::MetaLabels,
    metadata::{add_namespace, add_node},
    objects::Surroundings,
    service::service_labels,
};

pub(super) fn endpoints_group(endpoints: &Endpoints, around: &Surroundings) -> ClusterGroup {
    let name = endpoints.metadata.name.as_deref().unwrap_or_default();
    let namespace = endpoints.metadata.namespace.as_deref().unwrap_or_default();
    let mut labels = MetaLabels::default();
    labels.set("namespace", namespace);
    if let Some(service) = around.service(namespace, name) {
        labels.extend(&service_labels(service));
    }
    labels.object("endpoints", &endpoints.metadata);
    add_namespace(&mut labels, namespace, around);

    let (mut targets, mut behind) = (Vec::new(), PodsBehind::default());
    for subset in endpoints.subsets.iter().flatten() {
        for port in subset.ports.iter().flatten() {
            let protocol = port.protocol.as_deref().unwrap_or_default();
            for (addresses, ready) in [(&subset.addresses, "true"), (&subset.not_ready_addresses, "false")] {
                for address in addresses.iter().flatten() {
                    let mut target = address_labels(address, port, ready, around);
                    let reference = address.target_ref.as_ref();
                    behind.add(&mut target, reference, Some(port.port), Some(protocol), around);
                    targets.push(target.finish());
                }
            }
        }
    }
    targets.extend(behind.other_ports());
    ClusterGroup { source: format!("endpoints/{namespace}/{name}"), labels: labels.finish(), targets }
}

fn address_labels(
    address: &EndpointAddress,
    port: &EndpointPort,
    ready: &str,
    around: &Surroundings,
) -> MetaLabels {
    let reference = address.target_ref.as_ref();
    let mut target = MetaLabels::default();
    target
        .address(&address.ip, Some(port.port))
        .set_option("endpoint_port_name", port.name.as_deref())
        .set_option("endpoint_port_protocol", port.protocol.as_deref())
        .set("endpoint_ready", ready)
        .set_option("endpoint_address_target_kind", reference.and_then(|r| r.kind.as_deref()))
        .set_option("endpoint_address_target_name", reference.and_then(|r| r.name.as_deref()))
        .set_option("endpoint_node_name", address.node_name.as_deref())
        .set_option("endpoint_hostname", address.hostname.as_deref());
    let node = reference.filter(|r| r.kind.as_deref() == Some("Node")).and_then(|r| r.name.as_deref());
    add_node(&mut target, address.node_name.as_deref().or(node), around);
    target
}
