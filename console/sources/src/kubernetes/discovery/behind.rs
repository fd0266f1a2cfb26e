//! Pods behind the addresses of endpoints: each target is told of its pod, and the pod's other ports are targets too.

use std::collections::BTreeMap;

use console_ingest::scrape::LabelMap;
use k8s_openapi::api::core::v1::{ContainerPort, ObjectReference, Pod};

use super::{
    labels::MetaLabels,
    objects::{ObjectKey, Surroundings},
    pod::{containers, pod_ip, pod_labels},
};

/// The pods of one object's addresses, with the ports that it names.
#[derive(Default)]
pub(super) struct PodsBehind<'a>(BTreeMap<ObjectKey, (&'a Pod, Vec<i32>)>);

impl<'a> PodsBehind<'a> {
    /// Tells a target of the pod that `reference` names, if it is one. `protocol` is the port's where the pod's does not
    /// count.
    pub fn add(
        &mut self,
        target: &mut MetaLabels,
        reference: Option<&ObjectReference>,
        port: Option<i32>,
        protocol: Option<&str>,
        around: &'a Surroundings,
    ) {
        let Some(pod) = around.pod(reference) else { return };
        target.extend(&pod_labels(pod));
        for container in containers(pod) {
            let ports = container.of.ports.as_deref().unwrap_or_default();
            if let Some(own) = ports.iter().find(|p| Some(p.container_port) == port) {
                container.label(target, Some(own), protocol.or(own.protocol.as_deref()));
            }
        }
        let meta = &pod.metadata;
        let key = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        self.0.entry(key).or_insert_with(|| (&**pod, Vec::new())).1.extend(port);
    }

    /// Targets for the ports of these pods that the object does not name.
    pub fn other_ports(self) -> Vec<LabelMap> {
        let mut targets = Vec::new();
        for (pod, named) in self.0.into_values() {
            let Some(ip) = pod_ip(pod) else { continue };
            let is_other = |port: &&ContainerPort| !named.contains(&port.container_port);
            for container in containers(pod) {
                for port in container.of.ports.iter().flatten().filter(is_other) {
                    let mut target = MetaLabels::default();
                    target.address(ip, Some(port.container_port)).extend(&pod_labels(pod));
                    container.label(&mut target, Some(port), port.protocol.as_deref());
                    targets.push(target.finish());
                }
            }
        }
        targets
    }
}
