//! A way to a database that can be shut: what a network partition or a dead server looks like from a service.

use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// A TCP port that leads to the database until it is shut.
pub struct Gate {
    /// The database's URL through the gate.
    pub url: String,
    port: u16,
    target: Arc<PgConnectOptions>,
    connections: JoinSet<()>,
}

impl Gate {
    /// An open gate before the database with this URL.
    pub async fn open(database_url: &str) -> Self {
        let target = Arc::new(PgConnectOptions::from_str(database_url).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (before, rest) = database_url.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        let url = format!("{before}@127.0.0.1:{port}/{database}?sslmode=disable");
        let mut gate = Self { url, port, target, connections: JoinSet::new() };
        gate.serve(listener);
        gate
    }

    /// Ends every connection and refuses new ones.
    pub async fn shut(&mut self) {
        self.connections.shutdown().await;
    }

    /// Lets connections through again.
    pub async fn reopen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let target = Arc::clone(&self.target);
        self.connections.spawn(async move {
            let mut inside = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                inside.spawn(forward(client, Arc::clone(&target)));
            }
        });
    }
}

async fn forward(mut client: TcpStream, target: Arc<PgConnectOptions>) {
    let host = target.get_host();
    if host.starts_with('/') || target.get_socket().is_some() {
        let directory =
            target.get_socket().map_or_else(|| host.to_owned(), |path| path.display().to_string());
        let socket = format!("{directory}/.s.PGSQL.{}", target.get_port());
        if let Ok(mut server) = UnixStream::connect(socket).await {
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    } else if let Ok(mut server) = TcpStream::connect((host, target.get_port())).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
