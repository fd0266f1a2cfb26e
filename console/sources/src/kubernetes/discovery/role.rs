//! Roles: which objects are targets, what else they need to know, and when they have to be made anew.

use console_ingest::scrape::{ClusterGroup, config::KubernetesRole};
use k8s_openapi::api::{
    core::v1::{Endpoints, Node, ObjectReference, Pod, Service},
    discovery::v1::EndpointSlice,
    networking::v1::Ingress,
};

use super::{
    endpoints::endpoints_group,
    endpointslice::{endpointslice_group, service_of},
    ingress::ingress_group,
    kind::Kind,
    node::node_group,
    objects::{Seen, Surroundings, stamp},
    pod::pod_group,
    service::service_group,
};

/// A kind whose objects become targets.
pub(super) trait Role: Kind {
    const ROLE: KubernetesRole;
    /// Its targets are told of services and of the pods behind them.
    const HAS_PODS_BEHIND: bool = false;

    fn group(&self, around: &Surroundings) -> ClusterGroup;

    /// The numbers of everything that the group depends on, but for the object itself.
    fn depends_on(&self, around: &Surroundings) -> Vec<u64>;
}

impl Role for Node {
    const ROLE: KubernetesRole = KubernetesRole::Node;

    fn group(&self, _around: &Surroundings) -> ClusterGroup {
        node_group(self)
    }

    fn depends_on(&self, _around: &Surroundings) -> Vec<u64> {
        Vec::new()
    }
}

impl Role for Service {
    const ROLE: KubernetesRole = KubernetesRole::Service;

    fn group(&self, around: &Surroundings) -> ClusterGroup {
        service_group(self, around)
    }

    fn depends_on(&self, around: &Surroundings) -> Vec<u64> {
        vec![namespace(self.metadata.namespace.as_deref(), around)]
    }
}

impl Role for Ingress {
    const ROLE: KubernetesRole = KubernetesRole::Ingress;

    fn group(&self, around: &Surroundings) -> ClusterGroup {
        ingress_group(self, around)
    }

    fn depends_on(&self, around: &Surroundings) -> Vec<u64> {
        vec![namespace(self.metadata.namespace.as_deref(), around)]
    }
}

impl Role for Pod {
    const ROLE: KubernetesRole = KubernetesRole::Pod;

    fn group(&self, around: &Surroundings) -> ClusterGroup {
        pod_group(self, around)
    }

    fn depends_on(&self, around: &Surroundings) -> Vec<u64> {
        let node = self.spec.as_ref().and_then(|s| s.node_name.as_deref());
        vec![namespace(self.metadata.namespace.as_deref(), around), node_stamp(node, around)]
    }
}

impl Role for Endpoints {
    const ROLE: KubernetesRole = KubernetesRole::Endpoints;
    const HAS_PODS_BEHIND: bool = true;

    fn group(&self, around: &Surroundings) -> ClusterGroup {
        endpoints_group(self, around)
    }

    fn depends_on(&self, around: &Surroundings) -> Vec<u64> {
        let meta = &self.metadata;
        let (own, name) = (meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let service = around.service(own.unwrap_or_default(), name);
        let mut all = vec![namespace(own, around), stamp(service)];
        for subset in self.subsets.iter().flatten() {
            let ready = subset.addresses.iter().flatten();
            for address in ready.chain(subset.not_ready_addresses.iter().flatten()) {
                behind(&mut all, address.target_ref.as_ref(), address.node_name.as_deref(), around);
            }
        }
        all
    }
}

impl Role for EndpointSlice {
    const ROLE: KubernetesRole = KubernetesRole::EndpointSlice;
    const HAS_PODS_BEHIND: bool = true;

    fn group(&self, around: &Surroundings) -> ClusterGroup {
        endpointslice_group(self, around)
    }

    fn depends_on(&self, around: &Surroundings) -> Vec<u64> {
        let own = self.metadata.namespace.as_deref();
        let mut all = vec![namespace(own, around), stamp(service_of(self, around))];
        for endpoint in self.endpoints.iter().flatten() {
            behind(&mut all, endpoint.target_ref.as_ref(), endpoint.node_name.as_deref(), around);
        }
        all
    }
}

fn namespace(name: Option<&str>, around: &Surroundings) -> u64 {
    stamp(name.and_then(|name| around.namespace(name)))
}

fn node_stamp(name: Option<&str>, around: &Surroundings) -> u64 {
    stamp(name.and_then(|name| around.node(name)))
}

fn behind(
    all: &mut Vec<u64>,
    reference: Option<&ObjectReference>,
    node: Option<&str>,
    around: &Surroundings,
) {
    let pod: Option<&Seen<Pod>> = around.pod(reference);
    let named = reference.filter(|r| r.kind.as_deref() == Some("Node")).and_then(|r| r.name.as_deref());
    all.extend([stamp(pod), node_stamp(node, around), node_stamp(named, around)]);
}
