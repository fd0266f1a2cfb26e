//! Watches that several discoveries share: those of the same objects are one, as long as anybody looks at it.

use std::{
    any::Any,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{
    kind::Kind,
    watched::{Scope, Watched},
};
use crate::kubernetes::watch::WatchPace;

pub(super) struct Registry {
    pace: WatchPace,
    watches: Mutex<Vec<(&'static str, Scope, Weak<dyn Any + Send + Sync>)>>,
}

impl Registry {
    pub fn new(pace: WatchPace) -> Self {
        Self { pace, watches: Mutex::default() }
    }

    pub fn pace(&self) -> WatchPace {
        self.pace
    }

    /// The watch of these objects. Must be called in a tokio runtime.
    pub fn watch<K: Kind>(&self, scope: Scope) -> Arc<Watched<K>> {
        let mut watches = self.watches.lock();
        watches.retain(|(_, _, watch)| watch.strong_count() > 0);
        let known = watches.iter().find(|(kind, of, _)| *kind == K::RESOURCE && *of == scope);
        let known = known.and_then(|(_, _, watch)| watch.upgrade()).and_then(|w| w.downcast().ok());
        known.unwrap_or_else(|| {
            let watch = Arc::new(Watched::start(scope.clone(), self.pace));
            let shared: Arc<dyn Any + Send + Sync> = watch.clone();
            watches.push((K::RESOURCE, scope, Arc::downgrade(&shared)));
            watch
        })
    }
}
