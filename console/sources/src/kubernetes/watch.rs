//! One watch: lists, follows, and begins anew when it is lost.
//!
//! A lost watch is listed again rather than resumed: a resumed one does not say that it lives until something changes,
//! and what is known would look old all the while. One whose connection ends is taken up again by kube at once, and is lost
//! when that fails.

use std::{
    error::Error as _,
    pin::pin,
    time::{Duration, Instant},
};

use console_model::{clock::now_ms, cluster::WatchState};
use futures::StreamExt as _;
use kube::{
    Api,
    core::{DynamicObject, Status},
    runtime::watcher::{self, Event, watcher},
};

use super::view::View;

const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// How soon what fails is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPace {
    /// First, and doubled each time.
    pub retry_min: Duration,
    pub retry_max: Duration,
    /// After a kind that is not installed, or a right that is lacking.
    pub refused: Duration,
    /// How long parts of a list are waited for.
    pub list_timeout: Duration,
}

impl Default for WatchPace {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_millis(800),
            retry_max: Duration::from_secs(30),
            refused: Duration::from_mins(1),
            list_timeout: Duration::from_secs(15),
        }
    }
}

/// Why a watch ended.
enum Loss {
    /// Tried again soon.
    Broken(String),
    /// Tried again late: somebody has to do something first.
    Refused(WatchState),
}

/// Keeps a view true. Never ends.
pub async fn run(api: Api<DynamicObject>, view: &View, pace: WatchPace) {
    let mut wait = pace.retry_min;
    let mut lost_at_ms = None;
    loop {
        let mut was_whole = false;
        let began = Instant::now();
        let loss = follow(&api, view, pace, &mut was_whole).await;
        if was_whole {
            lost_at_ms = None;
        }
        // What breaks as soon as it is made is not made more often for it.
        if began.elapsed() >= pace.retry_max {
            wait = pace.retry_min;
        }
        match loss {
            Loss::Broken(reason) => {
                if lost_at_ms.is_none() {
                    let (kind, namespace) = (view.kind(), view.namespace());
                    tracing::warn!(?kind, namespace, reason, "a watch of the cluster is lost");
                }
                view.lose(*lost_at_ms.get_or_insert_with(now_ms), reason);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(pace.retry_max);
            }
            Loss::Refused(state) => {
                view.refuse(state);
                tokio::time::sleep(pace.refused).await;
            }
        }
    }
}

async fn follow(api: &Api<DynamicObject>, view: &View, pace: WatchPace, was_whole: &mut bool) -> Loss {
    let mut events = pin!(watcher(api.clone(), view.kind().watch_config()));
    let mut is_listing = true;
    loop {
        let next = if is_listing {
            let timeout = tokio::time::timeout(pace.list_timeout, events.next());
            match timeout.await {
                Ok(next) => next,
                Err(_) => {
                    return Loss::Broken(format!("no list within {} s", pace.list_timeout.as_secs_f32()));
                }
            }
        } else {
            events.next().await
        };
        match next {
            Some(Ok(event)) => {
                is_listing = match event {
                    Event::Init | Event::InitApply(_) => true,
                    Event::InitDone | Event::Apply(_) | Event::Delete(_) => false,
                };
                *was_whole |= view.take(event);
            }
            Some(Err(error)) => return loss(view, &error),
            None => return Loss::Broken("the watch ended".to_owned()),
        }
    }
}

fn loss(view: &View, error: &watcher::Error) -> Loss {
    let (verb, status) = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => ("list", Some(&**status)),
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => ("watch", Some(&**status)),
        watcher::Error::WatchError(status) => ("watch", Some(&**status)),
        _ => ("", None),
    };
    match status.map(|s| s.code) {
        Some(NOT_FOUND) if view.kind().is_flux() => Loss::Refused(WatchState::NotInstalled),
        Some(FORBIDDEN) => Loss::Refused(WatchState::Forbidden {
            verb: verb.to_owned(),
            resource: view.kind().resource_name(),
            message: status.map(|s| s.message.clone()).unwrap_or_default(),
        }),
        _ => Loss::Broken(match (status, error) {
            (Some(status), _) => answered(status),
            (
                None,
                watcher::Error::InitialListFailed(error)
                | watcher::Error::WatchStartFailed(error)
                | watcher::Error::WatchFailed(error),
            ) => explain(error),
            (None, other) => other.to_string(),
        }),
    }
}

fn answered(status: &Status) -> String {
    let said = if status.message.is_empty() { &status.reason } else { &status.message };
    format!("the API server answered {}: {}", status.code, said.trim())
}

/// An error with its causes, without what is said twice.
pub fn explain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return answered(status);
    }
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}
