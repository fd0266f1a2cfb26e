//! What one watch has told: the objects of a kind in a namespace, and whether that is of now.

use std::{collections::BTreeMap, sync::Arc};

use console_model::cluster::{WatchState, WatchedKind};
use kube::{core::DynamicObject, runtime::watcher::Event};
use parking_lot::Mutex;
use tokio::sync::watch as signal;

use super::kind::{Kind, WatchedObject};

type Key = (String, String);

/// Bounded: beyond the most that is kept nothing new is taken, or for warnings the oldest makes room.
pub struct View {
    kind: Kind,
    namespace: Option<String>,
    max_objects: usize,
    held: Mutex<Held>,
    changed: Arc<signal::Sender<u64>>,
}

struct Held {
    state: WatchState,
    now: Objects,
    /// A list that is on its way; it takes the place of all objects once it is whole.
    coming: Option<Objects>,
}

#[derive(Default)]
struct Objects {
    by_name: BTreeMap<Key, WatchedObject>,
    is_cut: bool,
    unreadable: Option<String>,
}

impl View {
    pub fn new(
        kind: Kind,
        namespace: Option<String>,
        max_objects: usize,
        changed: Arc<signal::Sender<u64>>,
    ) -> Self {
        let held = Held { state: WatchState::Starting, now: Objects::default(), coming: None };
        Self { kind, namespace, max_objects, held: Mutex::new(held), changed }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Takes what the watch told.
    pub fn take(&self, event: Event<DynamicObject>) {
        let mut held = self.held.lock();
        match event {
            Event::Init => {
                held.coming = Some(Objects::default());
                return;
            }
            Event::InitApply(object) => {
                held.coming.get_or_insert_default().apply(self, object);
                return;
            }
            Event::InitDone => {
                held.now = held.coming.take().unwrap_or_default();
                held.state = WatchState::Current;
            }
            Event::Apply(object) => held.now.apply(self, object),
            Event::Delete(object) => _ = held.now.by_name.remove(&key(&object)),
        }
        drop(held);
        self.tell();
    }

    /// Nothing is told since a moment, or was ever told.
    pub fn lose(&self, since_ms: i64, reason: String) {
        self.set(WatchState::Stale { since_ms, reason }, None);
    }

    /// There is nothing to be told: no such kind, or no right to it.
    pub fn refuse(&self, state: WatchState) {
        self.set(state, Some(Objects::default()));
    }

    /// Everything that is known, one by one.
    pub fn told(&self, mut each: impl FnMut(&WatchedObject)) -> WatchedKind {
        let held = self.held.lock();
        held.now.by_name.values().for_each(&mut each);
        WatchedKind {
            kind: self.kind.resource().kind,
            namespace: self.namespace.clone(),
            state: held.state.clone(),
            is_cut: held.now.is_cut,
            unreadable: held.now.unreadable.clone(),
        }
    }

    fn set(&self, state: WatchState, objects: Option<Objects>) {
        let mut held = self.held.lock();
        held.coming = None;
        held.state = state;
        if let Some(objects) = objects {
            held.now = objects;
        }
        drop(held);
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}

impl Objects {
    fn apply(&mut self, view: &View, object: DynamicObject) {
        let key = key(&object);
        let read = match view.kind.read(object) {
            Ok(read) => read,
            Err(error) => {
                let reason = format!("{}/{}: {error}", key.0, key.1);
                tracing::debug!(reason, kind = ?view.kind, "an object of the cluster cannot be read");
                self.unreadable = Some(reason);
                None
            }
        };
        let Some(read) = read else {
            self.by_name.remove(&key);
            return;
        };
        if self.by_name.len() >= view.max_objects && !self.by_name.contains_key(&key) {
            self.is_cut = true;
            if !view.kind.is_warning() || !self.make_room(&read) {
                return;
            }
        }
        self.by_name.insert(key, read);
    }

    /// Drops the oldest warning; false when the new one is older still.
    fn make_room(&mut self, new: &WatchedObject) -> bool {
        let at = |object: &WatchedObject| match object {
            WatchedObject::Warning(warning) => warning.at_ms,
            WatchedObject::Flux(_) | WatchedObject::Workload(_) => i64::MAX,
        };
        let oldest = self.by_name.iter().min_by_key(|(_, o)| at(o)).map(|(k, o)| (k.clone(), at(o)));
        match oldest {
            Some((key, oldest_ms)) if oldest_ms <= at(new) => self.by_name.remove(&key).is_some(),
            _ => false,
        }
    }
}

fn key(object: &DynamicObject) -> Key {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    (part(&object.metadata.namespace), part(&object.metadata.name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn view(kind: Kind, max_objects: usize) -> View {
        View::new(kind, None, max_objects, Arc::new(signal::channel(0).0))
    }

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn source(name: &str) -> DynamicObject {
        object(json!({"metadata": {"namespace": "flux-system", "name": name}}))
    }

    fn warning(name: &str, minute: u32) -> DynamicObject {
        object(json!({
            "metadata": {"namespace": "shop", "name": name}, "reason": name,
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "p"},
            "lastTimestamp": format!("2026-01-02T03:{minute:02}:00Z"),
        }))
    }

    fn names(view: &View) -> Vec<String> {
        let mut found = Vec::new();
        view.told(|object| {
            found.push(match object {
                WatchedObject::Flux(f) => f.object.name.clone(),
                WatchedObject::Workload(w) => w.object.name.clone(),
                WatchedObject::Warning(w) => w.reason.clone(),
            });
        });
        found
    }

    #[test]
    fn a_list_takes_the_place_of_what_was_known_once_it_is_whole() {
        let view = view(Kind::GitRepository, 10);
        for event in [Event::Init, Event::InitApply(source("old")), Event::InitDone] {
            view.take(event);
        }
        view.take(Event::Apply(source("new")));
        view.take(Event::Init);
        view.take(Event::InitApply(source("new")));
        assert_eq!(names(&view), ["new", "old"]);
        view.take(Event::InitDone);
        assert_eq!(names(&view), ["new"]);
        view.take(Event::Delete(source("new")));
        assert_eq!(names(&view), [""; 0]);
    }

    #[test]
    fn what_was_known_stays_when_the_watch_is_lost_and_goes_when_the_kind_does() {
        let view = view(Kind::GitRepository, 10);
        for event in [Event::Init, Event::InitApply(source("a")), Event::InitDone] {
            view.take(event);
        }
        view.lose(7, "connection refused".into());
        assert_eq!(names(&view), ["a"]);
        let stale = WatchState::Stale { since_ms: 7, reason: "connection refused".into() };
        assert_eq!(view.told(|_| ()).state, stale);
        view.refuse(WatchState::NotInstalled);
        assert_eq!(names(&view), [""; 0]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_said_to_be() {
        let view = view(Kind::GitRepository, 2);
        view.take(Event::Init);
        for name in ["a", "b", "c"] {
            view.take(Event::InitApply(source(name)));
        }
        view.take(Event::InitDone);
        assert_eq!((names(&view), view.told(|_| ()).is_cut), (vec!["a".to_owned(), "b".to_owned()], true));
    }

    #[test]
    fn the_oldest_warning_makes_room() {
        let view = view(Kind::Warning, 2);
        for (name, minute) in [("b", 2), ("c", 3), ("a", 1), ("d", 4)] {
            view.take(Event::Apply(warning(name, minute)));
        }
        assert_eq!(names(&view), ["c", "d"]);
    }

    #[test]
    fn an_object_that_cannot_be_read_is_named_and_costs_no_other() {
        let view = view(Kind::GitRepository, 10);
        view.take(Event::Init);
        view.take(Event::InitApply(object(
            json!({"metadata": {"namespace": "f", "name": "odd"}, "spec": {"suspend": 7}}),
        )));
        view.take(Event::InitApply(source("a")));
        view.take(Event::InitDone);
        assert_eq!(names(&view), ["a"]);
        let unreadable = view.told(|_| ()).unreadable.unwrap();
        assert!(unreadable.starts_with("f/odd: ") && unreadable.contains("boolean"), "{unreadable}");
    }
}
