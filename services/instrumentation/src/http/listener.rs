//! A listener that closes without losing a connection which its caller believes to have: one that the kernel has taken and
//! nobody has accepted yet, and one that is accepted and has not sent its first request yet. Either would be reset, and a
//! proxy does not send a form a second time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long a connection may take to its first request once no more are accepted.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(1);

/// Closes a [`ClosingListener`].
#[derive(Clone, Default)]
pub(crate) struct Close {
    asked: CancellationToken,
    done: CancellationToken,
    unheard: Arc<Unheard>,
}

impl Close {
    /// Accepts what has connected, nothing that comes later, and waits for first requests, for a second at most. The
    /// listener must be polled meanwhile.
    pub(crate) async fn close(&self) {
        self.asked.cancel();
        self.done.cancelled().await;
        let _ = tokio::time::timeout(FIRST_REQUEST_WITHIN, self.unheard.none()).await;
    }
}

/// Connections that have not sent anything yet.
#[derive(Default)]
struct Unheard {
    count: AtomicUsize,
    changed: Notify,
}

impl Unheard {
    async fn none(&self) {
        loop {
            let changed = self.changed.notified();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// One connection of [`Unheard`].
struct Silent(Arc<Unheard>);

impl Silent {
    fn new(unheard: &Arc<Unheard>) -> Self {
        unheard.count.fetch_add(1, Ordering::AcqRel);
        Self(unheard.clone())
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

pub(crate) struct ClosingListener {
    /// None: it is closed.
    listener: Option<TcpListener>,
    address: SocketAddr,
    /// Connected before it was closed, not handed out yet.
    last: VecDeque<(Connection, SocketAddr)>,
    close: Close,
}

impl ClosingListener {
    pub(crate) fn new(listener: TcpListener, close: Close) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener: Some(listener), address, last: VecDeque::new(), close })
    }

    fn connection(&self, stream: TcpStream) -> Connection {
        Connection { stream, silent: Some(Silent::new(&self.close.unheard)) }
    }

    /// Takes what the kernel still holds. Tokio may not have been told of it yet, so the kernel is asked itself.
    fn drain(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        match listener.into_std() {
            Ok(listener) => {
                while let Ok((stream, peer)) = listener.accept() {
                    let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                    if let Ok(stream) = stream {
                        self.last.push_back((self.connection(stream), peer));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "connections that nobody accepted may be lost"),
        }
        self.close.done.cancel();
    }
}

impl Listener for ClosingListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            if let Some(last) = self.last.pop_front() {
                return last;
            }
            let Some(listener) = &mut self.listener else { return std::future::pending().await };
            tokio::select! {
                (stream, peer) = Listener::accept(listener) => return (self.connection(stream), peer),
                () = self.close.asked.cancelled() => self.drain(),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection, counted until it sends something.
pub(crate) struct Connection {
    stream: TcpStream,
    silent: Option<Silent>,
}

impl Connection {
    pub(crate) fn set_nodelay(&self) {
        let _ = self.stream.set_nodelay(true);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.silent = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::Router;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinHandle;

    use super::*;

    const FORM: &[u8] = b"POST / HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n";

    struct Server {
        address: SocketAddr,
        close: Close,
        stop: CancellationToken,
        task: JoinHandle<io::Result<()>>,
    }

    impl Server {
        /// Not polled before `connections` have connected.
        async fn start(connections: usize) -> (Self, Vec<TcpStream>) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut clients = Vec::new();
            for _ in 0..connections {
                clients.push(TcpStream::connect(address).await.unwrap());
            }
            let (close, stop) = (Close::default(), CancellationToken::new());
            let listener = ClosingListener::new(listener, close.clone()).unwrap();
            let router = Router::new().route("/", post(|| async { "taken" }));
            let until = stop.clone().cancelled_owned();
            let task =
                tokio::spawn(
                    async move { axum::serve(listener, router).with_graceful_shutdown(until).await },
                );
            (Self { address, close, stop, task }, clients)
        }

        /// As a process stops.
        async fn stop(self) {
            self.close.close().await;
            self.stop.cancel();
            self.task.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn whoever_has_connected_before_it_closes_is_answered() {
        let (server, mut clients) = Server::start(20).await;
        // What waits in the kernel, and what is accepted and says nothing yet.
        server.close.asked.cancel();
        let (address, closed) = (server.address, server.close.done.clone());
        let stopping = tokio::spawn(server.stop());
        closed.cancelled().await;
        assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        for client in &mut clients {
            client.write_all(FORM).await.unwrap();
        }
        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("taken"), "{answer:?}");
        }
        stopping.await.unwrap();
    }

    #[tokio::test]
    async fn who_says_nothing_holds_it_up_for_a_second_at_most() {
        let (server, clients) = Server::start(1).await;
        let began = Instant::now();
        server.stop().await;
        let took = began.elapsed();
        assert!(took >= FIRST_REQUEST_WITHIN && took < 5 * FIRST_REQUEST_WITHIN, "{took:?}");
        drop(clients);
    }

    #[tokio::test]
    async fn nobody_there_ends_at_once() {
        let (server, _) = Server::start(0).await;
        let began = Instant::now();
        server.stop().await;
        assert!(began.elapsed() < FIRST_REQUEST_WITHIN);
    }
}
