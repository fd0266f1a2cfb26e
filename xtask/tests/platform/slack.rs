//! A server in the place of Slack's incoming webhook: keeps what is posted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::Failure;

/// One POST: when it came, and its body.
#[derive(Clone, Debug)]
pub struct Posted {
    pub at: Instant,
    pub body: String,
}

pub struct SlackCapture {
    port: u16,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl SlackCapture {
    pub async fn listen() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let sink = posted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = sink.clone();
                tokio::spawn(async move {
                    let _ = keep_posts(stream, &sink).await;
                });
            }
        });
        Ok(Self { port, posted })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/T000/B000/capture", self.port)
    }

    /// What came so far and contains `needle`.
    pub fn posts_with(&self, needle: &str) -> Vec<Posted> {
        let posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.iter().filter(|p| p.body.contains(needle)).cloned().collect()
    }
}

/// Enough HTTP/1.1 for one client: head, body by content-length, "ok" as Slack answers.
async fn keep_posts(stream: TcpStream, sink: &Mutex<Vec<Posted>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut length = 0usize;
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        sink.lock().unwrap_or_else(PoisonError::into_inner).push(Posted { at: Instant::now(), body });
        write.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/html\r\n\r\nok").await?;
    }
}
