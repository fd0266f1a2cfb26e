//! The loop of every watch: lists, follows, and begins anew when it is lost.
//!
//! A lost watch is listed again rather than resumed: a resumed one does not say that it lives until something changes,
//! and what is known would look old all the while. One whose connection ends is taken up again by kube at once, and is lost
//! when that fails. Where the server no longer knows the changes since then, everything is listed at once, and nothing is
//! lost.

use std::{error::Error as _, fmt::Debug, future::Future, pin::pin, time::Duration};

use console_model::clock::now_ms;
use futures::StreamExt as _;
use kube::{
    Api, Resource,
    core::Status,
    runtime::watcher::{self, Event, watcher},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::exec::ExecError;

pub const FORBIDDEN: u16 = 403;
pub const NOT_FOUND: u16 = 404;
const GONE: u16 = 410;
/// Changes that have expired again this soon after they were listed are a loss like any other.
const RELIST_PAUSE: Duration = Duration::from_secs(5);

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

/// What is watched, and who is told of it.
pub trait Watch: Sync {
    type Object: Resource + Clone + DeserializeOwned + Debug + Send + 'static;

    /// The resource and where it is looked for, for logs.
    fn what(&self) -> String;

    fn config(&self) -> watcher::Config;

    /// Over a client that was made after `lost`: credentials and addresses may have been replaced. The error says why
    /// there is none.
    fn api(&self, lost: Instant) -> impl Future<Output = Result<Api<Self::Object>, String>> + Send;

    fn take(&self, event: Event<Self::Object>);

    /// Nothing is told since a moment, or was ever told.
    fn lose(&self, since_ms: i64, loss: Loss);
}

/// Why a watch ended.
#[derive(Debug)]
pub struct Loss {
    /// `connect`, `list` or `watch`.
    pub verb: &'static str,
    /// The status of the API server's answer; absent where there was none.
    pub code: Option<u16>,
    pub message: String,
}

/// Keeps what is told true. Never ends.
pub async fn keep<W: Watch>(watch: &W, pace: WatchPace) {
    let mut wait = pace.retry_min;
    let (mut lost, mut lost_at_ms, mut relisted) = (Instant::now(), None, None::<Instant>);
    loop {
        let began = Instant::now();
        let loss = follow(watch, lost, pace, &mut lost_at_ms).await;
        if loss.code == Some(GONE) && relisted.is_none_or(|at| at.elapsed() > RELIST_PAUSE) {
            relisted = Some(Instant::now());
            continue;
        }
        lost = Instant::now();
        // A kind that a cluster does not have is no fault of anything.
        if lost_at_ms.is_none() && loss.code != Some(NOT_FOUND) {
            tracing::warn!(what = watch.what(), reason = loss.reason(), "a watch of the cluster is lost");
        }
        // What breaks as soon as it is made is not made more often for it.
        if began.elapsed() >= pace.retry_max {
            wait = pace.retry_min;
        }
        let is_refused = matches!(loss.code, Some(FORBIDDEN | NOT_FOUND));
        watch.lose(*lost_at_ms.get_or_insert_with(now_ms), loss);
        if is_refused {
            tokio::time::sleep(pace.refused).await;
        } else {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(pace.retry_max);
        }
    }
}

async fn follow<W: Watch>(watch: &W, lost: Instant, pace: WatchPace, lost_at_ms: &mut Option<i64>) -> Loss {
    let api = match tokio::time::timeout(pace.list_timeout, watch.api(lost)).await {
        Ok(Ok(api)) => api,
        Ok(Err(message)) => return Loss { verb: "connect", code: None, message },
        Err(_) => return Loss::late("connect", pace.list_timeout),
    };
    let mut events = pin!(watcher(api, watch.config()));
    let mut is_listing = true;
    loop {
        let next = if is_listing {
            match tokio::time::timeout(pace.list_timeout, events.next()).await {
                Ok(next) => next,
                Err(_) => return Loss::late("list", pace.list_timeout),
            }
        } else {
            events.next().await
        };
        match next {
            Some(Ok(event)) => {
                is_listing = matches!(event, Event::Init | Event::InitApply(_));
                if matches!(event, Event::InitDone) {
                    *lost_at_ms = None;
                }
                watch.take(event);
            }
            Some(Err(error)) => return Loss::of(&error),
            None => return Loss { verb: "watch", code: None, message: "the events ended".to_owned() },
        }
    }
}

impl Loss {
    /// What the API server said, or why it was not asked.
    pub fn reason(&self) -> String {
        match self.code {
            Some(code) => format!("the API server answered {code}: {}", self.message),
            None => self.message.clone(),
        }
    }

    fn late(verb: &'static str, timeout: Duration) -> Self {
        Self { verb, code: None, message: format!("no answer within {} s", timeout.as_secs_f32()) }
    }

    fn of(error: &watcher::Error) -> Self {
        use watcher::Error as E;
        match error {
            E::InitialListFailed(e) => Self::of_request("list", e),
            E::WatchStartFailed(e) | E::WatchFailed(e) => Self::of_request("watch", e),
            E::WatchError(status) => Self::answered("watch", status),
            E::NoResourceVersion => Self { verb: "watch", code: None, message: error.to_string() },
        }
    }

    fn of_request(verb: &'static str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::answered(verb, status),
            other => Self { verb, code: None, message: explain(other) },
        }
    }

    fn answered(verb: &'static str, status: &Status) -> Self {
        let said = if status.message.is_empty() { &status.reason } else { &status.message };
        Self { verb, code: Some(status.code), message: cut(said.trim()) }
    }
}

/// Longer than what API servers say in earnest.
const MAX_MESSAGE_CHARS: usize = 1000;

fn cut(message: &str) -> String {
    message.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// An error with its causes, without what is said twice. That there are no credentials says all.
pub fn explain(error: &kube::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<ExecError>() {
            return error.to_string();
        }
        let text = error.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    cut(&told)
}
