//! Postgres and Redis in containers, one each for a test; a container is removed with the handle that holds it.

use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ImageExt as _};
use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::redis::Redis;

/// A container with the URL to reach it.
pub(crate) struct Container<I: testcontainers::Image> {
    pub(crate) url: String,
    _handle: ContainerAsync<I>,
}

/// A Postgres with an empty database.
pub(crate) async fn postgres() -> Container<Postgres> {
    let image =
        Postgres::default().with_host_auth().with_user("app").with_db_name("app").with_tag("16-alpine");
    let handle = image.start().await.expect("a Postgres container starts");
    let port = handle.get_host_port_ipv4(5432).await.expect("the container has its port");
    Container { url: format!("postgres://app@127.0.0.1:{port}/app"), _handle: handle }
}

/// An empty Redis.
pub(crate) async fn redis() -> Container<Redis> {
    let handle = Redis::default().with_tag("7-alpine").start().await.expect("a Redis container starts");
    let port = handle.get_host_port_ipv4(6379).await.expect("the container has its port");
    Container { url: format!("redis://127.0.0.1:{port}"), _handle: handle }
}
