//! The role `service`: a target for each port of each service, at its name in the cluster's DNS.

use console_ingest::scrape::{ClusterGroup, LabelMap};
use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::{labels::MetaLabels, metadata::add_namespace, objects::Surroundings};

pub(super) fn service_group(service: &Service, around: &Surroundings) -> ClusterGroup {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let mut labels = MetaLabels::default();
    labels.extend(&service_labels(service));
    add_namespace(&mut labels, namespace, around);
    let spec = service.spec.clone().unwrap_or_default();
    let ports = spec.ports.iter().flatten();
    let targets = ports.map(|port| {
        let kind = spec.type_.as_deref().unwrap_or_default();
        let mut target = MetaLabels::default();
        target
            .address(&format!("{name}.{namespace}.svc"), Some(port.port))
            .set_option("service_port_name", port.name.as_deref())
            .set("service_port_number", port.port.to_string())
            .set_option("service_port_protocol", port.protocol.as_deref())
            .set("service_type", kind);
        if kind == "ExternalName" {
            target.set_option("service_external_name", spec.external_name.as_deref());
        } else {
            target.set_option("service_cluster_ip", spec.cluster_ip.as_deref());
        }
        if kind == "LoadBalancer" {
            target.set("service_loadbalancer_ip", load_balancer_ips(service, &spec));
        }
        target.finish()
    });
    let targets = targets.collect();
    ClusterGroup { source: format!("svc/{namespace}/{name}"), labels: labels.finish(), targets }
}

/// Also of endpoints that belong to it.
pub(super) fn service_labels(service: &Service) -> LabelMap {
    let mut labels = MetaLabels::default();
    labels.set_option("namespace", service.metadata.namespace.as_deref());
    labels.object("service", &service.metadata).finish()
}

/// What the balancer has; before that, what was asked for.
fn load_balancer_ips(service: &Service, spec: &ServiceSpec) -> String {
    let status = service.status.as_ref().and_then(|s| s.load_balancer.as_ref());
    let ingress = status.and_then(|b| b.ingress.as_ref()).into_iter().flatten();
    let ips: Vec<&str> = ingress.filter_map(|i| i.ip.as_deref()).filter(|ip| !ip.is_empty()).collect();
    if ips.is_empty() { spec.load_balancer_ip.clone().unwrap_or_default() } else { ips.join(",") }
}
