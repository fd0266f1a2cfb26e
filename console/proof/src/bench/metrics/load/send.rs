//! Sending a load: two connections, each with pods of its own, so that the samples of a series arrive in order.

use super::{Load, encode};
use crate::{
    bench::pipe::{join, pipe},
    peer::{Endpoint, PeerError, remote_write},
};

/// Connections.
pub const LANES: usize = 2;

/// Sends everything; ends at the first refusal.
pub async fn send(endpoint: &Endpoint, load: Load) -> Result<(), PeerError> {
    let lanes: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(send_lane(endpoint.clone(), load, lane))).collect();
    join(lanes).await
}

async fn send_lane(endpoint: Endpoint, load: Load, lane: usize) -> Result<(), PeerError> {
    let make = move || {
        let mut requests = encode::requests((0..load.pods).skip(lane).step_by(LANES));
        let many = requests.len();
        let turns = (0..load.steps).flat_map(move |step| (0..many).map(move |request| (step, request)));
        turns.map(move |(step, request)| requests[request].body(load.time_ms(step)))
    };
    pipe(make, |body| remote_write::send(&endpoint, body)).await
}
