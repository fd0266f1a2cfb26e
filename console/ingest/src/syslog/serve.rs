//! The two listeners.

use std::{future::Future, sync::Arc, time::Duration};

use console_model::{clock, log::Streams};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::{
    SyslogState,
    framing::{self, Frame},
    message,
};
use crate::{
    connections::{self, Ended, Patience},
    metrics::{Protocol, Signal},
    refusal::{Outcome, Refusal, RefusalKind, Refused},
};

const READ_BYTES: usize = 64 << 10;
/// Largest datagram that there is.
const DATAGRAM_BYTES: usize = 65_535;
/// Datagrams that wait are taken together, up to this many.
const MAX_DATAGRAMS: usize = 512;
/// A store that is busy is asked again after this, then after twice as long, and so on up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Takes connections until `shutdown` ends.
pub async fn serve_tcp(state: SyslogState, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let gate = state.gate.clone();
    connections::serve(&gate, Protocol::Syslog, listener, shutdown, move |stream| {
        let state = state.clone();
        async move { connection(&state, stream).await }
    })
    .await;
}

/// Reads one connection to its end, or to what cannot be read on.
async fn connection(state: &SyslogState, mut stream: TcpStream) -> Ended {
    let max = state.gate.limits.max_frame_bytes;
    let mut buffer: Vec<u8> = Vec::with_capacity(READ_BYTES);
    let mut patience = Patience::default();
    loop {
        buffer.reserve(READ_BYTES);
        patience.check(&state.gate.limits, buffer.is_empty())?;
        let read = connections::within(&state.gate.limits, stream.read_buf(&mut buffer)).await?;
        let is_end = read == 0;
        let mut messages = Vec::new();
        let mut at = 0;
        let broken = loop {
            match framing::next(&buffer[at..], max, is_end) {
                Ok(Frame::Message { start, end, taken }) => {
                    messages.push(buffer[at + start..at + end].to_vec());
                    at += taken;
                }
                Ok(Frame::Partial) => break None,
                Err(e) => break Some(e),
            }
        };
        buffer.drain(..at);
        if at > 0 {
            patience = Patience::default();
        }
        if !messages.is_empty() {
            // Nothing is read meanwhile: what fills up then is the sender's own queue.
            Batch::new(messages).store_patiently(state).await;
        }
        if let Some(e) = broken {
            return Err(Refusal::invalid("undecodable", e.to_string()));
        }
        if is_end {
            return if buffer.iter().all(u8::is_ascii_whitespace) {
                Ok(())
            } else {
                Err(Refusal::invalid("interrupted", "the connection ended within a message"))
            };
        }
    }
}

/// Takes datagrams until `shutdown` ends.
pub async fn serve_udp(state: SyslogState, socket: UdpSocket, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let socket = Arc::new(socket);
    let mut buffer = vec![0u8; DATAGRAM_BYTES];
    loop {
        let received = tokio::select! {
            () = &mut shutdown => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let mut messages = Vec::new();
        match received {
            Ok((length, _)) => messages.push(buffer[..length].to_vec()),
            // Linux tells of the refusal of an earlier answer, of which there are none; nothing else ends a socket.
            Err(e) => {
                tracing::warn!(cause = %e, "syslog datagram could not be received");
                continue;
            }
        }
        while messages.len() < MAX_DATAGRAMS
            && let Ok((length, _)) = socket.try_recv_from(&mut buffer)
        {
            messages.push(buffer[..length].to_vec());
        }
        // Nobody can make this sender wait.
        Batch::new(messages).store(&state).await;
    }
}

/// Messages that came together.
#[derive(Clone)]
struct Batch {
    messages: Arc<Vec<Vec<u8>>>,
    /// When they came. The same however often they are stored, so that what comes twice is stored once.
    now_ns: i64,
}

impl Batch {
    fn new(messages: Vec<Vec<u8>>) -> Self {
        Self { messages: Arc::new(messages), now_ns: clock::now_ns() }
    }

    /// Stores the messages, and counts what became of them.
    async fn store(&self, state: &SyslogState) {
        let result = self.try_store(state).await;
        self.count(state, result);
    }

    /// As [`Batch::store`], however long the store is busy.
    async fn store_patiently(&self, state: &SyslogState) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_store(state).await {
                Err(refusal) if refusal.kind == RefusalKind::Busy => {
                    if pause == FIRST_PAUSE {
                        tracing::warn!(
                            reason = refusal.message,
                            "a sender of syslog messages is made to wait"
                        );
                    }
                    let told = refusal.retry_after_s.map(|s| Duration::from_secs(s.into()));
                    tokio::time::sleep(told.map_or(pause, |told| pause.min(told))).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                result => return self.count(state, result),
            }
        }
    }

    async fn try_store(&self, state: &SyslogState) -> Result<Outcome, Refusal> {
        let (limits, logs, own) = (state.gate.limits.clone(), state.logs.clone(), self.clone());
        let work = move || {
            let mut refused = Refused::default();
            let mut streams = Streams::default();
            for (i, text) in own.messages.iter().enumerate() {
                // Equal messages without a time, of one time, would be one.
                match message::map(text, &limits, own.now_ns.saturating_add(i as i64)) {
                    Ok((labels, entry)) => streams.push(&labels, entry),
                    Err(e) => refused.add(1, e.reason, || e.message),
                }
            }
            let streams = streams.into_list();
            let stored = if streams.is_empty() { Ok(Default::default()) } else { logs.append(streams) };
            Outcome::settle(refused, stored)
        };
        state.gate.run(work).await
    }

    /// The sender waits for no answer.
    fn count(&self, state: &SyslogState, result: Result<Outcome, Refusal>) {
        let told = match &result {
            Ok(outcome) if outcome.refused.count == 0 => None,
            Ok(outcome) => Some(outcome.refused.message.clone()),
            Err(refusal) => Some(refusal.message.clone()),
        };
        if let Some(reason) = told {
            tracing::debug!(reason, "syslog messages were refused");
        }
        if result.is_err() {
            let count = self.messages.len() as u64;
            state.gate.metrics.items(Signal::Logs, Protocol::Syslog, 0, count);
        }
        let _ = state.gate.count(Signal::Logs, Protocol::Syslog, result);
    }
}
