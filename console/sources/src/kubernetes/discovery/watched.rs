//! One watch of a kind in a namespace: what it has told, and whether that is of now.
//!
//! A watch that is lost keeps what it told, and says since when that is old.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, SecondsFormat};
use console_ingest::scrape::config::ApiServer;
use kube::{
    Api, ResourceExt as _,
    runtime::watcher::{self, Event},
};
use parking_lot::Mutex;
use tokio::{sync::watch as signal, task::JoinHandle, time::Instant};

use super::{
    access,
    kind::{Kind, MAX_VALUE_BYTES, prune},
    objects::{ObjectKey, Objects, Seen},
};
use crate::kubernetes::{
    client::watch_config,
    watch::{FORBIDDEN, Loss, NOT_FOUND, Watch, WatchPace, keep},
};

/// Most objects of one watch.
const MAX_OBJECTS: usize = 50_000;
/// Values that are too long and are named; the others are counted.
const MAX_NAMED: usize = 3;

static STAMPS: AtomicU64 = AtomicU64::new(1);

/// What is watched. Equal ones are one watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub server: ApiServer,
    /// Absent: all of them.
    pub namespace: Option<String>,
    pub label_selector: String,
    pub field_selector: String,
}

/// A watch that runs until this is dropped.
pub(super) struct Watched<K> {
    held: Arc<Held<K>>,
    task: JoinHandle<()>,
}

struct Held<K> {
    scope: Scope,
    told: Mutex<Told<K>>,
    changed: signal::Sender<u64>,
}

/// What a watch told, at one moment.
#[derive(Debug)]
pub(super) struct Told<K> {
    pub objects: Arc<Objects<K>>,
    /// Everything was listed once.
    pub is_whole: bool,
    /// Since when objects are missing or old, and why.
    lost: Option<(i64, String)>,
    /// A list that is on its way; it takes the place of all objects once it is whole.
    coming: Objects<K>,
    is_cut: bool,
    /// Values that were left out, by their objects.
    too_long: BTreeMap<ObjectKey, String>,
}

impl<K> Default for Told<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
            is_whole: false,
            lost: None,
            coming: Objects::default(),
            is_cut: false,
            too_long: BTreeMap::new(),
        }
    }
}

impl<K> Drop for Watched<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K: Kind> Watched<K> {
    /// Must run in a tokio runtime.
    pub fn start(scope: Scope, pace: WatchPace) -> Self {
        let held = Arc::new(Held { scope, told: Mutex::default(), changed: signal::Sender::new(0) });
        let kept = held.clone();
        let task = tokio::spawn(async move { keep(&*kept, pace).await });
        Self { held, task }
    }

    pub fn changes(&self) -> signal::Receiver<u64> {
        self.held.changed.subscribe()
    }

    /// All objects, if they were listed once.
    pub fn objects(&self) -> Option<Arc<Objects<K>>> {
        let told = self.held.told.lock();
        told.is_whole.then(|| told.objects.clone())
    }

    pub fn problems(&self) -> Vec<String> {
        self.held.told.lock().problems(&self.held.scope)
    }
}

impl<K: Kind> Told<K> {
    fn problems(&self, scope: &Scope) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some((since_ms, reason)) = &self.lost {
            let known = match DateTime::from_timestamp_millis(*since_ms) {
                Some(at) if self.is_whole => {
                    format!("what is known is of {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
                }
                _ => "nothing is known yet".to_owned(),
            };
            problems.push(format!("{}: {reason}; {known}", place::<K>(scope)));
        }
        if self.is_cut {
            let message = format!("there are more than {MAX_OBJECTS}, and the others are left out");
            problems.push(format!("{}: {message}", place::<K>(scope)));
        }
        problems.extend(self.too_long.values().take(MAX_NAMED).cloned());
        if self.too_long.len() > MAX_NAMED {
            let others = self.too_long.len() - MAX_NAMED;
            let message = format!("{others} others have values of more than {MAX_VALUE_BYTES} bytes");
            problems.push(format!("{}: {message}, which are left out", place::<K>(scope)));
        }
        problems
    }

    /// Takes what the watch told; true when everything is known now.
    fn take(&mut self, event: Event<K>) -> bool {
        match event {
            Event::Init => {
                self.coming.clear();
                self.is_cut = false;
                return false;
            }
            Event::InitApply(object) => {
                let mut coming = mem::take(&mut self.coming);
                self.put(&mut coming, object);
                self.coming = coming;
                return false;
            }
            Event::InitDone => {
                self.objects = Arc::new(mem::take(&mut self.coming));
                let objects = &self.objects;
                self.too_long.retain(|key, _| objects.contains_key(key));
                self.is_whole = true;
                self.lost = None;
            }
            Event::Apply(object) => {
                let mut objects = mem::take(&mut self.objects);
                self.put(Arc::make_mut(&mut objects), object);
                self.objects = objects;
            }
            Event::Delete(object) => {
                let key = key_of(&object);
                Arc::make_mut(&mut self.objects).remove(&key);
                self.too_long.remove(&key);
            }
        }
        true
    }

