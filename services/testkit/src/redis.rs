//! A Redis for one test.

use testcontainers_modules::redis::Redis;

use crate::backend::{Backend, chosen};
use crate::{docker, local};

/// An empty Redis that no other test sees. It ends with this value.
pub struct TestRedis {
    /// Its URL.
    pub url: String,
    server: Server,
}

enum Server {
    Local(Option<local::LocalServer>),
    #[expect(dead_code, reason = "held so that the container lives as long as this value")]
    Docker(Box<docker::Container<Redis>>),
}

impl TestRedis {
    /// Starts one.
    pub async fn start() -> Self {
        match chosen() {
            Backend::Docker => {
                let container = docker::redis().await;
                Self { url: container.url.clone(), server: Server::Docker(Box::new(container)) }
            }
            Backend::Local => {
                let (server, socket) =
                    tokio::task::spawn_blocking(local::start_redis).await.expect("the local Redis starts");
                Self { url: format!("unix://{}", socket.display()), server: Server::Local(Some(server)) }
            }
        }
    }

    /// A connection to look at what the code under test wrote.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).expect("the URL is well formed");
        crate::eventually_some("Redis takes connections", || {
            let client = client.clone();
            async move { client.get_multiplexed_async_connection().await.ok() }
        })
        .await
    }

    /// An outage: Redis is gone from now on.
    pub async fn stop(&mut self) {
        match &mut self.server {
            Server::Local(server) => {
                let server = server.take();
                tokio::task::spawn_blocking(move || drop(server)).await.expect("the local Redis stops");
            }
            Server::Docker(_) => {
                let mut connection = self.connection().await;
                let _ = redis::cmd("SHUTDOWN").arg("NOSAVE").query_async::<()>(&mut connection).await;
            }
        }
    }
}
