//! Bodies are made on a thread of their own while the one before is under way, in their order.

use tokio::sync::mpsc;

use crate::peer::PeerError;

/// Bodies that are ready before they are sent.
const READY: usize = 8;

/// Hands each body of `make` to `send`, one after the other: a connection with its sender. Ends at the first error.
pub async fn pipe<I, B, F, S>(make: impl FnOnce() -> I + Send + 'static, mut send: F) -> Result<(), PeerError>
where
    I: Iterator<Item = Result<B, PeerError>>,
    B: Send + 'static,
    F: FnMut(B) -> S,
    S: Future<Output = Result<(), PeerError>>,
{
    let (ready, mut bodies) = mpsc::channel(READY);
    let making = tokio::task::spawn_blocking(move || {
        for body in make() {
            // Without a receiver sending has ended with an error, which is told there.
            if ready.blocking_send(body?).is_err() {
                return Ok(());
            }
        }
        Ok(())
    });
    while let Some(body) = bodies.recv().await {
        send(body).await?;
    }
    making.await.map_err(ended)?
}

/// Waits for all of the senders; the first error is the answer.
pub async fn join(
    senders: impl IntoIterator<Item = tokio::task::JoinHandle<Result<(), PeerError>>>,
) -> Result<(), PeerError> {
    for sender in senders {
        sender.await.map_err(ended)??;
    }
    Ok(())
}

fn ended(e: tokio::task::JoinError) -> PeerError {
    PeerError::io("a sender ended")(std::io::Error::other(e))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn bodies_arrive_in_their_order_up_to_the_first_error() {
        let got = Arc::new(Mutex::new(Vec::new()));
        let make = || {
            (0..30).map(|n| {
                if n == 20 {
                    Err(PeerError::io("the twentieth")(std::io::Error::other("none")))
                } else {
                    Ok(n)
                }
            })
        };
        let outcome = pipe(make, |n| {
            let got = got.clone();
            async move {
                got.lock().unwrap().push(n);
                Ok(())
            }
        })
        .await;
        assert_eq!(outcome.unwrap_err().to_string(), "the twentieth");
        assert_eq!(*got.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
