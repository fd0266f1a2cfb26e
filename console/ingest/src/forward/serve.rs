//! The listener.

use std::future::Future;

use console_model::clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{ForwardState, event, handshake, scan::Scan};
use crate::{
    connections::{self, Ended, Patience},
    limits::IngestLimits,
    metrics::{Protocol, Signal},
    refusal::{Outcome, Refusal, RefusalKind},
};

const READ_BYTES: usize = 64 << 10;
/// What a sender answers to the greeting is no longer.
const MAX_PING_BYTES: usize = 8 << 10;

/// Takes connections until `shutdown` ends.
pub async fn serve(state: ForwardState, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let gate = state.gate.clone();
    connections::serve(&gate, Protocol::Forward, listener, shutdown, move |stream| {
        let state = state.clone();
        async move { connection(&state, stream).await }
    })
    .await;
}

async fn connection(state: &ForwardState, stream: TcpStream) -> Ended {
    let limits = &state.gate.limits;
    let mut messages = Messages { stream, buffer: Vec::with_capacity(READ_BYTES), taken: 0 };
    if let Some(key) = &state.shared_key {
        let nonce: [u8; 16] = rand::random();
        messages.send(&handshake::helo(&nonce), limits).await?;
        // Nobody is known yet.
        let small = IngestLimits { max_body_bytes: MAX_PING_BYTES, ..IngestLimits::clone(limits) };
        let ping = tokio::time::timeout(limits.body_timeout(), messages.next(&small)).await;
        let Some(ping) = ping.unwrap_or_else(|_| Err(handshake::mismatch()))? else { return Ok(()) };
        let (pong, knows) = handshake::pong(ping, &nonce, key)?;
        messages.send(&pong, limits).await?;
        if !knows {
            return Err(handshake::mismatch());
        }
    }
    while let Some(message) = messages.next(limits).await? {
        let message = message.to_vec();
        if let Some(chunk) = store(state, message).await? {
            messages.send(&handshake::ack(&chunk), limits).await?;
        }
    }
    Ok(())
}

/// Stores a message and counts what became of it. The chunk to acknowledge, also where nothing could be stored and never
/// will be: its sender would send it for ever.
async fn store(state: &ForwardState, bytes: Vec<u8>) -> Result<Option<String>, Refusal> {
    let (limits, logs) = (state.gate.limits.clone(), state.logs.clone());
    let work = move || {
        let message = event::decode(&bytes, &limits, clock::now_ns())?;
        drop(bytes);
        let stored =
            if message.streams.is_empty() { Ok(Default::default()) } else { logs.append(message.streams) };
        // Entries that were refused all together are counted as such, and acknowledged.
        Ok((message.chunk, Outcome::settle(message.refused, stored)))
    };
    // What cannot be read on ends the connection, where it is counted.
    let (chunk, result) = state.gate.run(work).await?;
    match state.gate.count(Signal::Logs, Protocol::Forward, result) {
        Ok(outcome) => {
            if outcome.refused.count > 0 {
                tracing::debug!(reason = outcome.refused.message, "records were refused");
            }
            Ok(chunk)
        }
        Err(refusal) if matches!(refusal.kind, RefusalKind::Busy | RefusalKind::Internal) => {
            // Counted already: the connection ends as if the sender had ended it.
            tracing::warn!(reason = refusal.message, "records were not stored and not acknowledged");
            Err(Refusal { reason: "not_acknowledged", ..refusal })
        }
        Err(refusal) => {
            tracing::debug!(reason = refusal.message, "records were refused");
            Ok(chunk)
        }
    }
}

/// Values one behind the other, as they arrive.
struct Messages {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that were handed out.
    taken: usize,
}

impl Messages {
    /// The next value; none when the sender ended the connection between two.
    async fn next(&mut self, limits: &IngestLimits) -> Result<Option<&[u8]>, Refusal> {
        self.buffer.drain(..self.taken);
        self.buffer.shrink_to(READ_BYTES);
        self.taken = 0;
        let mut scan = Scan::default();
        let mut patience = Patience::default();
        loop {
            let end = scan
                .advance(&self.buffer)
                .map_err(|e| Refusal::invalid("undecodable", format!("MessagePack: {e}")))?;
            if let Some(end) = end {
                self.taken = end;
                return Ok(Some(&self.buffer[..end]));
            }
            let max = limits.max_body_bytes;
            if self.buffer.len() > max {
                return Err(Refusal {
                    kind: RefusalKind::TooLarge,
                    message: format!("a message is larger than max_body_bytes ({max})"),
                    retry_after_s: None,
                    reason: "too_large",
                });
            }
            self.buffer.reserve(READ_BYTES);
            patience.check(limits, self.buffer.is_empty())?;
            let read = connections::within(limits, self.stream.read_buf(&mut self.buffer)).await?;
            if read == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(Refusal::invalid("interrupted", "the connection ended within a message"))
                };
            }
        }
    }

    async fn send(&mut self, bytes: &[u8], limits: &IngestLimits) -> Result<(), Refusal> {
        connections::within(limits, self.stream.write_all(bytes)).await
    }
}
