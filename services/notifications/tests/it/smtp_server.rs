//! A mail server for one test: takes every mail, or answers a recipient what it is told to.

use std::sync::{Arc, Mutex};

use shop_instrumentation::config::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct SmtpServer {
    pub url: Secret,
    mails: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// `recipient` is its answer to RCPT TO, such as `250 fine`.
    pub async fn start(recipient: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(format!("smtp://{}", listener.local_addr().unwrap()));
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = mails.clone();
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(socket, recipient, kept.clone()));
            }
        });
        Self { url, mails, task }
    }

    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(socket: TcpStream, recipient: &str, mails: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut socket = BufReader::new(socket);
    socket.write_all(b"220 test\r\n").await.ok()?;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let answer = match line.split(' ').next()?.trim_end() {
            "RCPT" => recipient,
            "DATA" => {
                socket.write_all(b"354 go on\r\n").await.ok()?;
                let mail = body(&mut socket).await?;
                mails.lock().unwrap().push(mail);
                "250 taken"
            }
            _ => "250 fine",
        };
        socket.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn body(socket: &mut BufReader<TcpStream>) -> Option<String> {
    let mut body = String::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(body);
        }
        body.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