    fn put(&mut self, into: &mut Objects<K>, mut object: K) {
        let key = key_of(&object);
        // What a list brings again is still the same, and so is what was made of it.
        let before = self.objects.get(&key).or_else(|| into.get(&key));
        if let Some(same) = before.filter(|before| is_same(&before.object, &object)) {
            let same = same.clone();
            into.insert(key, same);
            return;
        }
        if into.len() >= MAX_OBJECTS && !into.contains_key(&key) {
            self.is_cut = true;
            return;
        }
        match prune(&mut object) {
            Some((what, bytes)) => {
                let (namespace, name) = &key;
                let resource = K::RESOURCE;
                let message = format!(
                    "{resource} {namespace}/{name}: {what} has {bytes} bytes, more than {MAX_VALUE_BYTES}, and is left out"
                );
                self.too_long.insert(key.clone(), message);
            }
            None => drop(self.too_long.remove(&key)),
        }
        let stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
        into.insert(key, Arc::new(Seen { object, stamp }));
    }
}

fn key_of<K: Kind>(object: &K) -> ObjectKey {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn is_same<K: Kind>(a: &K, b: &K) -> bool {
    let version = |o: &K| o.resource_version().filter(|v| !v.is_empty());
    version(a).is_some() && version(a) == version(b) && a.uid() == b.uid()
}

/// What is watched where, for messages.
fn place<K: Kind>(scope: &Scope) -> String {
    let resource = K::RESOURCE;
    let namespace = scope.namespace.as_ref().map_or(String::new(), |n| format!(" in namespace {n}"));
    format!("{resource}{namespace} of {}", access::shown(&scope.server))
}

impl<K: Kind> Watch for Held<K> {
    type Object = K;

    fn what(&self) -> String {
        place::<K>(&self.scope)
    }

    fn config(&self) -> watcher::Config {
        let mut config = watch_config();
        if !self.scope.label_selector.is_empty() {
            config = config.labels(&self.scope.label_selector);
        }
        if !self.scope.field_selector.is_empty() {
            config = config.fields(&self.scope.field_selector);
        }
        config
    }

    async fn api(&self, _lost: Instant) -> Result<Api<K>, String> {
        let client = access::client(&self.scope.server).await?;
        Ok(K::api(client, self.scope.namespace.as_deref()))
    }

    fn take(&self, event: Event<K>) {
        if self.told.lock().take(event) {
            self.changed.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    fn lose(&self, since_ms: i64, loss: Loss) {
        let mut told = self.told.lock();
        told.coming.clear();
        told.lost = Some((since_ms, explained::<K>(&self.scope, &loss)));
        drop(told);
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

fn explained<K: Kind>(scope: &Scope, loss: &Loss) -> String {
    let Loss { verb, code, message } = loss;
    let resource = K::RESOURCE;
    match *code {
        Some(FORBIDDEN) => {
            let namespace = scope.namespace.as_deref();
            let place = namespace.map_or("in all namespaces".to_owned(), |n| format!("in namespace {n}"));
            format!("{verb}: 403, no right to {verb} {resource} {place}: {message}")
        }
        Some(NOT_FOUND) => format!("{verb}: 404, the cluster has no {resource}"),
        _ => format!("{verb}: {}", loss.reason()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, version: &str, note: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": name, "resourceVersion": version,
                "annotations": {"note": note}, "managedFields": [{"manager": "m"}]
            },
            "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "SECRET", "value": "x"}]}]},
            "status": {"podIP": "10.0.0.1", "message": "long"}
        }))
        .unwrap()
    }

    fn stamps(told: &Told<Pod>) -> Vec<(String, u64)> {
        told.objects.iter().map(|((_, name), seen)| (name.clone(), seen.stamp)).collect()
    }

    #[test]
    fn a_list_takes_the_place_of_everything_and_keeps_what_is_the_same() {
        let mut told = Told::<Pod>::default();
        for event in [Event::Init, Event::InitApply(pod("a", "1", "")), Event::InitApply(pod("b", "1", ""))] {
            assert!(!told.take(event));
        }
        assert!(!told.is_whole && told.objects.is_empty());
        assert!(told.take(Event::InitDone) && told.is_whole);
        let first = stamps(&told);
        assert_eq!(first.len(), 2);
        for event in [
            Event::Init,
            Event::InitApply(pod("b", "2", "")),
            Event::InitApply(pod("a", "1", "")),
            Event::InitApply(pod("c", "1", "")),
        ] {
            told.take(event);
        }
        assert_eq!(stamps(&told), first, "what is known stays until the list is whole");
        told.take(Event::InitDone);
        told.take(Event::Delete(pod("c", "1", "")));
        let second = stamps(&told);
        assert_eq!(second[0], first[0]);
        assert!(second.len() == 2 && second[1].0 == "b" && second[1].1 > first[1].1, "{second:?}");
    }

    #[test]
    fn only_what_targets_are_told_is_kept_and_values_within_their_limit() {
        let mut told = Told::<Pod>::default();
        told.take(Event::Apply(pod("a", "1", &"x".repeat(MAX_VALUE_BYTES + 1))));
        let kept = &told.objects.values().next().unwrap().object;
        let spec = kept.spec.as_ref().unwrap();
        assert_eq!(spec.containers[0].env, None);
        assert_eq!(kept.metadata.managed_fields, None);
        assert_eq!(kept.status.as_ref().unwrap().message, None);
        let scope = Scope {
            server: ApiServer::InCluster,
            namespace: None,
            label_selector: String::new(),
            field_selector: String::new(),
        };
        let problems = told.problems(&scope);
        assert_eq!(
            problems,
            ["pods shop/a: annotation note has 16385 bytes, more than 16384, and is left out"]
        );
        told.take(Event::Apply(pod("a", "2", "short")));
        assert!(told.problems(&scope).is_empty());
    }
}
