//! The role `pod`: a target for each declared port of each container, and one without a port for a container that declares
//! none.

use console_ingest::scrape::{ClusterGroup, LabelMap};
use k8s_openapi::api::core::v1::{Container, ContainerPort, Pod, PodStatus};

use super::{
    labels::MetaLabels,
    metadata::{add_namespace, add_node},
    objects::Surroundings,
};

/// Nothing while the pod has no address, or where its node is looked for and not known.
pub(super) fn pod_group(pod: &Pod, around: &Surroundings) -> ClusterGroup {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let mut group = ClusterGroup { source: format!("pod/{namespace}/{name}"), ..ClusterGroup::default() };
    let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref());
    let is_elsewhere = around.nodes.is_some() && node.and_then(|n| around.node(n)).is_none();
    let Some(ip) = pod_ip(pod).filter(|_| !is_elsewhere) else { return group };

    let mut labels = MetaLabels::default();
    labels.extend(&pod_labels(pod)).set("namespace", namespace);
    add_node(&mut labels, node, around);
    add_namespace(&mut labels, namespace, around);
    group.labels = labels.finish();
    for container in containers(pod) {
        let ports = container.of.ports.as_deref().unwrap_or_default();
        let one = |port: Option<&ContainerPort>| {
            let mut target = MetaLabels::default();
            target.address(ip, port.map(|p| p.container_port));
            target.set("pod_container_id", container.id(pod));
            container.label(&mut target, port, port.and_then(|p| p.protocol.as_deref()));
            target.finish()
        };
        if ports.is_empty() {
            group.targets.push(one(None));
        }
        group.targets.extend(ports.iter().map(|port| one(Some(port))));
    }
    group
}

/// Also of endpoints that it stands behind.
pub(super) fn pod_labels(pod: &Pod) -> LabelMap {
    let none = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&none);
    let owners = pod.metadata.owner_references.iter().flatten();
    let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    let mut labels = MetaLabels::default();
    labels
        .set_option("pod_ip", status.pod_ip.as_deref())
        .set("pod_ready", ready.map_or("unknown".to_owned(), |c| c.status.to_lowercase()))
        .set_option("pod_phase", status.phase.as_deref())
        .set_option("pod_node_name", pod.spec.as_ref().and_then(|s| s.node_name.as_deref()))
        .set_option("pod_host_ip", status.host_ip.as_deref())
        .set_option("pod_uid", pod.metadata.uid.as_deref())
        .set_option("pod_controller_kind", controller.map(|c| c.kind.as_str()))
        .set_option("pod_controller_name", controller.map(|c| c.name.as_str()))
        .object("pod", &pod.metadata)
        .finish()
}

pub(super) fn pod_ip(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref().filter(|ip| !ip.is_empty())
}

/// One container of a pod.
#[derive(Clone, Copy)]
pub(super) struct PodContainer<'a> {
    pub of: &'a Container,
    is_init: bool,
}

/// The ordinary ones, then those that run before them.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = PodContainer<'_>> {
    let spec = pod.spec.as_ref();
    let ordinary = spec.into_iter().flat_map(|s| &s.containers).map(|of| PodContainer { of, is_init: false });
    let init = spec.into_iter().flat_map(|s| s.init_containers.iter().flatten());
    ordinary.chain(init.map(|of| PodContainer { of, is_init: true }))
}

impl PodContainer<'_> {
    /// The container, and the port that the target is.
    pub fn label(self, target: &mut MetaLabels, port: Option<&ContainerPort>, protocol: Option<&str>) {
        target
            .set("pod_container_name", &self.of.name)
            .set_option("pod_container_image", self.of.image.as_deref())
            .set_option("pod_container_port_name", port.and_then(|p| p.name.as_deref()))
            .set_option("pod_container_port_number", port.map(|p| p.container_port.to_string()))
            .set_option("pod_container_port_protocol", protocol)
            .set_flag("pod_container_init", Some(self.is_init));
    }

    fn id(self, pod: &Pod) -> String {
        let status = pod.status.as_ref();
        let all = status.and_then(|s| {
            if self.is_init { s.init_container_statuses.as_ref() } else { s.container_statuses.as_ref() }
        });
        let own = all.into_iter().flatten().find(|s| s.name == self.of.name);
        own.and_then(|s| s.container_id.clone()).unwrap_or_default()
    }
}
