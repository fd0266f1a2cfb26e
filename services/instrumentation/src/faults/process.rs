//! Faults of the process itself: requests that fail, a bad release, memory that grows, an end without warning.

use std::hint::black_box;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use super::{Faults, Shared};
use crate::problem::{Code, Problem};

/// What a leak takes at most. In one piece, so that the allocator gives it back to the system at the end.
const LEAK_BYTES: usize = 64 << 20;
const LEAK_STEP_BYTES: usize = 4 << 20;
const LEAK_EVERY: Duration = Duration::from_millis(500);
/// A service that nobody asks ends without an answer.
const CRASH_AFTER: Duration = Duration::from_secs(2);
/// For the last answer, and the line that tells why, to leave.
const CRASH_PAUSE: Duration = Duration::from_millis(150);

pub(super) fn around(faults: &Faults, router: Router) -> Router {
    router.layer(from_fn_with_state(faults.clone(), answer))
}

async fn answer(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    for fault in [Shared::Errors, Shared::BadRelease] {
        if fault.is_of_the_layer(&faults) && faults.draw_shared(fault).is_some() {
            tracing::error!(fault = fault.name(), "request failed by an injected fault");
            return Problem::new(Code::Internal, "the service failed on purpose").into_response();
        }
    }
    let response = next.run(request).await;
    if faults.draw_shared(Shared::Crash).is_some() {
        faults.inner.last_answer.notify_one();
    }
    response
}

impl Shared {
    /// Most services have errors of their own, where they work.
    fn is_of_the_layer(self, faults: &Faults) -> bool {
        let name = format!("{}.{}", faults.service(), self.name());
        super::declared::find(&name).is_some_and(|(_, declared)| declared.shared)
    }
}

/// Takes memory while the fault is on.
pub(super) async fn leak(faults: &Faults) {
    loop {
        let active = faults.until_on(Shared::Leak).await;
        let most = (LEAK_BYTES as f64 * active.ratio) as usize;
        let mut held: Vec<u8> = Vec::with_capacity(LEAK_BYTES);
        let mut over = pin!(faults.until_over(Shared::Leak, active));
        let mut ticks = tokio::time::interval(LEAK_EVERY);
        loop {
            tokio::select! {
                () = &mut over => break,
                _ = ticks.tick(), if held.len() < most => {
                    let more = (held.len() + LEAK_STEP_BYTES).min(most);
                    held.resize(more, 1);
                    black_box(&held);
                }
            }
        }
    }
}

/// Says that this is another version while the fault is on.
pub(super) async fn release(faults: &Faults) {
    loop {
        let active = faults.until_on(Shared::BadRelease).await;
        faults.inner.metrics.show_release("-bad");
        faults.until_over(Shared::BadRelease, active).await;
        faults.inner.metrics.show_release("");
    }
}

/// Ends the process by `end`, once, after an answer or when none was asked for.
pub(super) async fn crash(faults: &Faults, end: fn()) {
    loop {
        let active = faults.until_on(Shared::Crash).await;
        tokio::select! {
            () = faults.until_over(Shared::Crash, active) => continue,
            () = faults.inner.last_answer.notified() => {}
            () = tokio::time::sleep(CRASH_AFTER) => {}
        }
        tracing::error!("process ends by an injected fault");
        tokio::time::sleep(CRASH_PAUSE).await;
        end();
        return;
    }
}

pub(super) fn abort() {
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::super::Activate;
    use super::*;
    use crate::metrics::Metrics;

    const ON: Activate = Activate { ttl_seconds: 60, ratio: 1.0, delay_ms: 0 };

    fn faults(service: &'static str) -> (Faults, Router) {
        let faults = Faults::new(None, Metrics::new(service, "1.2.3").unwrap());
        let router = around(&faults, Router::new().route("/", get(|| async { "fine" })));
        (faults, router)
    }

    /// A service that waits for `orders.crash`, and then calls `end`.
    fn crashing(end: fn()) -> (Faults, Router, tokio::task::JoinHandle<()>) {
        let (faults, router) = faults("orders");
        let shown = faults.clone();
        let task = tokio::spawn(async move { crash(&shown, end).await });
        (faults, router, task)
    }

    async fn status(router: &Router) -> StatusCode {
        let request = axum::http::Request::get("/").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_service_without_errors_of_its_own_fails_in_the_layer_and_no_other() {
        let (payments, router) = faults("payments");
        payments.activate("payments.errors", ON).unwrap();
        assert_eq!(status(&router).await, StatusCode::INTERNAL_SERVER_ERROR);
        payments.deactivate("payments.errors").unwrap();
        assert_eq!(status(&router).await, StatusCode::OK);
        let (orders, router) = faults("orders");
        let description = "placing an order fails with an internal error";
        orders.declare(&[super::super::FaultSpec { name: "orders.errors", description }]);
        orders.activate("orders.errors", ON).unwrap();
        assert_eq!(status(&router).await, StatusCode::OK, "orders shows it where it places orders");
    }

    #[tokio::test]
    async fn a_bad_release_says_another_version_and_fails_and_is_gone_afterwards() {
        let (faults, router) = faults("orders");
        let shown = faults.clone();
        let task = tokio::spawn(async move { release(&shown).await });
        let version = |faults: &Faults| {
            let text = faults.inner.metrics.render().unwrap();
            let mut lines = text.lines().filter(|line| line.starts_with("shop_build_info{"));
            (lines.next().unwrap_or_default().to_owned(), lines.next().is_none())
        };
        faults.activate("orders.bad_release", ON).unwrap();
        assert_eq!(status(&router).await, StatusCode::INTERNAL_SERVER_ERROR);
        while version(&faults) != (r#"shop_build_info{version="1.2.3-bad"} 1"#.to_owned(), true) {
            tokio::task::yield_now().await;
        }
        faults.deactivate("orders.bad_release").unwrap();
        while version(&faults) != (r#"shop_build_info{version="1.2.3"} 1"#.to_owned(), true) {
            tokio::task::yield_now().await;
        }
        assert_eq!(status(&router).await, StatusCode::OK);
        task.abort();
    }

    #[tokio::test]
    async fn a_crash_comes_once_after_the_answer() {
        static ENDS: AtomicUsize = AtomicUsize::new(0);
        fn count_end() {
            ENDS.fetch_add(1, Ordering::SeqCst);
        }
        let (faults, router, task) = crashing(count_end);
        faults.activate("orders.crash", ON).unwrap();
        assert_eq!(status(&router).await, StatusCode::OK, "the answer still goes out");
        assert_eq!(ENDS.load(Ordering::SeqCst), 0);
        task.await.unwrap();
        assert_eq!(status(&router).await, StatusCode::OK);
        assert_eq!(ENDS.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_crash_that_is_switched_off_in_time_does_not_come() {
        static ENDS: AtomicUsize = AtomicUsize::new(0);
        fn count_end() {
            ENDS.fetch_add(1, Ordering::SeqCst);
        }
        let (faults, router, task) = crashing(count_end);
        faults.activate("orders.crash", Activate { ratio: 0.0, ..ON }).unwrap();
        tokio::task::yield_now().await;
        faults.deactivate("orders.crash").unwrap();
        let ended = tokio::time::timeout(CRASH_AFTER + 4 * CRASH_PAUSE, task).await;
        assert!(ended.is_err(), "the task waits for the next switch");
        assert_eq!((status(&router).await, ENDS.load(Ordering::SeqCst)), (StatusCode::OK, 0));
    }
}
