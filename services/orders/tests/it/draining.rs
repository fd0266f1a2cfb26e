//! A process that stops finishes the step in hand and leaves the order to the other instance; one that was late is
//! stopped by the fence.

use std::sync::Arc;

use shop_instrumentation::CancellationToken;
use shop_orders::saga::Saga;
use shop_orders::workers;
use shop_testkit::eventually;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::fixture::{Fixture, body, fixture};

/// The other instance: its own life, the same database and peers.
fn other_instance(f: &Fixture) -> Saga {
    Saga { shutdown: CancellationToken::new(), running: TaskTracker::new(), ..f.saga.clone() }
}

async fn wait_for_call(f: &Fixture) {
    eventually("the payment side is asked", || async { f.peers.0.lock().unwrap().is_waiting }).await;
}

#[tokio::test]
async fn a_drained_saga_is_taken_up_by_the_other_instance_at_once() {
    let f = fixture().await;
    let gate = Arc::new(Semaphore::new(0));
    f.peers.0.lock().unwrap().held_up = Some(("authorise", gate.clone()));
    let order = body();
    let placing = async {
        f.place("k", &order).await;
    };
    let stopping = async {
        wait_for_call(&f).await;
        f.saga.shutdown.cancel();
        f.peers.0.lock().unwrap().held_up = None;
        gate.add_permits(1);
        // What the process waits for before it ends.
        workers::recover(f.saga.clone(), f.saga.shutdown.clone()).await;
    };
    tokio::join!(placing, stopping);
    assert_eq!(f.status().await, "pending");
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE step = 'confirm'").await, 1);
    // No time has passed: the lease was released.
    assert_eq!(workers::resume(&other_instance(&f)).await.unwrap(), 1);
    assert_eq!(f.status().await, "confirmed");
    let world = f.peers.0.lock().unwrap();
    assert_eq!((world.authorised.len(), world.captured.len()), (1, 1));
}

#[tokio::test]
async fn who_lost_the_lease_while_waiting_cannot_write_any_more() {
    let f = fixture().await;
    let gate = Arc::new(Semaphore::new(0));
    f.peers.0.lock().unwrap().held_up = Some(("authorise", gate.clone()));
    let late = {
        let (router, order) = (f.router.clone(), body());
        tokio::spawn(async move { shop_testkit::http::post(&router, "/v1/orders", "k", &order).await })
    };
    wait_for_call(&f).await;
    // The lease runs out under the slow call; the other instance takes the order up, and fails at the same step.
    f.peers.0.lock().unwrap().held_up = None;
    f.peers.0.lock().unwrap().fail_before.insert("authorise", 1);
    f.clock.advance_seconds(60);
    assert_eq!(workers::resume(&other_instance(&f)).await.unwrap(), 1);
    let fence = f.scalar("SELECT fence FROM orders").await;
    gate.add_permits(1);
    late.await.unwrap();
    f.saga.running.close();
    f.saga.running.wait().await;
    assert_eq!(f.status().await, "pending", "the late answer was not written");
    assert_eq!(f.scalar("SELECT count(*) FROM orders WHERE step = 'authorise'").await, 1);
    assert_eq!(f.scalar("SELECT fence FROM orders").await, fence);
    f.resume_after(60).await;
    assert_eq!(f.status().await, "confirmed");
}
