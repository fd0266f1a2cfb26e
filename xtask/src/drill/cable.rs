//! The network of one node as a cable that can be pulled: everything that goes to it or comes from it passes through
//! small forwarders here. While it is pulled bytes are held back, as a lost link does; whoever talks over it learns of it
//! as a real peer would, by its keepalive, which is played after [`NOTICED_AFTER`].

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What keepalives of five seconds, tried twice, take to end a connection.
const NOTICED_AFTER: Duration = Duration::from_secs(10);

/// One node's cable.
pub struct Cable {
    pulled: watch::Sender<bool>,
}

impl Cable {
    pub fn new() -> Self {
        Self { pulled: watch::channel(false).0 }
    }

    /// Forwards what connects at `from` to `to`, both on loopback, until the process ends.
    pub async fn carry(&self, from: u16, to: u16) -> Result<(), String> {
        let listener = TcpListener::bind(("127.0.0.1", from))
            .await
            .map_err(|e| format!("port {from} cannot be bound: {e}"))?;
        let pulled = self.pulled.subscribe();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, to, pulled.clone()));
            }
        });
        Ok(())
    }

    pub fn pull(&self) {
        self.pulled.send_replace(true);
    }

    pub fn is_pulled(&self) -> bool {
        *self.pulled.borrow()
    }

    pub fn plug_in(&self) {
        self.pulled.send_replace(false);
    }
}

async fn connection(near: TcpStream, to: u16, pulled: watch::Receiver<bool>) {
    let forward = async {
        plugged(pulled.clone()).await;
        let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::select! {
            () = one_way(near_read, far_write, pulled.clone()) => {}
            () = one_way(far_read, near_write, pulled.clone()) => {}
        }
    };
    tokio::select! {
        () = forward => {}
        () = noticed(pulled.clone()) => {}
    }
}

async fn one_way(mut read: OwnedReadHalf, mut write: OwnedWriteHalf, pulled: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(n @ 1..) = read.read(&mut buffer).await {
        plugged(pulled.clone()).await;
        if write.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// Waits until the cable is plugged in.
async fn plugged(mut pulled: watch::Receiver<bool>) {
    if pulled.wait_for(|p| !*p).await.is_err() {
        // The cable is gone, and with it the drill.
        std::future::pending::<()>().await;
    }
}

/// Waits until the cable was pulled for long enough to be noticed.
async fn noticed(mut pulled: watch::Receiver<bool>) {
    loop {
        if pulled.wait_for(|p| *p).await.is_err() {
            std::future::pending::<()>().await;
        }
        if tokio::time::timeout(NOTICED_AFTER, pulled.wait_for(|p| !*p)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_wait_while_the_cable_is_pulled_and_none_is_lost() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = echo.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let from = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cable = Cable::new();
        cable.carry(from, to).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", from)).await.unwrap();
        let mut answer = [0u8; 3];
        stream.write_all(b"one").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        cable.pull();
        stream.write_all(b"two").await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(200), stream.read_exact(&mut answer)).await;
        assert!(early.is_err(), "a pulled cable carried {answer:?}");
        cable.plug_in();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two");
    }
}
