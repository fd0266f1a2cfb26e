//! One discovery: its watches, and the targets that they come to.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use console_ingest::scrape::{
    ClusterGroup, ClusterTargets, LabelMap,
    config::{KubernetesDiscovery, KubernetesRole},
};
use futures::future::select_all;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use tokio::{sync::watch as signal, time::Instant};

use super::{
    access,
    kind::Kind,
    objects::{Objects, Surroundings},
    registry::Registry,
    role::Role,
    watched::{Scope, Watched},
};

/// Least time between two looks at what changed.
const MIN_UPDATE_INTERVAL: Duration = Duration::from_millis(100);
/// Most targets of one discovery, before rules choose among them.
const MAX_TARGETS: usize = 50_000;
/// Most bytes of all labels of one discovery.
const MAX_LABEL_BYTES: usize = 256 << 20;

/// Finds the targets of `discovery` and publishes them. Never ends by itself.
pub(super) async fn find<R: Role>(
    discovery: KubernetesDiscovery,
    registry: Arc<Registry>,
    found: signal::Sender<ClusterTargets>,
) {
    let namespaces = namespaces(&discovery, &registry, &found).await;
    let mut finder = Finder::<R>::new(&discovery, namespaces, &registry);
    let mut changes = finder.changes();
    loop {
        let next = Instant::now() + MIN_UPDATE_INTERVAL;
        for change in &mut changes {
            change.borrow_and_update();
        }
        let targets = finder.look();
        found.send_replace(targets);
        if changes.is_empty() {
            return std::future::pending().await;
        }
        let (changed, i, _) = select_all(changes.iter_mut().map(|c| Box::pin(c.changed()))).await;
        if changed.is_err() {
            changes.swap_remove(i);
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Where objects are looked for; absent means everywhere. Waits until the own namespace is known.
async fn namespaces(
    discovery: &KubernetesDiscovery,
    registry: &Registry,
    found: &signal::Sender<ClusterTargets>,
) -> Vec<Option<String>> {
    let mut all: Vec<Option<String>> = discovery.namespaces.names.iter().cloned().map(Some).collect();
    if discovery.namespaces.own {
        let own = loop {
            match access::own_namespace().await {
                Ok(own) => break own,
                Err(problem) => {
                    found.send_replace(ClusterTargets {
                        problems: vec![problem],
                        ..ClusterTargets::default()
                    });
                    tokio::time::sleep(registry.pace().refused).await;
                }
            }
        };
        all.push(Some(own));
    }
    if all.is_empty() {
        all.push(None);
    }
    all.sort();
    all.dedup();
    all
}

struct Finder<R> {
    places: Vec<Place<R>>,
    nodes: Option<Arc<Watched<Node>>>,
    namespaces: Option<Arc<Watched<Namespace>>>,
    /// What was made last, by source.
    made: BTreeMap<String, Made>,
}

/// The watches of one namespace, or of all.
struct Place<R> {
    objects: Arc<Watched<R>>,
    pods: Option<Arc<Watched<Pod>>>,
    services: Option<Arc<Watched<Service>>>,
}

struct Made {
    of: Vec<u64>,
    group: Arc<ClusterGroup>,
    bytes: usize,
}

impl<R: Role> Finder<R> {
    fn new(discovery: &KubernetesDiscovery, namespaces: Vec<Option<String>>, registry: &Registry) -> Self {
        let scope = |role: Option<KubernetesRole>, namespace: Option<String>| {
            let selector = discovery.selectors.iter().find(|s| Some(s.role) == role);
            Scope {
                server: discovery.server.clone(),
                namespace,
                label_selector: selector.map(|s| s.label.clone()).unwrap_or_default(),
                field_selector: selector.map(|s| s.field.clone()).unwrap_or_default(),
            }
        };
        let is_node = R::ROLE == KubernetesRole::Node;
        // Nodes are in no namespace, whatever is named.
        let namespaces = if is_node { vec![None] } else { namespaces };
        let place = |namespace: Option<String>| Place {
            objects: registry.watch::<R>(scope(Some(R::ROLE), namespace.clone())),
            pods: R::HAS_PODS_BEHIND
                .then(|| registry.watch(scope(Some(KubernetesRole::Pod), namespace.clone()))),
            services: R::HAS_PODS_BEHIND
                .then(|| registry.watch(scope(Some(KubernetesRole::Service), namespace.clone()))),
        };
        let on_nodes = R::HAS_PODS_BEHIND || R::ROLE == KubernetesRole::Pod;
        let (attach, node_scope) = (discovery.attach, || scope(Some(KubernetesRole::Node), None));
        Self {
            places: namespaces.into_iter().map(place).collect(),
            nodes: (attach.node && on_nodes).then(|| registry.watch(node_scope())),
            namespaces: (attach.namespace && !is_node).then(|| registry.watch(scope(None, None))),
            made: BTreeMap::new(),
        }
    }

    fn changes(&self) -> Vec<signal::Receiver<u64>> {
        let nodes = self.nodes.iter().map(|w| w.changes());
        let mut all: Vec<_> = nodes.chain(self.namespaces.iter().map(|w| w.changes())).collect();
        for place in &self.places {
            all.push(place.objects.changes());
            all.extend(place.pods.iter().map(|w| w.changes()));
            all.extend(place.services.iter().map(|w| w.changes()));
        }
        all
    }

    fn problems(&self) -> Vec<String> {
        let mut all: Vec<String> = self.nodes.iter().flat_map(|w| w.problems()).collect();
        all.extend(self.namespaces.iter().flat_map(|w| w.problems()));
        for place in &self.places {
            all.extend(place.objects.problems());
            all.extend(place.pods.iter().flat_map(|w| w.problems()));
            all.extend(place.services.iter().flat_map(|w| w.problems()));
        }
        all
    }

    fn look(&mut self) -> ClusterTargets {
        let mut problems = self.problems();
        // Nothing, as long as nodes or namespaces that are wanted were never told: half of it would be something else.
        let groups = self.groups(&mut problems).unwrap_or_default();
        ClusterTargets { groups: Arc::new(groups), problems }
    }

    fn groups(&mut self, problems: &mut Vec<String>) -> Option<Vec<Arc<ClusterGroup>>> {
        let mut around = Surroundings { nodes: whole(self.nodes.as_ref())?, ..Surroundings::default() };
        around.namespaces = whole(self.namespaces.as_ref())?;
        let (mut made, mut before) = (BTreeMap::new(), std::mem::take(&mut self.made));
        for place in &self.places {
            // Likewise within a namespace, for which no other waits.
            let Some((objects, pods, services)) = place.whole() else { continue };
            (around.pods, around.services) = (pods, services);
            for ((namespace, name), seen) in objects.iter() {
                let key = format!("{namespace}/{name}");
                let mut of = vec![seen.stamp];
                of.extend(seen.depends_on(&around));
                let same = before.remove(&key).filter(|made| made.of == of);
                let one = same.unwrap_or_else(|| {
                    let group = seen.group(&around);
                    Made { of, bytes: bytes(&group), group: Arc::new(group) }
                });
                made.insert(key, one);
            }
        }
        self.made = made;
        Some(bounded(self.made.values(), problems))
    }
}

impl<R: Role> Place<R> {
    /// Its objects with the pods and services behind them; nothing where something was never told.
    fn whole(&self) -> Option<(Arc<Objects<R>>, Arc<Objects<Pod>>, Arc<Objects<Service>>)> {
        let pods = whole(self.pods.as_ref())?.unwrap_or_default();
        let services = whole(self.services.as_ref())?.unwrap_or_default();
        Some((self.objects.objects()?, pods, services))
    }
}

/// Nothing where something was never told; the inner is absent where it is not watched.
#[expect(clippy::option_option, reason = "not told and not wanted are different")]
fn whole<K: Kind>(watched: Option<&Arc<Watched<K>>>) -> Option<Option<Arc<Objects<K>>>> {
    match watched {
        Some(watched) => watched.objects().map(Some),
        None => Some(None),
    }
}

fn bounded<'a>(made: impl Iterator<Item = &'a Made>, problems: &mut Vec<String>) -> Vec<Arc<ClusterGroup>> {
    let (mut targets, mut bytes, mut left_out) = (0, 0, 0);
    let mut groups = Vec::new();
    for one in made {
        let count = one.group.targets.len();
        if targets + count > MAX_TARGETS || bytes + one.bytes > MAX_LABEL_BYTES {
            left_out += count;
            continue;
        }
        targets += count;
        bytes += one.bytes;
        groups.push(one.group.clone());
    }
    if left_out > 0 {
        problems.push(format!(
            "{left_out} targets are left out, beyond {MAX_TARGETS} targets or {MAX_LABEL_BYTES} bytes of their labels"
        ));
    }
    groups
}

fn bytes(group: &ClusterGroup) -> usize {
    let of = |labels: &LabelMap| labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    of(&group.labels) + group.targets.iter().map(of).sum::<usize>()
}
