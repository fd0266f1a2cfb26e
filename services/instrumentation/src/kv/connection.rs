//! A connection to one server, or to whichever server Sentinels say leads. Both are used alike.

use std::sync::Arc;

use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Cmd, Pipeline, RedisFuture, Value};

use super::sentinel::Followed;

/// A shared connection to Redis. Clones share it.
#[derive(Clone)]
pub struct Connection(Route);

#[derive(Clone)]
enum Route {
    Fixed(ConnectionManager),
    Sentinel(Arc<Followed>),
}

impl Connection {
    pub(super) fn fixed(manager: ConnectionManager) -> Self {
        Self(Route::Fixed(manager))
    }

    pub(super) fn sentinel(followed: Followed) -> Self {
        Self(Route::Sentinel(Arc::new(followed)))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match &mut self.0 {
            Route::Fixed(manager) => manager.req_packed_command(cmd),
            Route::Sentinel(followed) => Box::pin(async move {
                let mut manager = followed.master().await?;
                let answer = manager.req_packed_command(cmd).await;
                followed.learn(answer.as_ref().map(std::slice::from_ref));
                answer
            }),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.0 {
            Route::Fixed(manager) => manager.req_packed_commands(pipeline, offset, count),
            Route::Sentinel(followed) => Box::pin(async move {
                let mut manager = followed.master().await?;
                let answers = manager.req_packed_commands(pipeline, offset, count).await;
                followed.learn(answers.as_ref().map(Vec::as_slice));
                answers
            }),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.0 {
            Route::Fixed(manager) => manager.get_db(),
            Route::Sentinel(followed) => followed.database(),
        }
    }
}
