//! Sending a load: two connections, each with pods of its own, so that the samples of a series arrive in order.

use tokio::sync::mpsc;

use super::{Load, encode};
use crate::peer::{Endpoint, PeerError, remote_write};

/// Connections.
pub const LANES: usize = 2;
/// Bodies that are ready before they are sent.
const READY: usize = 8;

/// Sends everything; ends at the first refusal.
pub async fn send(endpoint: &Endpoint, load: Load) -> Result<(), PeerError> {
    let lanes: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(send_lane(endpoint.clone(), load, lane))).collect();
    for lane in lanes {
        lane.await.map_err(ended)??;
    }
    Ok(())
}

async fn send_lane(endpoint: Endpoint, load: Load, lane: usize) -> Result<(), PeerError> {
    let (ready, mut bodies) = mpsc::channel(READY);
    let making = tokio::task::spawn_blocking(move || {
        let mut requests = encode::requests((0..load.pods).skip(lane).step_by(LANES));
        for step in 0..load.steps {
            for request in &mut requests {
                // Without a receiver a request was refused, which is told there.
                if ready.blocking_send(request.body(load.time_ms(step))?).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    });
    while let Some(body) = bodies.recv().await {
        remote_write::send(&endpoint, body).await?;
    }
    making.await.map_err(ended)?
}

fn ended(e: tokio::task::JoinError) -> PeerError {
    PeerError::io("a sender ended")(std::io::Error::other(e))
}
