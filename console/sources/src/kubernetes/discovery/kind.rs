//! The kinds that are watched: how they are asked for, and what of them is kept.

use std::fmt::Debug;

use k8s_openapi::api::{
    core::v1::{
        Container, ContainerStatus, Endpoints, Namespace, NodeCondition, NodeSpec, NodeStatus, Pod,
        PodCondition, PodSpec, PodStatus, Service,
    },
    discovery::v1::EndpointSlice,
    networking::v1::Ingress,
};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, api::core::v1::Node};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

/// Longest value of a label or annotation that is kept, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 16 << 10;

/// A kind of objects that can be watched.
pub(super) trait Kind:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
    /// As rights name it.
    const RESOURCE: &'static str;

    /// `namespace` is of no account for a kind that is in none.
    fn api(client: Client, namespace: Option<&str>) -> Api<Self>;

    /// Forgets what no target is told.
    fn prune(&mut self) {}
}

macro_rules! kinds {
    ($($kind:ident $resource:literal $scope:ident;)*) => {
        $(kinds!(@ $kind $resource $scope {});)*
    };
    (@ $kind:ident $resource:literal $scope:ident { $($prune:tt)* }) => {
        impl Kind for $kind {
            const RESOURCE: &'static str = $resource;

            fn api(client: Client, namespace: Option<&str>) -> Api<Self> {
                <$scope as Reach<Self>>::api(client, namespace)
            }

            $($prune)*
        }
    };
}

/// How objects of a scope are asked for.
pub(super) trait Reach<K> {
    fn api(client: Client, namespace: Option<&str>) -> Api<K>;
}

impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>> Reach<K> for NamespaceResourceScope {
    fn api(client: Client, namespace: Option<&str>) -> Api<K> {
        match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }
}

impl<K: Resource<DynamicType = (), Scope = ClusterResourceScope>> Reach<K> for ClusterResourceScope {
    fn api(client: Client, _namespace: Option<&str>) -> Api<K> {
        Api::all(client)
    }
}

kinds! {
    Namespace "namespaces" ClusterResourceScope;
    Service "services" NamespaceResourceScope;
    Endpoints "endpoints" NamespaceResourceScope;
    EndpointSlice "endpointslices.discovery.k8s.io" NamespaceResourceScope;
    Ingress "ingresses.networking.k8s.io" NamespaceResourceScope;
}

kinds!(@ Node "nodes" ClusterResourceScope {
    fn prune(&mut self) {
        self.spec = self.spec.take().map(|s| NodeSpec { provider_id: s.provider_id, ..NodeSpec::default() });
        self.status = self.status.take().map(|s| NodeStatus {
            addresses: s.addresses,
            conditions: s.conditions.map(|all| all.into_iter().map(without_times).collect()),
            daemon_endpoints: s.daemon_endpoints,
            ..NodeStatus::default()
        });
    }
});

kinds!(@ Pod "pods" NamespaceResourceScope {
    fn prune(&mut self) {
        self.spec = self.spec.take().map(|s| PodSpec {
            node_name: s.node_name,
            containers: s.containers.into_iter().map(named).collect(),
            init_containers: s.init_containers.map(|all| all.into_iter().map(named).collect()),
            ..PodSpec::default()
        });
        self.status = self.status.take().map(|s| PodStatus {
            phase: s.phase,
            pod_ip: s.pod_ip,
            host_ip: s.host_ip,
            conditions: s.conditions.map(readiness),
            container_statuses: s.container_statuses.map(ids),
            init_container_statuses: s.init_container_statuses.map(ids),
            ..PodStatus::default()
        });
    }
});

fn without_times(condition: NodeCondition) -> NodeCondition {
    NodeCondition { type_: condition.type_, status: condition.status, ..NodeCondition::default() }
}

fn named(container: Container) -> Container {
    let Container { name, image, ports, .. } = container;
    Container { name, image, ports, ..Container::default() }
}

fn readiness(conditions: Vec<PodCondition>) -> Vec<PodCondition> {
    let ready = conditions.into_iter().filter(|c| c.type_ == "Ready");
    ready.map(|c| PodCondition { type_: c.type_, status: c.status, ..PodCondition::default() }).collect()
}

fn ids(statuses: Vec<ContainerStatus>) -> Vec<ContainerStatus> {
    let id = |s: ContainerStatus| ContainerStatus {
        name: s.name,
        container_id: s.container_id,
        ..ContainerStatus::default()
    };
    statuses.into_iter().map(id).collect()
}

/// Forgets who changed what, and values that are too long; the first of those, and how long it was.
pub(super) fn prune<K: Kind>(object: &mut K) -> Option<(String, usize)> {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    let mut too_long = None;
    for (of, values) in [("label", &mut meta.labels), ("annotation", &mut meta.annotations)] {
        if let Some(values) = values {
            values.retain(|name, value| {
                let fits = value.len() <= MAX_VALUE_BYTES;
                if !fits && too_long.is_none() {
                    too_long = Some((format!("{of} {name}"), value.len()));
                }
                fits
            });
        }
    }
    object.prune();
    too_long
}
