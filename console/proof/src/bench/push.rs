//! Sending a load over several connections, as shippers do: whoever is told to come back does, for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;

use super::pipe::{join, pipe};
use crate::peer::{Endpoint, PeerError};

/// Attempts of one request, the first included, before what it holds counts as refused.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where and how bodies are posted.
#[derive(Clone, Debug)]
pub struct Target {
    pub endpoint: Endpoint,
    pub path: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
}

/// One request.
pub struct Body {
    pub bytes: Vec<u8>,
    /// Lines or spans.
    pub items: u64,
    /// What the load counts as its size: bytes of lines, without what the protocol adds.
    pub raw_bytes: u64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub items: u64,
    pub raw_bytes: u64,
    /// Bytes of bodies, as the protocol compresses them.
    pub wire_bytes: u64,
    /// Answers that told the sender to come back.
    pub repeated: u64,
    /// Items of requests that were refused to the last attempt.
    pub refused_items: u64,
}

#[derive(Default)]
struct Tally {
    items: AtomicU64,
    raw_bytes: AtomicU64,
    wire_bytes: AtomicU64,
    repeated: AtomicU64,
    refused_items: AtomicU64,
}

impl Tally {
    fn sent(&self) -> Sent {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Sent {
            items: get(&self.items),
            raw_bytes: get(&self.raw_bytes),
            wire_bytes: get(&self.wire_bytes),
            repeated: get(&self.repeated),
            refused_items: get(&self.refused_items),
        }
    }
}

/// Sends the bodies of lane after lane at the same time, each lane over a connection of its own and in its order. An
/// answer that is neither a success nor a request to come back ends everything.
pub async fn push<I>(
    target: &Target,
    lanes: usize,
    bodies: impl Fn(usize) -> I + Clone + Send + 'static,
) -> Result<Sent, PeerError>
where
    I: Iterator<Item = Result<Body, PeerError>>,
{
    let tally = Arc::new(Tally::default());
    let mut senders = Vec::new();
    for lane in 0..lanes {
        let target = Target { endpoint: target.endpoint.apart()?, ..target.clone() };
        let (tally, bodies) = (tally.clone(), bodies.clone());
        senders.push(tokio::spawn(async move {
            pipe(move || bodies(lane), |body| post(&target, &tally, body)).await
        }));
    }
    join(senders).await?;
    Ok(tally.sent())
}

async fn post(target: &Target, tally: &Tally, body: Body) -> Result<(), PeerError> {
    let failed = || PeerError::http(format!("POST {}", target.path));
    let add = |to: &AtomicU64, n: u64| to.fetch_add(n, Ordering::Relaxed);
    add(&tally.items, body.items);
    add(&tally.raw_bytes, body.raw_bytes);
    add(&tally.wire_bytes, body.bytes.len() as u64);
    for attempt in 0..ATTEMPTS {
        let mut request = target.endpoint.post(target.path).body(body.bytes.clone());
        for (name, value) in target.headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(failed())?;
        let status = response.status();
        let text = response.text().await.map_err(failed())?;
        if status.is_success() {
            return Ok(());
        }
        if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let what = format!("POST {}", target.path);
            return Err(PeerError::Refused { what, status: status.as_u16(), body: text });
        }
        add(&tally.repeated, 1);
        tokio::time::sleep(pause(attempt)).await;
    }
    add(&tally.refused_items, body.items);
    Ok(())
}

/// Doubled from attempt to attempt.
fn pause(attempt: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use axum::{Router, routing::post};

    use super::*;

    /// A server that answers with these statuses, the last of them for good.
    async fn server(statuses: &'static [u16]) -> Target {
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = move || {
            let at = asked.fetch_add(1, Ordering::Relaxed).min(statuses.len() - 1);
            async move { StatusCode::from_u16(statuses[at]).unwrap() }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::new(listener.local_addr().unwrap().port(), None).unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/push", post(answer))).await });
        Target { endpoint, path: "/push", headers: &[] }
    }

    fn one_body(_: usize) -> impl Iterator<Item = Result<Body, PeerError>> {
        std::iter::once(Ok(Body { bytes: vec![0; 10], items: 3, raw_bytes: 20 }))
    }

    #[tokio::test]
    async fn a_request_to_come_back_is_obeyed_and_counted() {
        let sent = push(&server(&[429, 503, 204]).await, 1, one_body).await.unwrap();
        assert_eq!(sent, Sent { items: 3, raw_bytes: 20, wire_bytes: 10, repeated: 2, refused_items: 0 });
    }

    #[tokio::test]
    async fn another_refusal_ends_the_load_with_its_status() {
        match push(&server(&[400]).await, 2, one_body).await {
            Err(PeerError::Refused { status: 400, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        assert_eq!([0, 1, 2, 9].map(|n| pause(n).as_millis()), [50, 100, 200, 2000]);
    }
}
